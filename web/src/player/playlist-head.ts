// A live playlist only ever loses segments at its head: EXT-X-MEDIA-SEQUENCE never falls (RFC 8216bis section 6.2.2). Two
// origins of one stream agree on every segment, but not on the oldest: the one that started later has a shorter window.
// When a viewer is moved to the one with more, hls.js counts the additional segments as time that has passed, looks for
// media in the wrong place and leaves a hole. So what a viewer has lost stays lost. Pure.

const SEQUENCE = /^#EXT-X-MEDIA-SEQUENCE:(\d+)$/m
const DISCONTINUITY_SEQUENCE = /^#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)$/m
const SKIP = /^#EXT-X-SKIP:(?:.*,)?SKIPPED-SEGMENTS=(\d+).*$/m

export interface HeadedPlaylist {
  readonly text: string
  /** Its first media sequence number; null for a text that has none. */
  readonly head: number | null
}

/**
 * The media playlist without the segments before `knownHead`. Left as it is when nothing would remain, which means that
 * the numbers began anew.
 */
export function keepHead(text: string, knownHead: number | null): HeadedPlaylist {
  const head = numberIn(text, SEQUENCE)
  if (head === null || knownHead === null || head >= knownHead) return { text, head }
  const surplus = knownHead - head
  const skipped = numberIn(text, SKIP) ?? 0
  const listed = dropSegments(text, Math.max(0, surplus - skipped))
  if (listed === null) return { text, head }

  const left = skipped - surplus
  const dsn = (numberIn(text, DISCONTINUITY_SEQUENCE) ?? 0) + listed.discontinuities
  return {
    text: listed.text
      .replace(SEQUENCE, `#EXT-X-MEDIA-SEQUENCE:${knownHead}`)
      .replace(DISCONTINUITY_SEQUENCE, `#EXT-X-DISCONTINUITY-SEQUENCE:${dsn}`)
      .replace(SKIP, (line) => (left > 0 ? line.replace(/SKIPPED-SEGMENTS=\d+/, `SKIPPED-SEGMENTS=${left}`) : '#')),
    head: knownHead,
  }
}

/** Keeps the head of each media playlist that a viewer follows; `url` may carry delivery directives. */
export class PlaylistHeads {
  readonly #heads = new Map<string, number>()

  keep(url: string, text: string): string {
    const address = url.replace(/\?.*$/, '')
    const kept = keepHead(text, this.#heads.get(address) ?? null)
    if (kept.head !== null) this.#heads.set(address, kept.head)
    return kept.text
  }
}

/** Null when there are not that many. Tags that hold for the whole list or for later segments, as EXT-X-MAP, stay. */
function dropSegments(text: string, count: number): { readonly text: string; readonly discontinuities: number } | null {
  if (count === 0) return { text, discontinuities: 0 }
  const kept: string[] = []
  let dropped = 0
  let discontinuities = 0
  for (const line of text.split('\n')) {
    if (dropped === count || STAYS.test(line)) kept.push(line)
    else if (line === '#EXT-X-DISCONTINUITY') discontinuities++
    else if (line !== '' && !line.startsWith('#')) dropped++
  }
  return dropped === count ? { text: kept.join('\n'), discontinuities } : null
}

const STAYS =
  /^#(?:EXTM3U|EXT-X-(?:VERSION|TARGETDURATION|SERVER-CONTROL|PART-INF|MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE|INDEPENDENT-SEGMENTS|SKIP|MAP|KEY|DATERANGE|DEFINE|START|PRELOAD-HINT|RENDITION-REPORT|ENDLIST)\b)/

function numberIn(text: string, pattern: RegExp): number | null {
  const digits = pattern.exec(text)?.[1]
  return digits === undefined ? null : Number(digits)
}

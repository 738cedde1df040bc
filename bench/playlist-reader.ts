// As much of a live media playlist as a player needs to follow it.

export interface ListedPart {
  readonly msn: number
  readonly index: number
  readonly uri: string
  /** Milliseconds since 1970, by EXT-X-PROGRAM-DATE-TIME. */
  readonly startsAtMs: number
  readonly endsAtMs: number
}

export interface ReadPlaylist {
  readonly parts: readonly ListedPart[]
  readonly initUri: string | null
  readonly holdBackMs: number
  readonly canSkip: boolean
  /** What to ask for next. */
  readonly next: { readonly msn: number; readonly part: number }
  readonly reports: readonly { readonly uri: string; readonly msn: number; readonly part: number }[]
  readonly isEnded: boolean
}

export function readPlaylist(text: string): ReadPlaylist {
  const parts: ListedPart[] = []
  const reports: { uri: string; msn: number; part: number }[] = []
  let initUri: string | null = null
  let holdBackMs = 0
  let msn = 0
  let index = 0
  let atMs = 0
  let segmentStartMs = 0
  let segmentMs = 0
  for (const line of text.split('\n')) {
    if (line.startsWith('#EXT-X-PART:')) {
      const durationMs = numberOf(line, 'DURATION') * 1000
      parts.push({ msn, index, uri: quotedOf(line, 'URI') ?? '', startsAtMs: atMs, endsAtMs: atMs + durationMs })
      index++
      atMs += durationMs
    } else if (line.startsWith('#EXTINF:')) segmentMs = Number.parseFloat(line.slice(8)) * 1000
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) {
      segmentStartMs = Date.parse(line.slice(25))
      atMs = segmentStartMs
    } else if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) msn = Number(line.slice(22))
    else if (line.startsWith('#EXT-X-SKIP:')) msn += numberOf(line, 'SKIPPED-SEGMENTS')
    else if (line.startsWith('#EXT-X-MAP:')) initUri = quotedOf(line, 'URI')
    else if (line.startsWith('#EXT-X-SERVER-CONTROL:')) holdBackMs = numberOf(line, 'PART-HOLD-BACK') * 1000
    else if (line.startsWith('#EXT-X-RENDITION-REPORT:')) {
      reports.push({
        uri: quotedOf(line, 'URI') ?? '',
        msn: numberOf(line, 'LAST-MSN'),
        part: numberOf(line, 'LAST-PART'),
      })
    } else if (line !== '' && !line.startsWith('#')) {
      msn++
      index = 0
      atMs = segmentStartMs + segmentMs
    }
  }
  return {
    parts,
    initUri,
    holdBackMs,
    canSkip: text.includes('CAN-SKIP-UNTIL='),
    next: { msn, part: index },
    reports,
    isEnded: text.includes('#EXT-X-ENDLIST'),
  }
}

function numberOf(line: string, attribute: string): number {
  return Number(new RegExp(`[:,]${attribute}=([\\d.]+)`).exec(line)?.[1] ?? 0)
}

function quotedOf(line: string, attribute: string): string | null {
  return new RegExp(`[:,]${attribute}="([^"]*)"`).exec(line)?.[1] ?? null
}

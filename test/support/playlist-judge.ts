// Watches the playlists of a live stream as a suspicious player would: two independent parsers read every snapshot, what
// must not change is compared with the first one, and what is listed is fetched and weighed.
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { parse, setOptions, type types } from 'hls-parser'
import { Parser } from 'm3u8-parser'

/** EXTINF and PART durations are written with five decimals. */
const ROUNDING_SEC = 0.000_02
const POLL_MS = 1000

setOptions({ strictMode: true })

export interface JudgedSegment {
  readonly msn: number
  readonly durationSec: number
  readonly sizeBytes: number
  readonly isGap: boolean
  /** Null when the segment was first seen without its parts. */
  readonly parts: number | null
}

export interface JudgedTrack {
  readonly url: string
  readonly segments: Map<number, JudgedSegment>
  /** Lines that must stay as they are for the life of the playlist. */
  fixed: readonly string[]
  snapshots: number
  deltas: number
  longestPartSec: number
}

export class PlaylistJudge {
  readonly problems: string[] = []
  /** The playlist that the first problem was found in. */
  evidence = ''
  readonly tracks = new Map<string, JudgedTrack>()
  readonly #url: string
  multivariant: types.MasterPlaylist | null = null

  constructor(multivariantUrl: string) {
    this.#url = multivariantUrl
  }

  /** Looks at every track once a second until the signal aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    await this.refreshMultivariant()
    while (!signal.aborted) {
      const startedAtMs = performance.now()
      const looks = [...this.tracks].map(([id, track]) =>
        this.#look(id, track).catch((error: unknown) => this.#tell(id, String(error))),
      )
      await Promise.all(looks)
      await delay(Math.max(0, POLL_MS - (performance.now() - startedAtMs)), undefined, { signal }).catch(() => {})
    }
  }

  async refreshMultivariant(): Promise<void> {
    const text = await fetchText(this.#url)
    const playlist = this.#parseBoth('multivariant', text)
    if (!playlist?.isMasterPlaylist) throw new Error(`not a multivariant playlist:\n${text}`)
    this.multivariant = playlist
    // I-frame playlists have rules of their own.
    const variants = playlist.variants.filter(({ isIFrameOnly }) => isIFrameOnly !== true)
    const uris = variants.flatMap(({ uri, audio }) => [uri, ...audio.flatMap((rendition) => rendition.uri ?? [])])
    for (const uri of new Set(uris)) {
      const id = uri.split('/')[0] ?? uri
      if (this.tracks.has(id)) continue
      this.tracks.set(id, {
        url: new URL(uri, this.#url).href,
        segments: new Map(),
        fixed: [],
        snapshots: 0,
        deltas: 0,
        longestPartSec: 0,
      })
    }
  }

  async #look(id: string, track: JudgedTrack): Promise<void> {
    const [full, delta] = await Promise.all([fetchText(track.url), fetchText(`${track.url}?_HLS_skip=YES`)])
    for (const text of [full, delta]) {
      const playlist = this.#parseBoth(id, text)
      if (playlist === null || playlist.isMasterPlaylist) continue
      track.snapshots++
      if (playlist.skip > 0) track.deltas++
      this.#compareFixed(id, track, text)
      this.#checkParts(id, track, playlist)
      this.#checkNumbers(id, track, playlist)
      if (text === full) await this.#weigh(id, track, playlist)
    }
  }

  #parseBoth(id: string, text: string): types.MasterPlaylist | types.MediaPlaylist | null {
    const parser = new Parser()
    parser.on('warn', ({ message }) => this.#tell(id, `m3u8-parser warns: ${message}`, text))
    parser.push(text)
    parser.end()
    try {
      return parse(text)
    } catch (error) {
      this.#tell(id, `hls-parser: ${String(error)}`, text)
      return null
    }
  }

  #compareFixed(id: string, track: JudgedTrack, text: string): void {
    const fixed = text
      .split('\n')
      .filter((line) => /^#EXT-X-(VERSION|TARGETDURATION|PART-INF|SERVER-CONTROL|INDEPENDENT-SEGMENTS)/.test(line))
    if (track.fixed.length === 0) track.fixed = fixed
    else if (track.fixed.join() !== fixed.join()) this.#tell(id, `header changed from ${track.fixed.join()}`, text)
  }

  #checkParts(id: string, track: JudgedTrack, playlist: types.MediaPlaylist): void {
    const partTargetSec = playlist.partTargetDuration ?? 0
    for (const segment of playlist.segments) {
      const parts = segment.parts.filter(({ hint }) => !hint)
      for (const part of parts) {
        const durationSec = part.duration ?? 0
        track.longestPartSec = Math.max(track.longestPartSec, durationSec)
        if (durationSec > partTargetSec) this.#tell(id, `part ${part.uri} lasts ${durationSec} s`)
      }
      const sumSec = parts.reduce((sum, part) => sum + (part.duration ?? 0), 0)
      if (segment.uri && parts.length > 0 && Math.abs(sumSec - segment.duration) > ROUNDING_SEC * parts.length)
        this.#tell(id, `segment ${segment.uri} lasts ${segment.duration} s, its parts ${sumSec} s`)
      if (segment.uri && Math.round(segment.duration) > playlist.targetDuration)
        this.#tell(id, `segment ${segment.uri} lasts ${segment.duration} s, more than the target duration`)
    }
    if (!playlist.segments.some((segment) => segment.parts.some(({ hint }) => hint)) && !playlist.endlist)
      this.#tell(id, 'no preload hint')
  }

  /** Names carry the sequence number; hls-parser counts by itself, also over what a delta update skips. */
  #checkNumbers(id: string, track: JudgedTrack, playlist: types.MediaPlaylist): void {
    for (const segment of playlist.segments) {
      if (!segment.uri) continue
      if (segment.uri !== `${segment.mediaSequenceNumber}.m4s`)
        this.#tell(id, `segment ${segment.uri} stands at number ${segment.mediaSequenceNumber}`)
      const seen = track.segments.get(segment.mediaSequenceNumber)
      if (seen !== undefined && seen.durationSec !== segment.duration)
        this.#tell(id, `segment ${segment.uri} changed from ${seen.durationSec} s to ${segment.duration} s`)
    }
  }

  async #weigh(id: string, track: JudgedTrack, playlist: types.MediaPlaylist): Promise<void> {
    const newest = Math.max(...track.segments.keys())
    for (const segment of playlist.segments) {
      const msn = segment.mediaSequenceNumber
      if (!segment.uri || track.segments.has(msn)) continue
      if (track.segments.size > 0 && msn !== newest + 1 && !track.segments.has(msn - 1))
        this.#tell(id, `after segment ${newest} came ${msn}`)
      const isGap = segment.gap === true
      const parts = segment.parts.filter(({ hint }) => !hint)
      const url = new URL(segment.uri, track.url)
      const whole = isGap ? new Uint8Array() : await fetchBytes(url)
      if (parts.length > 0) {
        const pieces = await Promise.all(parts.map(({ uri }) => fetchBytes(new URL(uri, track.url))))
        if (digest(pieces) !== digest([whole])) this.#tell(id, `segment ${segment.uri} is not the sum of its parts`)
      }
      track.segments.set(msn, {
        msn,
        durationSec: segment.duration,
        sizeBytes: whole.length,
        isGap,
        parts: parts.length > 0 ? parts.length : null,
      })
    }
  }

  #tell(id: string, what: string, text?: string): void {
    if (this.problems.length === 0) this.evidence = text ?? ''
    if (this.problems.length < 20) this.problems.push(`${id}: ${what}`)
  }
}

/** Largest and mean bit rate of what was seen; RFC 8216bis 4.4.6.2 counts segments of at least half a target duration. */
export function measuredRates(track: JudgedTrack): { readonly peakBps: number; readonly averageBps: number } {
  const media = [...track.segments.values()].filter(({ isGap }) => !isGap)
  const bits = media.reduce((sum, { sizeBytes }) => sum + sizeBytes * 8, 0)
  const seconds = media.reduce((sum, { durationSec }) => sum + durationSec, 0)
  const long = media.filter(({ durationSec }) => durationSec >= 0.5)
  const peakBps = Math.max(...long.map(({ sizeBytes, durationSec }) => (sizeBytes * 8) / durationSec))
  return { peakBps, averageBps: bits / seconds }
}

async function fetchText(url: string | URL): Promise<string> {
  const response = await fetch(url)
  const text = await response.text()
  if (!response.ok) throw new Error(`GET ${url} → ${response.status}: ${text}`)
  return text
}

async function fetchBytes(url: URL): Promise<Uint8Array> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`GET ${url} → ${response.status}: ${await response.text()}`)
  return new Uint8Array(await response.arrayBuffer())
}

function digest(pieces: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  return hash.digest('hex')
}

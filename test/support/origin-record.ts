// Everything one origin ever lists of one track: every segment and part with its fingerprint, while it is there.
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'

const POLL_MS = 500
const REQUEST_TIMEOUT_MS = 5000

export interface ListedSegment {
  readonly uri: string
  readonly msn: number
  /** Discontinuity sequence number. */
  readonly dsn: number
  readonly extinf: string
  readonly isGap: boolean
  /** EXT-X-MAP, which belongs to the name, too. */
  readonly map: string
  readonly programDateTime: string
  /** EXT-X-PART lines as they stand; empty once the segment has aged. */
  readonly parts: readonly string[]
}

export class OriginRecord implements AsyncDisposable {
  /** The newest listing of each segment, by media sequence number. */
  readonly segments = new Map<number, ListedSegment>()
  /** sha256 by URI. */
  readonly hashes = new Map<string, string>()
  /** What contradicts an earlier answer of this same origin. */
  readonly contradictions: string[] = []
  readonly #playlistUrl: () => string
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  #isFinishing = false

  /** `playlistUrl` is asked each time: an origin that is restarted has another port. */
  constructor(playlistUrl: () => string) {
    this.#playlistUrl = playlistUrl
    this.#done = this.#poll()
  }

  get msns(): readonly number[] {
    return [...this.segments.keys()].toSorted((a, b) => a - b)
  }

  /** Looks once more, to the end: everything that is listed by now is known with its fingerprint. */
  async finish(): Promise<void> {
    this.#isFinishing = true
    await this.#done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #poll(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const isLast = this.#isFinishing
      try {
        await this.#look()
        if (isLast) return
      } catch {
        // The origin is down or not live yet; what it fails to answer is missing in the record.
      }
      await delay(POLL_MS, undefined, { signal: this.#stop.signal }).catch(() => {})
    }
  }

  async #look(): Promise<void> {
    const url = this.#playlistUrl()
    const { segments, openParts } = parseListing((await this.#fetch(url)).toString('utf8'))
    for (const segment of segments) {
      const known = this.segments.get(segment.msn)
      if (known !== undefined && !isSameListing(known, segment)) {
        this.contradictions.push(`${JSON.stringify(known)} became ${JSON.stringify(segment)}`)
      }
      this.segments.set(segment.msn, known !== undefined && known.parts.length > segment.parts.length ? known : segment)
    }
    const uris = segments.flatMap(({ uri, isGap, parts }) => [...(isGap ? [] : [uri]), ...parts.map(uriOf)])
    for (const uri of [...uris, ...openParts.map(uriOf)]) {
      if (this.hashes.has(uri)) continue
      const bytes = await this.#fetch(new URL(uri, url).href)
      this.hashes.set(uri, createHash('sha256').update(bytes).digest('hex'))
    }
  }

  async #fetch(url: string): Promise<Buffer> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)])
    const response = await fetch(url, { signal })
    const body = Buffer.from(await response.arrayBuffer())
    if (!response.ok) throw new Error(`${url} → ${response.status}`)
    return body
  }
}

/** What two origins must have in common to be each other's stand-in; the parts only where both still list them. */
export function isSameListing(a: ListedSegment, b: ListedSegment): boolean {
  const areParts = a.parts.length === 0 || b.parts.length === 0 || a.parts.join() === b.parts.join()
  const common = (segment: ListedSegment) => JSON.stringify({ ...segment, parts: null })
  return areParts && common(a) === common(b)
}

function uriOf(partLine: string): string {
  return /URI="([^"]+)"/.exec(partLine)?.[1] ?? ''
}

function parseListing(text: string): {
  readonly segments: readonly ListedSegment[]
  readonly openParts: readonly string[]
} {
  const segments: ListedSegment[] = []
  let [msn, dsn, extinf, isGap, map, programDateTime] = [0, 0, '', false, '', '']
  let parts: string[] = []
  for (const line of text.split('\n')) {
    const value = line.slice(line.indexOf(':') + 1)
    if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) msn = Number(value)
    else if (line.startsWith('#EXT-X-DISCONTINUITY-SEQUENCE:')) dsn = Number(value)
    else if (line === '#EXT-X-DISCONTINUITY') dsn++
    else if (line.startsWith('#EXTINF:')) extinf = value
    else if (line === '#EXT-X-GAP') isGap = true
    else if (line.startsWith('#EXT-X-MAP:')) map = value
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) programDateTime = value
    else if (line.startsWith('#EXT-X-PART:')) parts.push(value)
    else if (line !== '' && !line.startsWith('#')) {
      segments.push({ uri: line, msn, dsn, extinf, isGap, map, programDateTime, parts })
      msn++
      ;[extinf, isGap, programDateTime, parts] = ['', false, '', []]
    }
  }
  return { segments, openParts: parts }
}

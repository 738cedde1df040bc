// Fetches media of one rendition: initialization segments, and of some segments everything, their parts through hints.
import type { Exchange } from './exchange.ts'
import { exchange, type FetchHost } from './fetcher.ts'
import { initKey, type RenditionHistory } from './history.ts'
import type { Linter } from './linter.ts'
import type { ByteRange, MediaPlaylist, Part, Segment } from './media-playlist-model.ts'
import { comparePositions, type Position, positionOf } from './merge-delta.ts'

export type MediaMode = 'all' | 'sample' | 'none'

/** Requests that wait for their turn; further ones are left out. */
const MAX_QUEUED = 32
/** Sampled are two neighbouring segments of six: enough to see how media goes on from one to the next. */
const PAIR = 2
const PAIRS_APART = 3
/** Of a complete presentation: pairs at its start, middle and end. */
const ENDED_PAIRS = 3

export class MediaSampler {
  readonly #host: FetchHost
  readonly #linter: Linter
  readonly #url: string
  readonly #mode: MediaMode
  readonly #asked = new Set<string>()
  #queue: Promise<void> = Promise.resolve()
  #queued = 0
  #firstMsn: number | null = null
  #hint: { readonly url: string; readonly madeAt: Position; answer: Exchange | null } | null = null

  constructor(host: FetchHost, linter: Linter, url: string, mode: MediaMode) {
    this.#host = host
    this.#linter = linter
    this.#url = url
    this.#mode = mode
  }

  /** Media requests left out because too many waited. */
  dropped = 0

  onPlaylist(playlist: MediaPlaylist): void {
    if (this.#mode === 'none') return
    for (const { map } of [...playlist.segments.slice(-3), ...(playlist.open === null ? [] : [playlist.open])]) {
      if (map !== null)
        this.#ask(initKey(map), { purpose: 'init', url: map.url, range: httpRange(map.range), media: null })
    }
    this.#settleHint(playlist)
    const chosen = this.#choose(playlist)
    this.#followHint(playlist, chosen)
    for (const segment of chosen) this.#fetchParts(segment.parts)
    for (const segment of chosen) {
      if ('uriLine' in segment) this.#fetchSegment(segment)
    }
  }

  /** When all that was asked for has come. */
  async settled(): Promise<void> {
    await this.#queue
  }

  #choose(playlist: MediaPlaylist): (MediaPlaylist['segments'][number] | NonNullable<MediaPlaylist['open']>)[] {
    const { segments, open, isEnded } = playlist
    if (isEnded && this.#firstMsn === null) return this.#mode === 'all' ? [...segments] : spread(segments)
    // What is listed first was published before the watch began: only its end can be seen as it comes.
    this.#firstMsn ??= open?.msn ?? segments.at(-1)?.msn ?? 0
    const firstMsn = this.#firstMsn
    const near = [...segments.slice(-PAIR * PAIRS_APART), ...(open === null ? [] : [open])]
    return near.filter(({ msn, isGap }) => msn >= firstMsn && !isGap && this.#isSampled(msn))
  }

  #isSampled(msn: number): boolean {
    if (this.#mode === 'all') return true
    return Math.floor((msn - (this.#firstMsn ?? 0)) / PAIR) % PAIRS_APART === 0
  }

  #fetchParts(parts: readonly Part[]): void {
    for (const part of parts) {
      if (part.isGap || part.url === this.#hint?.url) continue
      const { msn, index, url, range } = part
      this.#ask(`${url} ${range?.offset ?? ''}`, {
        purpose: 'part',
        url,
        range: httpRange(range),
        media: { msn, part: index },
      })
    }
  }

  #fetchSegment({ msn, url, range, isGap }: Segment): void {
    if (!isGap)
      this.#ask(`segment ${url} ${range?.offset ?? ''}`, {
        purpose: 'segment',
        url,
        range: httpRange(range),
        media: { msn, part: null },
      })
  }

  /** Asks for the hinted part at once, as a player does; the answer comes when the part is complete. */
  #followHint(playlist: MediaPlaylist, chosen: readonly { readonly msn: number }[]): void {
    const hint = playlist.hints.find(({ type }) => type === 'PART')
    const open = playlist.open ?? playlist.segments.at(-1)
    if (hint === undefined || this.#hint !== null || open === undefined || !chosen.some(({ msn }) => msn === open.msn))
      return
    // A hint into a growing resource would be answered by its whole rest.
    if (hint.rangeStart !== null || this.#asked.has(`${hint.url} `)) return
    this.#asked.add(`${hint.url} `)
    const pending = { url: hint.url, madeAt: positionOf(playlist), answer: null as Exchange | null }
    this.#hint = pending
    void exchange(this.#host, { purpose: 'hint', url: hint.url, playlistUrl: this.#url }).then((answer) => {
      pending.answer = answer
      const latest = this.#rendition()?.latest
      if (latest != null) this.#settleHint(latest)
    })
  }

  /** Which part a hinted resource became is known when it is listed, or when another is. */
  #settleHint(playlist: MediaPlaylist): void {
    const pending = this.#hint
    if (pending === null || pending.answer === null) return
    const part = [...(playlist.open?.parts ?? []), ...playlist.segments.slice(-3).flatMap(({ parts }) => parts)].find(
      ({ url }) => url === pending.url,
    )
    if (part === undefined && comparePositions(positionOf(playlist), pending.madeAt) <= 0) return
    this.#hint = null
    this.#linter.observe({ ...pending.answer, media: part === undefined ? null : { msn: part.msn, part: part.index } })
  }

  #rendition(): RenditionHistory | undefined {
    return this.#linter.presentation.renditions.get(this.#url)
  }

  /** One after the other, so that watching takes little of the line. */
  #ask(key: string, what: Pick<Exchange, 'purpose' | 'url' | 'range' | 'media'>): void {
    if (this.#asked.has(key)) return
    this.#asked.add(key)
    if (this.#queued >= MAX_QUEUED) {
      this.dropped++
      return
    }
    this.#queued++
    this.#queue = this.#queue.then(async () => {
      const answer = this.#host.signal.aborted
        ? null
        : await exchange(this.#host, { ...what, playlistUrl: this.#url, acceptEncoding: 'identity' })
      this.#queued--
      if (answer !== null) this.#linter.observe(answer)
    })
  }
}

function httpRange(range: ByteRange | null): Exchange['range'] {
  return range === null ? null : { first: range.offset, last: range.offset + range.length - 1 }
}

function spread(segments: readonly Segment[]): Segment[] {
  const starts = Array.from({ length: ENDED_PAIRS }, (_, index) =>
    Math.floor((index * (segments.length - PAIR)) / (ENDED_PAIRS - 1)),
  )
  const chosen = new Set(starts.flatMap((start) => [Math.max(0, start), Math.max(0, start) + 1]))
  return segments.filter(({ isGap }, index) => chosen.has(index) && !isGap)
}

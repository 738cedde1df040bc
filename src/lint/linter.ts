// Keeps the history of a presentation and shows each new observation to the rules. It fetches nothing and knows no clock.
import { type Exchange, wasHeld } from './exchange.ts'
import {
  type ClockZero,
  emptyPresentation,
  emptyRendition,
  initOf,
  MAX_RELOADS,
  MAX_SEGMENTS,
  mediaKey,
  type PresentationHistory,
  type RenditionHistory,
  type SegmentRecord,
} from './history.ts'
import { readIFrameFacts } from './iframe-facts.ts'
import { digest, type InitFacts, type MediaFacts, readInitFacts, readMediaFacts, tracksOf } from './media-facts.ts'
import type { MediaPlaylist, ParentSegment, Segment } from './media-playlist-model.ts'
import { comparePositions, mergeDelta, positionOf } from './merge-delta.ts'
import { type ParsedPlaylist, parsePlaylist } from './playlist-parser.ts'
import type { ExchangeView, Fault, Rule } from './rules/rule.ts'

/** Different findings kept per rule; further ones are only counted. */
const MAX_FINDINGS_PER_RULE = 100
/** Addresses of media whose first answer is remembered. */
const MAX_FIRST_MEDIA = 20_000
const MAX_DELAYS = 50_000

export interface Finding {
  readonly rule: string
  readonly severity: Rule['severity']
  readonly title: string
  readonly source: string
  readonly url: string
  readonly line: number | null
  readonly seen: string
  /** How often the same thing was seen. */
  count: number
}

/** Parts are this much shorter than their segment at most when none is missing: less than any part lasts. */
const PARTS_SLACK_SEC = 0.05

export class Linter {
  readonly presentation: PresentationHistory
  readonly #rules: readonly Rule[]
  readonly #findings = new Map<string, Map<string, Finding>>()
  readonly #overflow = new Map<string, number>()

  constructor(url: string, rules: readonly Rule[]) {
    this.presentation = emptyPresentation(url)
    this.#rules = rules
  }

  /** Shows one exchange to the rules; the playlist in it, when there is one. */
  observe(exchange: Exchange): ParsedPlaylist | null {
    const rendition = exchange.playlistUrl === null ? null : this.#rendition(exchange.playlistUrl)
    const playlist = readablePlaylist(exchange)
    const view: ExchangeView = {
      exchange,
      sha256: digest(exchange.body),
      playlist,
      rendition,
      presentation: this.presentation,
    }
    this.#run(exchange.url, (rule) => rule.exchange?.(view))
    if (playlist !== null) this.#observePlaylist(playlist, exchange, rendition)
    else if (exchange.purpose === 'reload' && rendition !== null) rendition.failedCount++
    const isWholeMedia = exchange.method === 'GET' && (exchange.status === 200 || exchange.status === 206)
    if (isWholeMedia && exchange.purpose === 'init') this.#observeInit(view)
    if (isWholeMedia && exchange.media !== null && rendition !== null) this.#observeMedia(view, rendition)
    return playlist
  }

  finish(): readonly Finding[] {
    this.#run(this.presentation.url, (rule) => rule.end?.(this.presentation))
    return this.findings
  }

  get findings(): readonly Finding[] {
    return this.#rules.flatMap(({ id }) => [...(this.#findings.get(id)?.values() ?? [])])
  }

  /** Findings of each rule that were not kept. */
  get overflow(): ReadonlyMap<string, number> {
    return this.#overflow
  }

  #observePlaylist(playlist: ParsedPlaylist, exchange: Exchange, rendition: RenditionHistory | null): void {
    this.#run(exchange.url, (rule) => rule.playlist?.(playlist, exchange))
    if (playlist.kind === 'multivariant') {
      if (exchange.purpose !== 'multivariant') return
      this.presentation.multivariant = playlist
      this.#run(exchange.url, (rule) => rule.multivariant?.(playlist, this.presentation))
    } else if (exchange.purpose === 'reload' && rendition !== null) this.#observeReload(playlist, exchange, rendition)
  }

  #observeReload(answered: MediaPlaylist, exchange: Exchange, rendition: RenditionHistory): void {
    const merged = mergeDelta(rendition.latest, answered)
    const whole = merged ?? answered
    const view = {
      exchange,
      answered,
      whole,
      isWhole: merged !== null,
      previous: rendition.latest,
      rendition,
      presentation: this.presentation,
    }
    this.#run(exchange.url, (rule) => rule.reload?.(view))
    if (merged !== null) this.#remember(merged, answered, exchange, rendition)
  }

  #remember(whole: MediaPlaylist, answered: MediaPlaylist, exchange: Exchange, rendition: RenditionHistory): void {
    const before = rendition.latest === null ? null : positionOf(rendition.latest)
    const position = positionOf(whole)
    rendition.reloadCount++
    if (answered.skip !== null) rendition.deltaCount++
    else rendition.latestFull = { playlist: answered, exchange }
    if (wasHeld(exchange) && exchange.directives.msn !== null) rendition.heldCount++
    const lastMsn = whole.segments.at(-1)?.msn ?? -1
    if (lastMsn > (rendition.latest?.segments.at(-1)?.msn ?? -1)) rendition.segmentChangedAtMs = exchange.headersAtMs
    if (before === null || comparePositions(position, before) > 0) {
      rendition.partChangedAtMs = exchange.headersAtMs
      if (before !== null) noteDelay(whole, exchange, rendition)
    }
    rendition.first ??= whole
    rendition.latest = whole
    push(
      rendition.reloads,
      { requestedAtMs: exchange.requestedAtMs, completedAtMs: exchange.completedAtMs, position },
      MAX_RELOADS,
    )
    // Older segments of a long playlist do not change: only what is new or near the end is looked at.
    for (const segment of whole.segments.slice(-MAX_SEGMENTS)) noteSegment(rendition, segment, segment)
    if (whole.open !== null) noteSegment(rendition, whole.open, null)
    forgetOldest(rendition.segments, MAX_SEGMENTS)
    for (const { id, attributes } of whole.dateRanges) {
      const known = rendition.dateRanges.get(id) ?? new Map<string, string>()
      for (const [name, { value }] of attributes) known.set(name, value)
      rendition.dateRanges.set(id, known)
    }
    if (rendition.claim !== null && comparePositions(position, rendition.claim.position) >= 0) rendition.claim = null
    for (const report of answered.reports) {
      const other = this.presentation.renditions.get(report.url)
      if (other === undefined || other === rendition) continue
      const claimed = { msn: report.lastMsn ?? position.msn, part: report.lastPart ?? position.part }
      if (other.claim !== null && comparePositions(claimed, other.claim.position) <= 0) continue
      other.claim = { position: claimed, madeAtMs: exchange.completedAtMs, by: exchange.url, line: report.line }
    }
  }

  #observeInit(view: ExchangeView): void {
    const init = readInitFacts(view.exchange.body)
    this.#run(view.exchange.url, (rule) => rule.init?.(init, view))
    const key = mediaKey(view.exchange.url, view.exchange.range)
    if (!this.presentation.inits.has(key)) this.presentation.inits.set(key, init)
    this.#noteFirst(key, view)
  }

  #observeMedia(view: ExchangeView, rendition: RenditionHistory): void {
    const { exchange } = view
    this.#noteFirst(mediaKey(exchange.url, exchange.range), view)
    const { purpose, media } = exchange
    if (media === null || (purpose !== 'part' && purpose !== 'hint' && purpose !== 'segment')) return
    const record = rendition.segments.get(media.msn)
    if (record === undefined) return
    const init = initOf(this.presentation, record.parent)
    if (rendition.latest?.isIFramesOnly) {
      const iFrame = { facts: readIFrameFacts(exchange.body, init), record }
      if (media.part === null) this.#run(exchange.url, (rule) => rule.iFrame?.(iFrame))
      return
    }
    const partRecord = media.part === null ? null : record.parts.get(media.part)
    if (partRecord === undefined) return
    const facts = readMediaFacts(exchange.body, init, partRecord === null ? partLengths(record) : null)
    const expected = expectedTimes(rendition, record, media.part, init)
    const part = partRecord?.part ?? null
    this.#run(exchange.url, (rule) =>
      rule.facts?.({ exchange, facts, init, record, part, expected, rendition, presentation: this.presentation }),
    )
    if (partRecord === null) record.facts = facts
    else partRecord.facts = facts
    record.clockZero ??= clockZero(record, facts, media.part, init)
  }

  #noteFirst(key: string, { exchange, sha256 }: ExchangeView): void {
    const { firstMedia } = this.presentation
    if (firstMedia.has(key)) return
    firstMedia.set(key, { sha256, etag: exchange.headers['etag'] ?? null, sizeBytes: exchange.body.length })
    forgetOldest(firstMedia, MAX_FIRST_MEDIA)
  }

  #rendition(url: string): RenditionHistory {
    const known = this.presentation.renditions.get(url)
    if (known !== undefined) return known
    const rendition = emptyRendition(url, nameOf(url, this.presentation.url))
    this.presentation.renditions.set(url, rendition)
    return rendition
  }

  #run(url: string, ask: (rule: Rule) => Iterable<Fault> | undefined): void {
    for (const rule of this.#rules) {
      for (const fault of ask(rule) ?? []) this.#tell(rule, fault, url)
    }
  }

  #tell(rule: Rule, fault: Fault, url: string): void {
    const found = this.#findings.get(rule.id) ?? new Map<string, Finding>()
    this.#findings.set(rule.id, found)
    const where = fault.url ?? url
    const key = fault.subject ?? `${withoutQuery(where)} ${fault.seen}`
    const known = found.get(key)
    if (known !== undefined) known.count++
    else if (found.size >= MAX_FINDINGS_PER_RULE) this.#overflow.set(rule.id, (this.#overflow.get(rule.id) ?? 0) + 1)
    else {
      const { id, severity, title, source } = rule
      found.set(key, {
        rule: id,
        severity,
        title,
        source,
        url: where,
        line: fault.line ?? null,
        seen: fault.seen,
        count: 1,
      })
    }
  }
}

function readablePlaylist(exchange: Exchange): ParsedPlaylist | null {
  const { purpose, probe, status, method } = exchange
  if (status !== 200 || method !== 'GET') return null
  if (purpose !== 'multivariant' && purpose !== 'reload' && (probe === null || !PLAYLIST_PROBES.has(probe))) return null
  return parsePlaylist(exchange.body, exchange.url)
}

const PLAYLIST_PROBES: ReadonlySet<string> = new Set([
  'part-without-msn',
  'far-ahead',
  'old-msn',
  'part-rollover',
  'skip-v2',
  'skip-unoffered',
  'ended-directives',
  'identity',
])

function noteSegment(rendition: RenditionHistory, parent: ParentSegment, segment: Segment | null): void {
  const record = rendition.segments.get(parent.msn)
  if (record === undefined) {
    const parts = new Map(parent.parts.map((part) => [part.index, { part, facts: null }]))
    rendition.segments.set(parent.msn, { msn: parent.msn, segment, parent, parts, facts: null, clockZero: null })
    return
  }
  record.segment = segment
  record.parent = parent
  for (const part of parent.parts)
    if (!record.parts.has(part.index)) record.parts.set(part.index, { part, facts: null })
}

/** Where the date of the last part's or segment's end is known, how long ago that was. */
function noteDelay({ segments, open }: MediaPlaylist, exchange: Exchange, rendition: RenditionHistory): void {
  const parent = open ?? segments.at(-1)
  if (parent === undefined || parent.pdtMs === null) return
  const lengthSec =
    open === null ? (segments.at(-1)?.durationSec ?? 0) : open.parts.reduce((sum, part) => sum + part.durationSec, 0)
  push(rendition.edgeDelaysMs, exchange.headersAtMs - parent.pdtMs - 1000 * lengthSec, MAX_DELAYS)
}

/** Lengths of all parts of a complete segment, when all were fetched. */
function partLengths({ segment, parts }: SegmentRecord): number[] | null {
  if (segment === null || parts.size === 0) return null
  // A watcher that was late has not seen the last ones.
  const seenSec = [...parts.values()].reduce((sum, { part }) => sum + part.durationSec, 0)
  if (seenSec < segment.durationSec - PARTS_SLACK_SEC) return null
  const lengths: number[] = []
  for (let index = 0; index < parts.size; index++) {
    const facts = parts.get(index)?.facts
    if (facts === null || facts === undefined) return null
    lengths.push(facts.sizeBytes)
  }
  return lengths
}

function expectedTimes(
  rendition: RenditionHistory,
  record: SegmentRecord,
  part: number | null,
  init: InitFacts | null,
): ReadonlyMap<number, number> | null {
  if (init === null) return null
  if (part !== null && part > 0) return endTimes(record.parts.get(part - 1)?.facts ?? null, init)
  const before = rendition.segments.get(record.msn - 1)
  if (before === undefined || record.parent.hasDiscontinuity || before.parent.dsn !== record.parent.dsn) return null
  if (before.segment?.isGap !== false) return null
  return endTimes(before.facts ?? before.parts.get(before.parts.size - 1)?.facts ?? null, init)
}

function endTimes(facts: MediaFacts | null, init: InitFacts): ReadonlyMap<number, number> | null {
  if (facts === null || facts.fragments.length === 0) return null
  const ends = new Map<number, number>()
  for (const { id } of init.tracks) {
    const last = tracksOf(facts, id).at(-1)
    if (last !== undefined && last.decodeTime !== null) ends.set(id, last.decodeTime + last.durationTicks)
  }
  return ends
}

function clockZero(
  record: SegmentRecord,
  facts: MediaFacts,
  part: number | null,
  init: InitFacts | null,
): ClockZero | null {
  const { pdtMs } = record.parent
  const track = init?.tracks.find(({ kind }) => kind === 'video') ?? init?.tracks[0]
  if (pdtMs === null || track === undefined || (part !== null && part > 0)) return null
  const first = tracksOf(facts, track.id)[0]
  if (first === undefined || first.decodeTime === null) return null
  const zeroAt = (offset: number): number => pdtMs - (1000 * ((first.decodeTime ?? 0) + offset)) / track.timescale
  return { earliestMs: zeroAt(first.firstSampleOffset), latestMs: zeroAt(first.firstPtsOffset) }
}

/** What of the address differs from the multivariant playlist's. */
function nameOf(url: string, base: string): string {
  const folder = base.slice(0, base.lastIndexOf('/') + 1)
  return url.startsWith(folder) ? url.slice(folder.length) : url
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/, '')
}

function push<T>(list: T[], value: T, limit: number): void {
  list.push(value)
  if (list.length > limit) list.shift()
}

function forgetOldest(map: Map<unknown, unknown>, limit: number): void {
  for (const key of map.keys()) {
    if (map.size <= limit) return
    map.delete(key)
  }
}

// The index of one track and hour, as it lies beside the media in a store: with it the recording is readable without the
// catalog. Pure; written by the drainer, read by the archive.
import { MirrorError } from '../core/errors.ts'
import { type Hour, hourPrefix, parseHour, type TrackPath } from '../storage/keys.ts'
import { isChecked, withCheck } from './checked-json.ts'
import { endsAtMs, isGap, type RecordedSegment, type Span } from './recorded-segment.ts'
import { parseTrackFacts, type TrackFacts } from './track-facts.ts'

/** Within a pack, or an object of its own. */
export type Placement = { readonly kind: 'object' } | ({ readonly kind: 'pack'; readonly id: string } & Span)

export interface IndexedSegment extends RecordedSegment {
  /** Null for a gap. */
  readonly placement: Placement | null
}

export interface HourIndex {
  readonly track: TrackPath
  readonly hour: Hour
  /** Of the newest segment; null in an index of before they were written down. */
  readonly facts: TrackFacts | null
  readonly updatedAtMs: number
  /** By media sequence number, ascending, none twice. */
  readonly segments: readonly IndexedSegment[]
}

/** Bumped when an older reader would misunderstand. From 2 on there are `facts` and `check`. */
const FORMAT = 2
const OBJECT = -1
const ROWS_FROM = ',"segments":['

/**
 * `{format, tenant, stream, track, hour, facts, startsAtMs, endsAtMs, updatedAtMs, segmentCount, bytes, keyPrefix, gaps,
 * inits, packs, segments, check}`. `segments` are rows [msn, dsn, startsAtMs, durationSec, init, sizeBytes, sha256, pack, offset] with
 * indexes into `inits` and `packs`; pack -1 is an object `<msn>.m4s` of its own, sizeBytes 0 a gap. `check` is the SHA-256 of all
 * that comes before it.
 */
export function renderHourIndex({ track, hour, facts: trackFacts, updatedAtMs, segments }: HourIndex): string {
  const inits = new Numbering()
  const packs = new Numbering()
  const rows = segments.map((segment) => {
    const { msn, dsn, startsAtMs, durationSec, initName, sizeBytes, sha256, placement } = segment
    const init = initName === null ? -1 : inits.of(initName)
    const head = [msn, dsn, startsAtMs, durationSec, init, sizeBytes, sha256]
    return placement?.kind === 'pack' ? [...head, packs.of(placement.id), placement.offset] : [...head, OBJECT, 0]
  })
  const facts = {
    format: FORMAT,
    tenant: track.tenantId,
    stream: track.streamId,
    track: track.trackId,
    hour,
    facts: trackFacts,
    startsAtMs: segments[0]?.startsAtMs ?? null,
    endsAtMs: segments.length === 0 ? null : endsAtMs(segments.at(-1) as IndexedSegment),
    updatedAtMs,
    segmentCount: segments.length,
    bytes: segments.reduce((sum, segment) => sum + segment.sizeBytes, 0),
    keyPrefix: hourPrefix(track, hour),
    gaps: gapsIn(segments).map((gap) => [gap.fromMs, gap.toMs]),
    inits: inits.names,
    packs: packs.names,
  }
  // One row a line: small differences, readable with any tool.
  const head = JSON.stringify(facts).slice(0, -1)
  return withCheck(`${head}${ROWS_FROM}\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]}\n`)
}

/** Throws `index_damaged`, naming what is wrong. */
export function parseHourIndex(text: string): HourIndex {
  const damaged = (what: string, cause?: unknown) =>
    new MirrorError('index_damaged', `hour index: ${what}`, cause === undefined ? {} : { cause })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw damaged('it is not JSON', error)
  }
  const { format, tenant, stream, track, hour, facts, updatedAtMs, inits, packs, segments } = asRecord(json)
  if (typeof format !== 'number' || format < 1) throw damaged('it has no format')
  if (format > FORMAT) throw damaged(`format ${format} is of a newer Mirror`)
  const parsedHour = typeof hour === 'string' ? parseHour(hour) : null
  if (typeof tenant !== 'string' || typeof stream !== 'string' || typeof track !== 'string' || parsedHour === null) {
    throw damaged('tenant, stream, track or hour is missing')
  }
  if (!isTextList(inits) || !isTextList(packs) || !Array.isArray(segments) || typeof updatedAtMs !== 'number') {
    throw damaged('inits, packs, segments or updatedAtMs is missing')
  }
  let previousMsn = -1
  const rows = segments.map((row: unknown, index): IndexedSegment => {
    const segment = parseRow(row, inits, packs)
    if (segment === null || segment.msn <= previousMsn) throw damaged(`row ${index} is not a segment`)
    previousMsn = segment.msn
    return segment
  })
  if (format > 1 && !isChecked(text)) throw damaged('its check does not fit')
  const path = { tenantId: tenant, streamId: stream, trackId: track }
  return { track: path, hour: parsedHour, facts: parseTrackFacts(facts), updatedAtMs, segments: rows }
}

/** Rows of an index that was cut short or damaged, as far as they are whole; null when not even its head is. */
export function salvageHourIndex(text: string): Pick<HourIndex, 'facts' | 'segments'> | null {
  const cut = text.indexOf(ROWS_FROM)
  const { inits, packs, facts } = asRecord(cut < 0 ? null : parseOrNull(`${text.slice(0, cut)}}`))
  if (!isTextList(inits) || !isTextList(packs)) return null
  const rows = text.slice(cut + ROWS_FROM.length).split('\n')
  const segments = rows.flatMap((row) => parseRow(parseOrNull(row.replace(/,$/, '')), inits, packs) ?? [])
  return { facts: parseTrackFacts(facts), segments: plausible(mergeSegments([], segments)) }
}

/** Nothing within an hour moves a segment this far away from where its number says. */
const MAX_STRAY_MS = 30_000

/** Without rows whose time or length cannot be: a digit of theirs was changed. */
function plausible(segments: readonly IndexedSegment[]): readonly IndexedSegment[] {
  const steps = segments.slice(1).flatMap((segment, index) => {
    const before = segments[index]
    return before === undefined ? [] : [(segment.startsAtMs - before.startsAtMs) / (segment.msn - before.msn)]
  })
  const stepMs = median(steps)
  if (stepMs === null) return segments
  const baseMs = median(segments.map(({ msn, startsAtMs }) => startsAtMs - msn * stepMs)) ?? 0
  return segments.filter(({ msn, startsAtMs, durationSec }) => {
    const strayMs = Math.abs(startsAtMs - msn * stepMs - baseMs)
    return strayMs <= MAX_STRAY_MS && durationSec * 1000 <= stepMs + MAX_STRAY_MS
  })
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Adds what was recorded. Media wins over a gap, and what is there already over what comes later: bytes never change. */
export function mergeSegments(
  present: readonly IndexedSegment[],
  added: readonly IndexedSegment[],
): readonly IndexedSegment[] {
  const byMsn = new Map(present.map((segment) => [segment.msn, segment]))
  for (const segment of added) {
    const existing = byMsn.get(segment.msn)
    if (existing === undefined || (isGap(existing) && !isGap(segment))) byMsn.set(segment.msn, segment)
  }
  return [...byMsn.values()].sort((left, right) => left.msn - right.msn)
}

/** Its media is lost. */
export function asGap(segment: IndexedSegment): IndexedSegment {
  return { ...segment, sizeBytes: 0, sha256: '', placement: null }
}

export interface TimeRange {
  readonly fromMs: number
  readonly toMs: number
}

/** Times without media: gap segments, and numbers that are missing between two segments. */
export function gapsIn(segments: readonly RecordedSegment[]): readonly TimeRange[] {
  return rangesOf(segments, (previous, segment) => {
    if (isGap(segment)) return { fromMs: segment.startsAtMs, toMs: endsAtMs(segment) }
    const isMissing = previous !== null && segment.msn > previous.msn + 1
    return isMissing ? { fromMs: endsAtMs(previous), toMs: segment.startsAtMs } : null
  })
}

/** Times with media, neighbours joined. */
export function mediaIn(segments: readonly RecordedSegment[]): readonly TimeRange[] {
  return rangesOf(segments, (_previous, segment) =>
    isGap(segment) ? null : { fromMs: segment.startsAtMs, toMs: endsAtMs(segment) },
  )
}

/** Rounding of timescales and B-frame offsets leave segments a little apart that are neighbours in media time. */
const NEIGHBOUR_MS = 250

function rangesOf<Segment extends RecordedSegment>(
  segments: readonly Segment[],
  rangeOf: (previous: Segment | null, segment: Segment) => TimeRange | null,
): readonly TimeRange[] {
  const ranges: { fromMs: number; toMs: number }[] = []
  let previous: Segment | null = null
  for (const segment of segments) {
    const range = rangeOf(previous, segment)
    previous = segment
    if (range === null) continue
    const last = ranges.at(-1)
    if (last !== undefined && range.fromMs - last.toMs <= NEIGHBOUR_MS) last.toMs = Math.max(last.toMs, range.toMs)
    else ranges.push({ ...range })
  }
  return ranges
}

class Numbering {
  readonly names: string[] = []
  readonly #numbers = new Map<string, number>()

  of(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    this.#numbers.set(name, this.names.length)
    return this.names.push(name) - 1
  }
}

function parseRow(row: unknown, inits: readonly string[], packs: readonly string[]): IndexedSegment | null {
  if (!Array.isArray(row)) return null
  const [msn, dsn, startsAtMs, durationSec, init, sizeBytes, sha256, pack, offset] = row as unknown[]
  if (!isCount(msn) || !isCount(dsn) || !isCount(sizeBytes) || !isCount(offset)) return null
  if (!isNumber(startsAtMs) || !isNumber(durationSec) || durationSec <= 0) return null
  if (!isNumber(init) || !isNumber(pack) || typeof sha256 !== 'string') return null
  const initName = init === -1 ? null : inits[init]
  const packId = pack === OBJECT ? null : packs[pack]
  if (initName === undefined || packId === undefined) return null
  const placement: Placement | null =
    sizeBytes === 0
      ? null
      : packId === null
        ? { kind: 'object' }
        : { kind: 'pack', id: packId, offset, length: sizeBytes }
  return { msn, dsn, startsAtMs, durationSec, initName, sizeBytes, sha256, placement }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isCount(value: unknown): value is number {
  return isNumber(value) && Number.isSafeInteger(value) && value >= 0
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

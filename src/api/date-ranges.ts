// Date ranges: what may be announced on a stream, how it may change, and how it is shown. Pure. RFC 8216bis 4.4.5.1.
import type { DateRangeRow } from '../catalog/types.ts'
import { MirrorError } from '../core/errors.ts'
import { type DateRange, type DateRangeValue, endOf } from '../hls/date-range.ts'
import type { AddDateRangeBody, ChangeDateRangeBody, DateRangeView } from './date-range-contract.ts'

/** Playlists are rebuilt with all of them. */
export const MAX_DATE_RANGES_PER_STREAM = 1000
/** DURATION and END-DATE may differ by what a millisecond of END-DATE leaves out. */
const END_SLACK_MS = 1

const SCTE35 = [
  ['scte35Cmd', 'SCTE35-CMD'],
  ['scte35Out', 'SCTE35-OUT'],
  ['scte35In', 'SCTE35-IN'],
] as const

/** Throws `invalid_request` with the field at fault. */
export function planDateRange(body: AddDateRangeBody, nowMs: number): DateRange {
  return checked({
    id: body.id,
    class: body.class ?? null,
    startMs: timeOf(body.startDate ?? 'now', nowMs, 'startDate'),
    endMs: body.endDate === undefined ? null : timeOf(body.endDate, nowMs, 'endDate'),
    durationSec: body.duration ?? null,
    plannedDurationSec: body.plannedDuration ?? null,
    isEndOnNext: body.endOnNext ?? false,
    attributes: attributesOf(body),
  })
}

/** Adds what is new. What players may have read already stays: 4.4.5.1. Throws `daterange_fixed`, `invalid_request`. */
export function amendDateRange(range: DateRange, body: ChangeDateRangeBody, nowMs: number): DateRange {
  const endMs = body.endDate === undefined ? null : timeOf(body.endDate, nowMs, 'endDate')
  const attributes = [...range.attributes]
  for (const added of attributesOf(body)) {
    const known = range.attributes.find(({ name }) => name === added.name)
    if (known === undefined) attributes.push(added)
    else fixed(range.id, added.name, JSON.stringify(known.value), JSON.stringify(added.value))
  }
  return checked({
    ...range,
    class: kept(range.id, 'class', range.class, body.class ?? null),
    endMs: kept(range.id, 'endDate', range.endMs, endMs),
    durationSec: kept(range.id, 'duration', range.durationSec, body.duration ?? null),
    plannedDurationSec: kept(range.id, 'plannedDuration', range.plannedDurationSec, body.plannedDuration ?? null),
    attributes,
  })
}

/**
 * Whether playlists may list it now: 6.2.1 forbids to remove it then. `reachMs`: how far back they reach. Before its start
 * it maps to no segment.
 */
export function isInReach(range: DateRange, all: readonly DateRange[], nowMs: number, reachMs: number): boolean {
  return range.startMs <= nowMs && endOf(range, all) > nowMs - reachMs
}

export function renderDateRangeView({ range, createdAtMs }: DateRangeRow): DateRangeView {
  const scte35 = (name: string): string | null => {
    const value = range.attributes.find((attribute) => attribute.name === name)?.value
    return value?.kind === 'hex' ? value.hex : null
  }
  return {
    id: range.id,
    class: range.class,
    startDate: new Date(range.startMs).toISOString(),
    endDate: range.endMs === null ? null : new Date(range.endMs).toISOString(),
    duration: range.durationSec,
    plannedDuration: range.plannedDurationSec,
    endOnNext: range.isEndOnNext,
    scte35Cmd: scte35('SCTE35-CMD'),
    scte35Out: scte35('SCTE35-OUT'),
    scte35In: scte35('SCTE35-IN'),
    attributes: Object.fromEntries(
      range.attributes.flatMap(({ name, value }) => (name.startsWith('X-') ? [[name, plainValue(value)]] : [])),
    ),
    createdAt: new Date(createdAtMs).toISOString(),
  }
}

function attributesOf(
  body: Pick<AddDateRangeBody, 'attributes' | 'scte35Cmd' | 'scte35In' | 'scte35Out'>,
): DateRange['attributes'] {
  const scte35 = SCTE35.flatMap(([field, name]) => {
    const hex = body[field]
    return hex === undefined ? [] : [{ name, value: { kind: 'hex', hex } as const }]
  })
  const named = Object.entries(body.attributes ?? {}).map(([name, value]) => ({ name, value: readValue(value) }))
  return [...scte35, ...named.toSorted((a, b) => (a.name < b.name ? -1 : 1))]
}

/** 4.4.5.1: a quoted string, a hexadecimal sequence or a decimal number. */
function readValue(value: string | number): DateRangeValue {
  if (typeof value === 'number') return { kind: 'number', number: value }
  return /^0[xX][0-9A-F]+$/.test(value) ? { kind: 'hex', hex: value } : { kind: 'text', text: value }
}

function plainValue(value: DateRangeValue): string | number {
  return value.kind === 'number' ? value.number : value.kind === 'hex' ? value.hex : value.text
}

function timeOf(text: string, nowMs: number, path: string): number {
  if (text === 'now') return nowMs
  const time = Date.parse(text)
  if (Number.isNaN(time)) throw invalid(path, `${path} must be an ISO 8601 date and time with a zone, or "now"`)
  return time
}

function checked(range: DateRange): DateRange {
  const { startMs, endMs, durationSec, isEndOnNext } = range
  if (endMs !== null && endMs < startMs) throw invalid('endDate', 'endDate lies before startDate')
  if (endMs !== null && durationSec !== null && Math.abs(endMs - startMs - 1000 * durationSec) > END_SLACK_MS)
    throw invalid('duration', 'duration and endDate name different ends; give one of them')
  if (isEndOnNext && range.class === null)
    throw invalid('class', 'endOnNext needs a class: the next range of it is the end')
  if (isEndOnNext && (endMs !== null || durationSec !== null))
    throw invalid('endOnNext', 'endOnNext is the end; duration and endDate must be left out')
  return range
}

function kept<T extends string | number>(id: string, field: string, before: T | null, now: T | null): T | null {
  if (before !== null && now !== null) fixed(id, field, before, now)
  return now ?? before
}

function fixed(id: string, field: string, before: string | number, now: string | number): void {
  if (before === now) return
  throw new MirrorError('daterange_fixed', `${field} of ${id} is ${before} and cannot become ${now}`, {
    details: { path: field },
  })
}

function invalid(path: string, message: string): MirrorError {
  return new MirrorError('invalid_request', message, { details: { path } })
}

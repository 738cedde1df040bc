// EXT-X-DATERANGE: RFC 8216bis 4.4.5.1.
import { decimal } from './playlist-lines.ts'

/** `hex`: a hexadecimal sequence, written as it is. */
export type DateRangeValue =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly number: number }
  | { readonly kind: 'hex'; readonly hex: string }

export interface DateRange {
  readonly id: string
  readonly class: string | null
  /** Milliseconds since 1970. */
  readonly startMs: number
  readonly endMs: number | null
  readonly durationSec: number | null
  readonly plannedDurationSec: number | null
  /** It lasts until the next range of the same class starts. */
  readonly isEndOnNext: boolean
  /** `SCTE35-CMD`, `SCTE35-OUT`, `SCTE35-IN` and `X-…`, each once. */
  readonly attributes: readonly { readonly name: string; readonly value: DateRangeValue }[]
}

export function renderDateRange(range: DateRange): string {
  const attributes = [`ID="${range.id}"`]
  if (range.class !== null) attributes.push(`CLASS="${range.class}"`)
  attributes.push(`START-DATE="${isoTime(range.startMs)}"`)
  if (range.endMs !== null) attributes.push(`END-DATE="${isoTime(range.endMs)}"`)
  if (range.durationSec !== null) attributes.push(`DURATION=${decimal(range.durationSec)}`)
  if (range.plannedDurationSec !== null) attributes.push(`PLANNED-DURATION=${decimal(range.plannedDurationSec)}`)
  for (const { name, value } of range.attributes) attributes.push(`${name}=${renderValue(value)}`)
  if (range.isEndOnNext) attributes.push('END-ON-NEXT=YES')
  return `#EXT-X-DATERANGE:${attributes.join(',')}`
}

function renderValue(value: DateRangeValue): string {
  switch (value.kind) {
    case 'text':
      return `"${value.text}"`
    case 'number':
      return String(value.number)
    case 'hex':
      return value.hex
  }
}

function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString()
}

/** When the range is over, in milliseconds since 1970; infinite while nobody knows. A planned end is none (4.4.5.1). */
export function endOf(range: DateRange, all: readonly DateRange[]): number {
  if (range.endMs !== null) return range.endMs
  if (range.durationSec !== null) return range.startMs + 1000 * range.durationSec
  if (!range.isEndOnNext) return Number.POSITIVE_INFINITY
  const next = all.filter((other) => other.class === range.class && other.startMs > range.startMs)
  return Math.min(Number.POSITIVE_INFINITY, ...next.map(({ startMs }) => startMs))
}

/** In the order in which every playlist lists them. */
export function sortDateRanges(ranges: readonly DateRange[]): readonly DateRange[] {
  return ranges.toSorted((a, b) => a.startMs - b.startMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

/** What a playlist says of date ranges at one moment. */
export interface DateRangeLines {
  /** All that a full playlist lists. */
  readonly all: readonly string[]
  /** Those that came or changed less than the skip boundary ago. */
  readonly recent: readonly string[]
  /** IDs that went less than the skip boundary ago (RECENTLY-REMOVED-DATERANGES). */
  readonly removedIds: readonly string[]
}

export const NO_DATE_RANGES: DateRangeLines = { all: [], recent: [], removedIds: [] }

/**
 * Which date ranges one playlist lists, and since when: 6.2.1 keeps a range as long as any of it maps to a listed segment.
 * Time is that of the media, so that two origins agree.
 */
export class DateRangeListing {
  readonly #listed = new Map<string, { readonly line: string; readonly sinceMs: number }>()
  readonly #removed = new Map<string, number>()

  /**
   * `startMs`: where the playlist begins; `edgeMs`: where it ends; `boundaryMs`: CAN-SKIP-UNTIL. `ranges` in the order of
   * `sortDateRanges`.
   */
  update(ranges: readonly DateRange[], startMs: number, edgeMs: number, boundaryMs: number): DateRangeLines {
    const listed = ranges.filter((range) => endOf(range, ranges) > startMs)
    const ids = new Set(listed.map(({ id }) => id))
    for (const id of this.#listed.keys()) {
      if (ids.has(id)) continue
      this.#listed.delete(id)
      this.#removed.set(id, edgeMs)
    }
    for (const [id, removedMs] of this.#removed)
      if (ids.has(id) || edgeMs - removedMs > boundaryMs) this.#removed.delete(id)
    const all: string[] = []
    const recent: string[] = []
    for (const range of listed) {
      const line = renderDateRange(range)
      const known = this.#listed.get(range.id)
      const sinceMs = known?.line === line ? known.sinceMs : edgeMs
      this.#listed.set(range.id, { line, sinceMs })
      all.push(line)
      if (edgeMs - sinceMs <= boundaryMs) recent.push(line)
    }
    return { all, recent, removedIds: [...this.#removed.keys()] }
  }
}

// EXT-X-PROGRAM-DATE-TIME and EXT-X-DATERANGE.
import { readDate } from '../media-playlist-model.ts'
import type { ParsedPlaylist } from '../playlist-parser.ts'
import { BIS, ms, type Rule } from './rule.ts'
import { parentsOf } from './segments.ts'

/** 6.2.1 allows "small (sub-second)" overlaps for clock drift. */
const DATE_JUMP_MS = 1000
/** What players notice as a seek of the wrong length. */
const DATE_DRIFT_MS = 100
const FUTURE_MS = 2000

export const DATE_RULES: readonly Rule[] = [
  {
    id: 'pdt-format',
    severity: 'must',
    title: 'EXT-X-PROGRAM-DATE-TIME is an ISO 8601 date and time.',
    source: `${BIS} §4.4.4.6`,
    *playlist(playlist) {
      for (const { line, value } of datesOf(playlist)) if (readDate(value) === null) yield { line, seen: value }
    },
  },
  {
    id: 'pdt-precise',
    severity: 'should',
    title: 'EXT-X-PROGRAM-DATE-TIME names a time zone and milliseconds.',
    source: `${BIS} §4.4.4.6`,
    *playlist(playlist) {
      for (const { line, value } of datesOf(playlist)) {
        if (readDate(value) === null || /:\d\d[.,]\d{3,}(Z|[+-]\d\d(:?\d\d)?)$/i.test(value)) continue
        yield { line, seen: value, subject: playlist.url.replace(/\?.*/, '') }
      }
    },
  },
  {
    id: 'pdt-continuous',
    severity: 'must',
    title: 'Dates follow the durations of segments; they jump by less than a second.',
    source: `${BIS} §6.2.1`,
    *reload({ whole }) {
      for (const { line, msn, driftMs } of driftsOf(whole))
        if (Math.abs(driftMs) >= DATE_JUMP_MS)
          yield {
            line,
            seen: `segment ${msn} begins ${ms(driftMs)} off the end of the one before`,
            subject: `${whole.url.replace(/\?.*/, '')} ${msn}`,
          }
    },
  },
  {
    id: 'pdt-drift',
    severity: 'advice',
    title: 'Dates follow the durations of segments within a tenth of a second.',
    source: `${BIS} §6.2.1`,
    *reload({ whole }) {
      for (const { line, msn, driftMs } of driftsOf(whole))
        if (Math.abs(driftMs) > DATE_DRIFT_MS && Math.abs(driftMs) < DATE_JUMP_MS)
          yield {
            line,
            seen: `segment ${msn} begins ${ms(driftMs)} off the end of the one before`,
            subject: `${whole.url.replace(/\?.*/, '')} ${msn}`,
          }
    },
  },
  {
    id: 'pdt-not-future',
    severity: 'should',
    title: "What is listed has happened: dates are not ahead of the server's clock.",
    source: `${BIS} §4.4.4.6`,
    *reload({ whole, exchange }) {
      const nowMs = Date.parse(exchange.headers['date'] ?? '')
      const last = whole.segments.at(-1)
      if (Number.isNaN(nowMs) || whole.isEnded || last === undefined || last.pdtMs === null) return
      // The Date header counts whole seconds.
      const aheadMs = last.pdtMs + 1000 * last.durationSec - nowMs - 1000
      if (aheadMs > FUTURE_MS)
        yield {
          line: last.pdtTag?.line ?? 0,
          seen: `segment ${last.msn} ends ${ms(aheadMs)} from now`,
          subject: whole.url.replace(/\?.*/, ''),
        }
    },
  },
  {
    id: 'pdt-after-discontinuity',
    severity: 'should',
    title: 'Where dates are given, each segment with EXT-X-DISCONTINUITY has one.',
    source: `${BIS} §6.2.1`,
    *reload({ whole }) {
      const parents = parentsOf(whole)
      if (!parents.some(({ pdtTag }) => pdtTag !== null)) return
      for (const { hasDiscontinuity, pdtTag, line, msn } of parents)
        if (hasDiscontinuity && pdtTag === null)
          yield { line, seen: `segment ${msn} has no date`, subject: `${whole.url.replace(/\?.*/, '')} ${msn}` }
    },
  },
  {
    id: 'daterange-needs-pdt',
    severity: 'must',
    title: 'A playlist with EXT-X-DATERANGE has EXT-X-PROGRAM-DATE-TIME.',
    source: `${BIS} §4.4.5.1`,
    *reload({ whole, isWhole }) {
      const range = whole.dateRanges[0]
      if (isWhole && range !== undefined && !parentsOf(whole).some(({ pdtTag }) => pdtTag !== null))
        yield { line: range.line, seen: 'EXT-X-DATERANGE without any date', subject: whole.url.replace(/\?.*/, '') }
    },
  },
  {
    id: 'daterange-times',
    severity: 'must',
    title: 'A date range has a START-DATE, does not end before it, and END-DATE is START-DATE plus DURATION.',
    source: `${BIS} §4.4.5.1`,
    *playlist(playlist) {
      if (playlist.kind !== 'media') return
      const starts = new Set<string>()
      for (const { line, id, attributes } of playlist.dateRanges) {
        const text = (name: string): string | undefined => attributes.get(name)?.value
        const start = readDate(text('START-DATE'))
        if (start !== null) starts.add(id)
        const end = readDate(text('END-DATE'))
        const duration = text('DURATION')
        if (text('START-DATE') !== undefined ? start === null : !starts.has(id))
          yield { line, seen: `${id} has no usable START-DATE` }
        else if (text('END-DATE') !== undefined && end === null)
          yield { line, seen: `${id} has an END-DATE that is no date` }
        else if (start !== null && end !== null && end < start) yield { line, seen: `${id} ends before it starts` }
        else if (
          start !== null &&
          end !== null &&
          duration !== undefined &&
          Math.abs(end - start - 1000 * Number(duration)) > 1
        )
          yield { line, seen: `${id} lasts ${duration} s from START-DATE, and ${(end - start) / 1000} s to END-DATE` }
      }
    },
  },
  {
    id: 'daterange-end-on-next',
    severity: 'must',
    title: 'A date range with END-ON-NEXT=YES has a CLASS and neither DURATION nor END-DATE.',
    source: `${BIS} §4.4.5.1`,
    *playlist(playlist) {
      if (playlist.kind !== 'media') return
      for (const { line, id, attributes } of playlist.dateRanges) {
        if (attributes.get('END-ON-NEXT') === undefined) continue
        if (!attributes.has('CLASS') || attributes.has('DURATION') || attributes.has('END-DATE'))
          yield { line, seen: id }
      }
    },
  },
  {
    id: 'daterange-same-values',
    severity: 'must',
    title: 'Tags with the same ID add attributes to a date range, they change none.',
    source: `${BIS} §4.4.5.1`,
    *reload({ answered, rendition }) {
      const seen = new Map([...rendition.dateRanges].map(([id, values]) => [id, new Map(values)]))
      for (const { line, id, attributes } of answered.dateRanges) {
        const known = seen.get(id) ?? new Map<string, string>()
        seen.set(id, known)
        for (const [name, { value }] of attributes) {
          const before = known.get(name)
          if (before !== undefined && before !== value)
            yield { line, seen: `${name} of ${id} was ${before}, is ${value}` }
          known.set(name, value)
        }
      }
    },
  },
  {
    id: 'daterange-kept',
    severity: 'must',
    title: 'A date range stays while any of it maps to a listed segment.',
    source: `${BIS} §6.2.1`,
    *reload({ previous, answered, exchange }) {
      // With v2 a delta update leaves date ranges out.
      if (previous === null || exchange.directives.skip === 'v2') return
      // What a delta update skips is dated by the playlist before, which may reach further back.
      const dated = (answered.skip === null ? answered : previous).segments
      const first = dated.find(({ msn, pdtMs }) => msn >= answered.mediaSequence && pdtMs !== null)
      const ids = new Set(answered.dateRanges.map(({ id }) => id))
      if (first === undefined || first.pdtMs === null) return
      for (const { id, attributes } of previous.dateRanges) {
        if (ids.has(id)) continue
        const end = endOf(attributes)
        if (end > first.pdtMs) yield { seen: `${id} is gone while the playlist still reaches back to it` }
      }
    },
  },
]

interface Drift {
  readonly line: number
  readonly msn: number
  readonly driftMs: number
}

/** How far each dated segment is off where the previous date and the durations between would put it. */
function driftsOf(playlist: Parameters<typeof parentsOf>[0]): Drift[] {
  const drifts: Drift[] = []
  let expectedMs: number | null = null
  for (const parent of parentsOf(playlist)) {
    if (parent.hasDiscontinuity) expectedMs = null
    if (parent.pdtMs !== null) {
      if (expectedMs !== null)
        drifts.push({ line: parent.pdtTag?.line ?? 0, msn: parent.msn, driftMs: parent.pdtMs - expectedMs })
      expectedMs = parent.pdtMs
    }
    const durationSec: number = 'durationSec' in parent ? Number(parent.durationSec) : 0
    if (expectedMs !== null) expectedMs += 1000 * durationSec
  }
  return drifts
}

function datesOf(playlist: ParsedPlaylist): readonly { readonly line: number; readonly value: string }[] {
  return playlist.tags.filter(({ name }) => name === 'EXT-X-PROGRAM-DATE-TIME')
}

/** Of unknown length: it has not ended. */
function endOf(attributes: ReadonlyMap<string, { readonly value: string }>): number {
  const end = readDate(attributes.get('END-DATE')?.value)
  if (end !== null) return end
  const start = readDate(attributes.get('START-DATE')?.value)
  const duration = attributes.get('DURATION')?.value
  return start === null
    ? Number.NEGATIVE_INFINITY
    : duration === undefined
      ? Number.POSITIVE_INFINITY
      : start + 1000 * Number(duration)
}

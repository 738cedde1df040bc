// What the address of the recordings page says, and what is asked of the API for it. Pure.
import { type AgeSearch, parseAge, spanOf } from '../age-search.ts'
import { oneOf, text } from '../search-params.ts'

/** PROCESSING: any state before COMPLETED. */
export const RECORDING_FILTERS = ['PROCESSING', 'COMPLETED', 'FAILED'] as const
export type RecordingFilter = (typeof RECORDING_FILTERS)[number]

export interface RecordingSearch extends AgeSearch {
  /** What the call id begins with. */
  readonly q?: string
  readonly status?: RecordingFilter
  /** The recording whose player is open. */
  readonly open?: string
}

const PAGE = 50

export function parseRecordingSearch(search: Record<string, unknown>): RecordingSearch {
  return {
    ...text('q', search['q']),
    ...oneOf('status', RECORDING_FILTERS, search['status']),
    ...parseAge(search),
    ...text('open', search['open']),
  }
}

export function hasFilters({ q, status, age, from, to }: RecordingSearch): boolean {
  return [q, status, age, from, to].some((each) => each !== undefined)
}

export const NO_FILTERS = { q: undefined, status: undefined, age: undefined, from: undefined, to: undefined } as const

/** The query of the API, without the cursor. */
export function apiQuery(search: RecordingSearch, nowMs: number): string {
  const { q, status } = search
  const query = new URLSearchParams({ limit: String(PAGE) })
  const all = { q, status, ...spanOf(search, nowMs) }
  for (const [name, value] of Object.entries(all)) if (value !== undefined) query.set(name, value)
  return query.toString()
}

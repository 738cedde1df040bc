// A span of time in the address bar: the last days, or from one day to another. Pure.
import { oneOf, text } from './search-params.ts'

export const AGES = ['24h', '7d', '30d', '365d'] as const
export type Age = (typeof AGES)[number]

export interface AgeSearch {
  readonly age?: Age
  /** Days as a calendar has them, `2026-11-21`; both belong to it. They count only without `age`. */
  readonly from?: string
  readonly to?: string
}

export const AGE_WORDS: Readonly<Record<Age, string>> = {
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
  '365d': 'Last year',
}

const HOUR_MS = 3_600_000
const AGE_MS: Readonly<Record<Age, number>> = {
  '24h': 24 * HOUR_MS,
  '7d': 168 * HOUR_MS,
  '30d': 720 * HOUR_MS,
  '365d': 8760 * HOUR_MS,
}

export function parseAge(search: Record<string, unknown>): AgeSearch {
  return { ...oneOf('age', AGES, search['age']), ...day('from', search['from']), ...day('to', search['to']) }
}

/** As the API wants it; days are those of whoever looks. `from` is cut to the hour, so that a page asked for anew is the same. */
export function spanOf({ age, from, to }: AgeSearch, nowMs: number): { readonly from?: string; readonly to?: string } {
  if (age !== undefined) {
    return { from: new Date(Math.floor((nowMs - AGE_MS[age]) / HOUR_MS) * HOUR_MS).toISOString() }
  }
  return {
    ...(from === undefined ? {} : { from: startOf(from, 0) }),
    ...(to === undefined ? {} : { to: startOf(to, 1) }),
  }
}

function startOf(date: string, daysLater: number): string {
  const [year = 1970, month = 1, dayOfMonth = 1] = date.split('-').map(Number)
  return new Date(year, month - 1, dayOfMonth + daysLater).toISOString()
}

function day<Name extends 'from' | 'to'>(name: Name, value: unknown): { [Key in Name]?: string } {
  const isDay = typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value))
  return isDay ? text(name, value) : {}
}

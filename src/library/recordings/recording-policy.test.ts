import { expect, test } from 'vitest'
import { isSameTerms, problemsOfTerms, rescheduledAtMs, tierAgesOf } from './recording-policy.ts'

const DAY = 86_400_000
const terms = (hotToWarmDays: number, warmToColdDays: number, retentionDays: number) => ({
  ...{ hotToWarmDays, warmToColdDays, retentionDays, enabled: true },
})
const fields = (warm: number, cold: number, kept: number) =>
  problemsOfTerms(terms(warm, cold, kept)).map(({ field }) => field)

test('what is warm comes before what is cold, and both before it is deleted; 0 is never', () => {
  for (const [warm, cold, kept] of [
    [30, 90, 365],
    [0, 90, 365],
    [30, 0, 31],
    [30, 90, 0],
    [0, 0, 1],
    [0, 0, 0],
  ] as const) {
    expect(fields(warm, cold, kept), `${warm} ${cold} ${kept}`).toEqual([])
  }
  expect(fields(90, 90, 365)).toEqual(['warmToColdDays'])
  expect(fields(91, 90, 0)).toEqual(['warmToColdDays'])
  expect(fields(30, 90, 90)).toEqual(['warmToColdDays'])
  expect(fields(30, 90, 7)).toEqual(['hotToWarmDays', 'warmToColdDays'])
  expect(problemsOfTerms(terms(7, 0, 7))).toEqual([
    {
      field: 'hotToWarmDays',
      message: 'must be fewer than the 7 days after which recordings are deleted, or 0 for never',
    },
  ])
})

test('terms are the same when nothing differs', () => {
  expect(isSameTerms(terms(1, 2, 3), terms(1, 2, 3))).toBe(true)
  expect(isSameTerms(terms(1, 2, 3), { ...terms(1, 2, 3), enabled: false })).toBe(false)
  expect(isSameTerms(terms(1, 2, 3), terms(1, 2, 4))).toBe(false)
})

test('0 days are no age', () => {
  expect(tierAgesOf(terms(0, 90, 365))).toEqual({ warmAfterMs: null, coldAfterMs: 90 * DAY })
})

const NOW = 400 * DAY
const again = (createdAtMs: number, scheduledDeletionAtMs: number | null, retentionDays: number) =>
  rescheduledAtMs({ createdAtMs, scheduledDeletionAtMs }, { retentionDays }, NOW)

test('what is kept longer now goes later, or never', () => {
  expect(again(NOW - DAY, NOW + 9 * DAY, 30)).toBe(NOW + 29 * DAY)
  expect(again(NOW - DAY, NOW + 9 * DAY, 0)).toBeNull()
  // Also what is due, and has not gone yet.
  expect(again(NOW - 10 * DAY, NOW - 1, 30)).toBe(NOW + 20 * DAY)
})

test('what is kept shorter now goes sooner, but not within a day', () => {
  expect(again(NOW - DAY, NOW + 364 * DAY, 7)).toBe(NOW + 6 * DAY)
  expect(again(NOW - 100 * DAY, NOW + 265 * DAY, 7)).toBe(NOW + DAY)
  expect(again(NOW - 100 * DAY, null, 7)).toBe(NOW + DAY)
})

test('what was due within the day, or is due, is not put off by a shorter retention', () => {
  expect(again(NOW - 100 * DAY, NOW + 1000, 7)).toBe(NOW + 1000)
  expect(again(NOW - 100 * DAY, NOW - 1000, 7)).toBe(NOW - 1000)
})

test('applied again later, the same terms change nothing', () => {
  for (const before of [null, NOW + 265 * DAY, NOW + 1000]) {
    const first = again(NOW - 100 * DAY, before, 7)
    const row = { createdAtMs: NOW - 100 * DAY, scheduledDeletionAtMs: first }
    expect(rescheduledAtMs(row, { retentionDays: 7 }, NOW + 3_600_000)).toBe(first)
  }
})

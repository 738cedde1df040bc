import { expect, test } from 'vitest'
import { formatAgo, formatDay, formatElapsed, formatPeriod } from './moment.ts'

const now = Date.parse('2026-11-21T12:00:00Z')

test('the past is told in the largest whole unit', () => {
  expect([1, 14, 90, 3 * 3600, 30 * 3600, 80 * 3600].map((sec) => formatAgo(now - sec * 1000, now))).toEqual([
    'just now',
    '14 s ago',
    '1 min ago',
    '3 h ago',
    'yesterday',
    '3 days ago',
  ])
})

test('a clock that runs ahead does not show the future', () => {
  expect(formatAgo(now + 5000, now)).toBe('just now')
})

test('running times grow from minutes to days', () => {
  expect([42_000, 725_000, 11_229_000, 187_200_000].map(formatElapsed)).toEqual(['0:42', '12:05', '3:07:09', '2 d 4 h'])
})

test('days are named when they are near', () => {
  expect(formatDay(now, now)).toBe('Today')
  expect(formatDay(now - 86_400_000, now)).toBe('Yesterday')
})

test('how long something is kept is told in the unit that suits it', () => {
  expect([90, 7200, 86_400, 30 * 86_400].map(formatPeriod)).toEqual(['90 s', '2 hours', '1 day', '30 days'])
})

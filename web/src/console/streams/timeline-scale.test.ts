import { expect, test } from 'vitest'
import { shareOf, ticksOf, timeAtShare } from './timeline-scale.ts'

const range = { startMs: 1000, endMs: 3000 }

test('a time and its share of the bar convert into each other', () => {
  expect(shareOf(range, 2000)).toBe(0.5)
  expect(timeAtShare(range, 0.5)).toBe(2000)
})

test('what lies outside sticks to the edge', () => {
  expect([shareOf(range, 0), shareOf(range, 9999)]).toEqual([0, 1])
  expect(timeAtShare(range, 1.7)).toBe(3000)
})

test('an empty range divides nothing by zero', () => {
  expect(shareOf({ startMs: 5, endMs: 5 }, 5)).toBe(0)
})

test('ticks are round times of the local clock, few, and leave the ends free', () => {
  const HOUR = 3_600_000
  const endMs = Date.UTC(2026, 10, 21, 12, 20)
  const utc = ticksOf({ startMs: endMs - 4 * HOUR, endMs }, 4, 0)
  expect(utc.map((atMs) => new Date(atMs).toISOString().slice(11, 16))).toEqual(['09:00', '10:00', '11:00', '12:00'])
  const india = ticksOf({ startMs: endMs - 4 * HOUR, endMs }, 4, 5.5 * HOUR)
  expect(india.map((atMs) => new Date(atMs).toISOString().slice(11, 16))).toEqual(['09:30', '10:30', '11:30'])
  expect(ticksOf({ startMs: endMs - 30_000, endMs }, 4, 0).length).toBeGreaterThan(0)
  expect(ticksOf({ startMs: endMs - 168 * HOUR, endMs }, 4, 0).length).toBeLessThanOrEqual(4)
})

import { expect, test } from 'vitest'
import { shareOf, timeAtShare } from './timeline-scale.ts'

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

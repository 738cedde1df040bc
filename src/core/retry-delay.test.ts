import { expect, test } from 'vitest'
import { retryDelayMs } from './retry-delay.ts'

const limits = { minMs: 100, maxMs: 5_000 }

test('delays double up to the limit', () => {
  const delays = [0, 1, 2, 5, 6, 1_000].map((attempt) => retryDelayMs(attempt, limits, () => 0.5))
  expect(delays).toEqual([100, 200, 400, 3_200, 5_000, 5_000])
})

test('jitter stays within a quarter', () => {
  expect(retryDelayMs(0, limits, () => 0)).toBe(75)
  expect(retryDelayMs(0, limits, () => 0.999)).toBeLessThanOrEqual(125)
})

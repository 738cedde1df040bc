import { expect, test } from 'vitest'
import { backoffDelayMs } from './backoff.ts'

const policy = { firstMs: 250, maxMs: 4000, jitter: 0.5 }

test('the delay doubles from the first one', () => {
  expect([0, 1, 2].map((attempt) => backoffDelayMs(policy, attempt, 0))).toEqual([250, 500, 1000])
})

test('the delay never exceeds its cap, not even after a weekend offline', () => {
  expect(backoffDelayMs(policy, 5000, 0)).toBe(4000)
})

test('jitter only ever shortens the delay', () => {
  expect(backoffDelayMs(policy, 0, 0.999)).toBeGreaterThanOrEqual(125)
  expect(backoffDelayMs(policy, 0, 0.999)).toBeLessThan(250)
})

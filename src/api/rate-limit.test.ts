import { expect, test } from 'vitest'
import { createRateLimiter } from './rate-limit.ts'

test('a burst passes, the next request waits, and time gives tokens back', () => {
  let nowMs = 0
  const limiter = createRateLimiter({ perSec: 0.5, burst: 2 }, () => nowMs)
  expect([limiter.take('a'), limiter.take('a')]).toEqual([0, 0])
  expect(limiter.take('a')).toBe(2)
  expect(limiter.take('b')).toBe(0)
  nowMs = 2000
  expect(limiter.take('a')).toBe(0)
  expect(limiter.take('a')).toBe(2)
})

test('a clock that steps back takes nothing away', () => {
  let nowMs = 10_000
  const limiter = createRateLimiter({ perSec: 1, burst: 2 }, () => nowMs)
  expect(limiter.take('a')).toBe(0)
  nowMs = 0
  expect(limiter.take('a')).toBe(0)
})

import { expect, test } from 'vitest'
import { addressKey, createRateLimiter } from './rate-limit.ts'

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

test('addresses of one IPv6 network share a bucket', () => {
  expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe(addressKey('2001:db8:1:2::9'))
  expect(addressKey('2001:db8:1:3::9')).not.toBe(addressKey('2001:db8:1:2::9'))
  expect(addressKey('::ffff:10.0.0.1')).toBe('10.0.0.1')
  expect(addressKey('::1')).toBe('0:0:0:0')
})

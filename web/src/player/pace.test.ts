import { expect, test } from 'vitest'
import { paceOf, refillGoalSec } from './pace.ts'

test('at the target nothing changes', () => {
  expect(paceOf({ latencySec: 0.7, targetSec: 0.64, bufferedSec: 0.6 })).toBe(1)
})

test('a follower that fell behind catches up, but not on an empty buffer', () => {
  expect(paceOf({ latencySec: 1.6, targetSec: 0.64, bufferedSec: 1.4 })).toBeGreaterThan(1)
  expect(paceOf({ latencySec: 1.6, targetSec: 0.64, bufferedSec: 0.3 })).toBe(1)
})

test('a follower that sits on the edge falls back before it stalls', () => {
  expect(paceOf({ latencySec: 0.1, targetSec: 0.64, bufferedSec: 0.05 })).toBeLessThan(1)
})

test('after a stall a share of the target is buffered first, within reason', () => {
  expect([0.2, 1, 20].map(refillGoalSec)).toEqual([0.3, 0.6, 1.5])
})

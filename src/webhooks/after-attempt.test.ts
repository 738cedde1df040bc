import { expect, test } from 'vitest'
import { afterAttempt, DISABLE_AFTER_MS, disabledBy, GIVE_UP_MS } from './after-attempt.ts'

const HOUR_MS = 3_600_000
const failure = 'It answered with status 500'
const failed = { failure, retryAfterMs: null }

test('what fails is tried seventeen times in a day, ever more seldom, and then given up', () => {
  const gapsSec: number[] = []
  let nowMs = 0
  for (let attempt = 1; ; attempt += 1) {
    const next = afterAttempt({ attempt, giveUpAtMs: GIVE_UP_MS }, failed, { nowMs, random: () => 0.5 })
    if (next.kind !== 'retry') {
      expect(next.kind).toBe('failed')
      break
    }
    gapsSec.push((next.atMs - nowMs) / 1000)
    nowMs = next.atMs
  }
  expect(gapsSec.slice(0, 5)).toEqual([5, 10, 20, 40, 80])
  expect(gapsSec.slice(-3)).toEqual([14_400, 14_400, 14_400])
  expect(gapsSec.length + 1).toBe(17)
  expect(nowMs).toBeGreaterThan(20 * HOUR_MS)
})

test('two that fail together are not tried together again', () => {
  const at = (random: number) =>
    afterAttempt({ attempt: 4, giveUpAtMs: GIVE_UP_MS }, failed, { nowMs: 0, random: () => random })
  expect(at(0)).toEqual({ kind: 'retry', atMs: 30_000 })
  expect(at(0.99)).toEqual({ kind: 'retry', atMs: 49_800 })
})

test('an endpoint is given the time that it asks for, up to an hour, and never less than it would get', () => {
  const after = (retryAfterMs: number) =>
    afterAttempt({ attempt: 1, giveUpAtMs: GIVE_UP_MS }, { failure, retryAfterMs }, { nowMs: 0, random: () => 0.5 })
  expect(after(60_000)).toEqual({ kind: 'retry', atMs: 60_000 })
  expect(after(1000)).toEqual({ kind: 'retry', atMs: 5000 })
  expect(after(7 * HOUR_MS)).toEqual({ kind: 'retry', atMs: HOUR_MS })
})

test('an endpoint is switched off when it says that it is gone, or has failed for three days', () => {
  const down = { status: 500, failure }
  expect(disabledBy({ failingSinceMs: null }, { status: 410, failure }, 0)).toBe('gone')
  expect(disabledBy({ failingSinceMs: 0 }, down, DISABLE_AFTER_MS - 1)).toBeNull()
  expect(disabledBy({ failingSinceMs: 0 }, down, DISABLE_AFTER_MS)).toBe('failing')
  expect(disabledBy({ failingSinceMs: 0 }, { status: 200, failure: null }, DISABLE_AFTER_MS)).toBeNull()
})

import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FruitlessLimit } from './fruitless-limit.ts'

const HERE = '10.0.0.1'
const FULL = 200

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function makeLimit(trusted = '') {
  const clock = { nowMs: 0 }
  const limit = new FruitlessLimit({ isTrusted: (address) => address === trusted, nowMs: () => clock.nowMs })
  const charge = (times: number, address = HERE) => {
    for (let n = 0; n < times; n += 1) limit.charge(address)
  }
  return { limit, clock, charge }
}

function responseOfSomebody(): ServerResponse & EventEmitter {
  return new EventEmitter() as ServerResponse & EventEmitter
}

test('an address may ask for much that is not there, then as much as comes back in time; others are not touched', () => {
  const { limit, clock, charge } = makeLimit()
  charge(FULL - 1)
  expect(limit.isSpent(HERE)).toBe(false)
  charge(1)
  expect(limit.isSpent(HERE)).toBe(true)
  expect(limit.isSpent(`::ffff:${HERE}`)).toBe(true)
  expect(limit.isSpent('10.0.0.2')).toBe(false)
  clock.nowMs += 20
  expect(limit.isSpent(HERE)).toBe(false)
  charge(1)
  expect(limit.isSpent(HERE)).toBe(true)
})

test('a trusted address asks for whatever it likes', () => {
  const { limit, charge } = makeLimit(HERE)
  charge(10 * FULL)
  expect(limit.isSpent(HERE)).toBe(false)
})

test('an answer comes a second later, not to who has gone, and to so many of an address only', () => {
  const { limit, charge } = makeLimit()
  charge(FULL)
  const answered: number[] = []
  const responses = Array.from({ length: 64 }, responseOfSomebody)
  for (const [at, response] of responses.entries()) {
    expect(limit.answerLater(HERE, response, () => answered.push(at))).toBe(true)
  }
  expect(limit.answerLater(HERE, responseOfSomebody(), () => answered.push(-1))).toBe(false)
  responses[3]?.emit('close')
  expect(limit.answerLater(HERE, responseOfSomebody(), () => answered.push(64))).toBe(true)
  vi.advanceTimersByTime(999)
  expect(answered).toEqual([])
  vi.advanceTimersByTime(1)
  expect(answered).toHaveLength(64)
  expect(answered).not.toContain(3)
  expect(limit.answerLater(HERE, responseOfSomebody(), () => {})).toBe(true)
  vi.advanceTimersByTime(1000)
  expect(vi.getTimerCount()).toBe(0)
})

test('of ten thousand addresses the one that asked longest ago is forgotten', () => {
  const { limit, charge } = makeLimit()
  charge(FULL)
  for (let n = 0; n < 10_000; n += 1) charge(1, `10.1.${n >> 8}.${n & 255}`)
  expect(limit.isSpent(HERE)).toBe(false)
})

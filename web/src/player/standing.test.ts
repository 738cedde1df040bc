import { expect, test } from 'vitest'
import { Standing } from './standing.ts'

const HERE = { positionSec: 4.9, bufferedSec: 0.1, isPaused: false }

test('it stands since it was first seen where it is', () => {
  const standing = new Standing()
  expect([0, 250, 500, 2750].map((nowMs) => standing.lookAt(nowMs, HERE))).toEqual([0, 0, 250, 2500])
})

test.each([
  ['plays', { ...HERE, positionSec: 5 }],
  ['gets more to play', { ...HERE, bufferedSec: 0.3 }],
  ['is paused', { ...HERE, isPaused: true }],
])('what %s does not stand', (_, facts) => {
  const standing = new Standing()
  for (const nowMs of [0, 250, 500]) standing.lookAt(nowMs, HERE)
  expect(standing.lookAt(750, facts)).toBe(0)
  expect(standing.lookAt(1000, { ...facts, isPaused: false })).toBe(0)
})

import { expect, test } from 'vitest'
import type { ArrivedSample } from './gathering.ts'
import { MemoryBudget } from './slab-pool.ts'
import { STANDBY_MAX_BYTES, StandbyBuffer } from './standby-buffer.ts'

const FRAME_BYTES = 1000

function frame(atMs: number, isKeyframe: boolean, bytes = FRAME_BYTES): ArrivedSample {
  const data = new Uint8Array(bytes)
  return { arrivedAtMs: atMs, sample: { trackId: 'v0', dts: atMs * 90, cto: 0, duration: null, isKeyframe, data } }
}

function filled(seconds: number, gopMs = 1000, bytes = FRAME_BYTES, budget = new MemoryBudget(2 ** 30)) {
  const buffer = new StandbyBuffer(budget)
  for (let atMs = 0; atMs < seconds * 1000; atMs += 100) {
    buffer.add(frame(atMs, atMs % gopMs === 0, bytes), atMs % gopMs === 0, 1000)
  }
  return { buffer, budget }
}

test('nothing is kept before a keyframe', () => {
  const { buffer } = filled(0)
  buffer.add(frame(0, false), false, 1000)
  expect([buffer.isReady, buffer.sizeBytes]).toEqual([false, 0])
})

test('whole groups of pictures are kept, as far back as a switch needs and no further', () => {
  const kept = filled(30).buffer.take()
  expect(kept[0]).toMatchObject({ arrivedAtMs: 25_000, sample: { isKeyframe: true } })
  expect(kept.at(-1)?.arrivedAtMs).toBe(29_900)
})

test('a group that is longer than that is kept whole', () => {
  expect(filled(28, 10_000).buffer.take()[0]?.arrivedAtMs).toBe(10_000)
})

test('beyond its limit the oldest group goes, and a group that is too large alone is not kept', () => {
  const bytes = STANDBY_MAX_BYTES / 25
  const { buffer } = filled(6, 1000, bytes)
  expect(buffer.sizeBytes).toBeLessThanOrEqual(STANDBY_MAX_BYTES)
  expect(buffer.take()[0]?.sample.isKeyframe).toBe(true)
  const large = filled(4, 10_000, bytes).buffer
  expect([large.isReady, large.sizeBytes]).toEqual([false, 0])
})

test('what is kept counts into the memory of live windows, and is given back', () => {
  const { buffer, budget } = filled(30)
  expect(budget.usedBytes).toBe(buffer.sizeBytes)
  buffer.clear()
  expect(budget.usedBytes).toBe(0)
  const tight = new MemoryBudget(20 * FRAME_BYTES)
  expect(filled(30, 1000, FRAME_BYTES, tight).buffer.sizeBytes).toBeLessThanOrEqual(20 * FRAME_BYTES)
})

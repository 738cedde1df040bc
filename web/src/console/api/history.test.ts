import { expect, test } from 'vitest'
import type { LiveView } from '../../../../src/api/stream-contract.ts'
import { StatusHistory } from './history.ts'

const live = (bitrateBps: number): LiveView => ({
  startedAt: null,
  input: null,
  inputs: [],
  slate: null,
  switches: {},
  tracks: [],
  bitrateBps,
  fps: 25,
  viewers: 1,
  packagingMs: null,
  latencyMs: { p50: 300, p95: 420 },
  discontinuitySequence: 0,
  newestMsn: null,
  keyframeIntervalSec: null,
  advice: [],
  drops: {},
  repairs: {},
})

test('samples of one stream are kept in order and apart from others', () => {
  const history = new StatusHistory()
  history.add('a', live(1), 1000)
  history.add('b', live(9), 1000)
  history.add('a', live(2), 2000)
  expect(history.of('a').map((sample) => sample.bitrateBps)).toEqual([1, 2])
})

test('the same second reported twice is one sample, the newer one', () => {
  const history = new StatusHistory()
  history.add('a', live(1), 1000)
  history.add('a', live(2), 1100)
  expect(history.of('a').map((sample) => sample.bitrateBps)).toEqual([2])
})

test('memory is bounded: the oldest samples go', () => {
  const history = new StatusHistory()
  for (let second = 0; second < 2000; second += 1) history.add('a', live(second), second * 1000)
  expect(history.of('a')).toHaveLength(900)
  expect(history.of('a').at(-1)?.bitrateBps).toBe(1999)
})

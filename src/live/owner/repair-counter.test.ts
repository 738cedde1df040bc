import { expect, test } from 'vitest'
import type { RepairCause } from '../../media/samples.ts'
import { RepairCounter } from './repair-counter.ts'

function repair(cause: RepairCause, count = 1) {
  return { cause, trackId: 'v0', count, detail: '' }
}

test('the first repair of a cause is told, further ones at most every ten seconds with their number', () => {
  const counter = new RepairCounter()
  expect(counter.add(repair('late_media'), 0)).toBe(1)
  expect(counter.add(repair('late_media', 3), 9999)).toBe(0)
  expect(counter.add(repair('late_media'), 10_000)).toBe(4)
})

test('a presentation that begins is counted anew, and what was told a moment before it is still no news', () => {
  const counter = new RepairCounter()
  expect(counter.add(repair('packets_lost', 135), 0)).toBe(135)
  counter.restart()
  expect(counter.drops()).toEqual({})
  expect(counter.add(repair('packets_lost', 213), 7400)).toBe(0)
  expect(counter.drops()).toEqual({ packets_lost: 213 })
  expect(counter.add(repair('packets_lost', 2), 10_000)).toBe(215)
})

test('each cause has its own turn', () => {
  const counter = new RepairCounter()
  counter.add(repair('late_media'), 0)
  expect(counter.add(repair('timestamp_jump'), 1)).toBe(1)
})

test('what was lost is told apart from what was mended', () => {
  const counter = new RepairCounter()
  counter.add(repair('late_media', 2), 0)
  counter.add(repair('late_media', 3), 1)
  counter.add(repair('timestamp_backward'), 0)
  expect(counter.drops()).toEqual({ late_media: 5 })
  expect(counter.repairs()).toEqual({ timestamp_backward: 1 })
})

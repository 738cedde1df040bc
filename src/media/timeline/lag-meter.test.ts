import { expect, test } from 'vitest'
import { LagMeter } from './lag-meter.ts'

/** Frames each 100 ms whose lag is what `lagSec` says; the meter's answers at the end. */
function measured(minutes: number, lagSec: (atMs: number) => number) {
  const meter = new LagMeter()
  const endMs = minutes * 60_000
  for (let atMs = 0; atMs <= endMs; atMs += 100) meter.add(atMs, lagSec(atMs))
  return { lagSec: meter.lagSec(endMs), ppm: meter.ppm }
}

/** What a network adds: never less than nothing, now and then a second. */
function delaySec(atMs: number): number {
  const index = atMs / 100
  return (((index * 7919) % 61) / 1000) * (((index * 104_729) % 97) / 97) + (index % 700 < 20 ? 1 : 0)
}

test('nothing is told of the first two minutes, and no rate of the first five', () => {
  expect(measured(1.9, () => 0.1)).toEqual({ lagSec: null, ppm: null })
  expect(measured(4.5, () => 0.1)).toEqual({ lagSec: 0.1, ppm: null })
})

test.each([200, -200, 20, 0])('a clock %d ppm slow is told from a network’s delays', (ppm) => {
  const { lagSec, ppm: told } = measured(30, (atMs) => 0.3 + (atMs * ppm) / 1e9 + delaySec(atMs))
  expect(told).toBeCloseTo(ppm, 0)
  expect(lagSec).toBeCloseTo(0.3 + (30 * 60 * ppm) / 1e6, 2)
})

test.each([0.3, -0.3])('after a jump by %d s history begins anew', (bySec) => {
  const jumped = (minutes: number) => measured(minutes, (atMs) => (atMs < 1_205_000 ? 0 : bySec))
  expect(jumped(24).lagSec).toBeCloseTo(bySec, 6)
  expect(jumped(24).ppm).toBeNull()
  expect(jumped(27).ppm).toBeCloseTo(0, 6)
})

test('half a minute without a single frame in time is a network, no jump', () => {
  const { lagSec, ppm } = measured(30, (atMs) => (Math.floor(atMs / 30_000) === 20 ? 0.2 : 0))
  expect(lagSec).toBeCloseTo(0, 2)
  expect(Math.abs(ppm ?? 999)).toBeLessThan(10)
})

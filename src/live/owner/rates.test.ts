import { expect, test } from 'vitest'
import { LatencyMeter, RateMeter } from './rates.ts'

test('a steady rate is told as it is', () => {
  const meter = new RateMeter()
  for (let ms = 0; ms < 8000; ms += 40) meter.add(1, ms)
  expect(meter.perSec(8000)).toBeCloseTo(25, 5)
})

test('a rate is known within the first second and gone five seconds after the last', () => {
  const meter = new RateMeter()
  expect(meter.perSec(0)).toBe(0)
  meter.add(30, 100)
  expect(meter.perSec(900)).toBe(30)
  expect(meter.perSec(7000)).toBe(0)
})

test('percentiles are of the last ten seconds', () => {
  const meter = new LatencyMeter()
  expect(meter.percentiles(0)).toBeNull()
  meter.add(9999, 0)
  for (let value = 1; value <= 100; value++) meter.add(value, 5000)
  expect(meter.percentiles(11_000)).toEqual({ p50: 51, p95: 96 })
  expect(meter.percentiles(16_000)).toBeNull()
})

test('observations are handed over once, in seconds, and never more than are kept', () => {
  const meter = new LatencyMeter()
  for (let value = 0; value < 2000; value++) meter.add(500, value)
  const first = meter.takeUnreported()
  expect(first).toHaveLength(512)
  expect(first[0]).toBe(0.5)
  expect(meter.takeUnreported()).toEqual([])
})

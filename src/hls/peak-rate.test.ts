import { expect, test } from 'vitest'
import { peakRateBps } from './peak-rate.ts'

const segment = (bits: number, durationSec: number) => ({ bits, durationSec })

test('the peak is that of the worst run of half to one and a half target durations', () => {
  expect(peakRateBps([segment(100, 2), segment(900, 2), segment(100, 2)], 4)).toBe(450)
  expect(peakRateBps([segment(500, 5), segment(600, 5)], 4)).toBe(120)
})

test('a segment too short to tell counts with its neighbours only', () => {
  expect(peakRateBps([segment(1000, 0.04)], 4)).toBeNull()
  expect(peakRateBps([segment(1000, 0.5), segment(500, 2.5)], 4)).toBe(500)
  expect(peakRateBps([], 4)).toBeNull()
})

test('a segment that outlasts one and a half target durations is in no run', () => {
  expect(peakRateBps([segment(1000, 7)], 4)).toBeNull()
})

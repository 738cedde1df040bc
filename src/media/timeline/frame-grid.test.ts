import { expect, test } from 'vitest'
import { rational } from '../../core/rational.ts'
import { guessFrameRate, snapToFrames, videoTimescale } from './frame-grid.ts'

const NTSC = rational(30000, 1001)

test('millisecond timestamps of 29.97 fps snap to exact frames for a day', () => {
  for (const frame of [0, 1, 2, 1000, 1_000_000, 2_589_408]) {
    const rtmpMs = Math.floor((frame * 1001 * 1000) / 30000)
    expect(snapToFrames(rtmpMs, 1000, NTSC)).toBe(frame)
  }
})

test('a timestamp more than a millisecond off the grid is kept as it came', () => {
  expect(snapToFrames(33 + 5, 1000, NTSC)).toBeNull()
  expect(snapToFrames(3003 + 200, 90_000, NTSC)).toBeNull()
  expect(snapToFrames(3003 + 80, 90_000, NTSC)).toBe(1)
})

test('frames are whole ticks in the timescale of every usual rate', () => {
  for (const [num, den] of [
    [24000, 1001],
    [25, 1],
    [30000, 1001],
    [30, 1],
    [50, 1],
    [60000, 1001],
    [60, 1],
  ] as const) {
    const rate = rational(num, den)
    const { timescale, frameTicks } = videoTimescale(rate)
    expect(Number.isInteger(frameTicks)).toBe(true)
    expect((timescale * den) / num).toBe(frameTicks)
  }
  expect(videoTimescale(NTSC)).toEqual({ timescale: 90_000, frameTicks: 3003 })
  expect(videoTimescale(null)).toEqual({ timescale: 90_000, frameTicks: null })
})

test('a frame rate that no header declares is read from the first timestamps', () => {
  expect(
    guessFrameRate(
      Array.from({ length: 8 }, (_, n) => n * 3003),
      90_000,
    ),
  ).toEqual(NTSC)
  expect(
    guessFrameRate(
      Array.from({ length: 8 }, (_, n) => Math.floor((n * 1000) / 60)),
      1000,
    ),
  ).toEqual(rational(60, 1))
  expect(
    guessFrameRate(
      Array.from({ length: 8 }, (_, n) => n * 3600),
      90_000,
    ),
  ).toEqual(rational(25, 1))
  expect(guessFrameRate([0, 17, 90, 91, 300], 1000)).toBeNull()
  expect(guessFrameRate([0, 40], 1000)).toBeNull()
})

import { expect, test } from 'vitest'
import { endOfEvenPart, planEvenParts } from './even-parts.ts'

interface Cut {
  readonly frames: number
  readonly frameTicks: number
  readonly targetTicks: number
}

/** Frames per part, as a packager that follows the plan cuts them. */
function cut({ frames, frameTicks, targetTicks }: Cut): readonly number[] {
  const start = 7_000_000
  const plan = planEvenParts(start, start + frames * frameTicks, frameTicks, targetTicks)
  const sizes: number[] = []
  for (let at = 0; at < frames; ) {
    const end = endOfEvenPart(plan, start + at * frameTicks)
    const size = Math.floor((end - start - at * frameTicks) / frameTicks)
    sizes.push(size)
    at += size
  }
  return sizes
}

const AAC_48K = { frameTicks: 1024, targetTicks: Math.floor(0.214 * 48_000) }
const AAC_44K = { frameTicks: 1024, targetTicks: Math.floor(0.214 * 44_100) }
const OPUS = { frameTicks: 960, targetTicks: Math.floor(0.214 * 48_000) }

test('a cell of two seconds is cut evenly, the longer parts last, in no more parts than must be', () => {
  expect(cut({ frames: 94, ...AAC_48K })).toEqual([9, 9, 9, 9, 9, 9, 10, 10, 10, 10])
  expect(cut({ frames: 93, ...AAC_48K })).toEqual([9, 9, 9, 9, 9, 9, 9, 10, 10, 10])
  expect(cut({ frames: 86, ...AAC_44K })).toEqual([8, 8, 8, 8, 9, 9, 9, 9, 9, 9])
  expect(cut({ frames: 100, ...OPUS })).toEqual(Array.from({ length: 10 }, () => 10))
})

test('the last part of a cell of two seconds lasts at least 0.2 s, and every part 85 % of PART-TARGET', () => {
  for (const [rate, codec] of [
    [48_000, AAC_48K],
    [44_100, AAC_44K],
    [48_000, OPUS],
  ] as const) {
    const inCell = (2 * rate) / codec.frameTicks
    for (const frames of [Math.floor(inCell), Math.ceil(inCell)]) {
      const lastsSec = cut({ frames, ...codec }).map((size) => (size * codec.frameTicks) / rate)
      expect(lastsSec.at(-1)).toBeGreaterThanOrEqual(0.2)
      expect(Math.min(...lastsSec)).toBeGreaterThan(0.85 * 0.214)
      expect(Math.max(...lastsSec)).toBeLessThanOrEqual(0.214)
    }
  }
})

test('a segment of a single frame, and a frame longer than PART-TARGET, is one part each', () => {
  expect(cut({ frames: 1, ...AAC_48K })).toEqual([1])
  expect(cut({ frames: 3, frameTicks: 20_000, targetTicks: 10_000 })).toEqual([1, 1, 1])
})

test('after a loss the part goes on to where it was to end', () => {
  const plan = planEvenParts(0, 94 * 1024, 1024, AAC_48K.targetTicks)
  // Frame 12 lies in the second part, of frames 9 to 17.
  expect(Math.floor(endOfEvenPart(plan, 12 * 1024) / 1024)).toBe(18)
})

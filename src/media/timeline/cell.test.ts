import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rational, toNumber } from '../../core/rational.ts'
import { cellGrid, cellLength, TIMELINE_EPOCH_SEC, targetDurationSec } from './cell.ts'

const NTSC = rational(30000, 1001)

test('a cell is the aimed-at length rounded to whole frames', () => {
  expect(cellLength(2000, NTSC)).toEqual(rational(60 * 1001, 30000)) // 2.002 s
  expect(cellLength(2000, rational(25, 1))).toEqual({ num: 2, den: 1 })
  expect(cellLength(2000, null)).toEqual({ num: 2, den: 1 })
  expect(cellLength(300, rational(1, 1))).toEqual({ num: 1, den: 1 }) // never less than a frame
})

test('the target duration covers a segment of nearly two cells, or of one when keyframes divide the cell', () => {
  expect(targetDurationSec({ num: 2, den: 1 }, 'auto')).toBe(4)
  expect(targetDurationSec(cellLength(2000, NTSC), 'auto')).toBe(5) // ceil(4.004)
  expect(targetDurationSec({ num: 2, den: 1 }, 'fixed')).toBe(2)
  expect(targetDurationSec({ num: 1, den: 2 }, 'fixed')).toBe(1)
})

test('cells tile the timeline: every tick lies in exactly one, also beyond 2^53 in the products', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(cellLength(2000, NTSC), cellLength(2000, rational(24000, 1001)), rational(2, 1), rational(1, 2)),
      fc.constantFrom(90_000, 48_000, 44_100, 24_000, 60_000),
      fc.integer({ min: 0, max: 2 ** 31 }),
      (length, timescale, offsetSec) => {
        const grid = cellGrid(length, timescale)
        const dts = Math.floor(offsetSec * timescale * 0.9999)
        const cell = grid.cellOf(dts)
        expect(grid.startOf(cell)).toBeLessThanOrEqual(dts)
        expect(grid.startOf(cell + 1)).toBeGreaterThan(dts)
        expect(grid.cellOf(grid.startOf(cell))).toBe(cell)
        expect(grid.cellOf(grid.startOf(cell + 1) - 1)).toBe(cell)
      },
    ),
  )
})

test('media sequence numbers of today stay below 2^31', () => {
  const now = Date.UTC(2026, 10, 21) / 1000 - TIMELINE_EPOCH_SEC
  const grid = cellGrid(rational(3, 10), 90_000)
  expect(grid.cellOf(now * 90_000)).toBeLessThan(2 ** 31)
  expect(toNumber(rational(3, 10))).toBe(0.3)
})

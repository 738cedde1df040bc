// The grid that gives every segment its number. Rules: docs/decisions/timeline.md, "Cells".
import { type Rational, rational, scaleCeil, scaleFloor, toNumber } from '../../core/rational.ts'

/** Media time counts from here (in a track's timescale), so that 2-second cells stay below 2^31 until the year 2156. */
export const TIMELINE_EPOCH_MS = Date.UTC(2020, 0, 1)
export const TIMELINE_EPOCH_SEC = TIMELINE_EPOCH_MS / 1000

/** Cell length in seconds: the aimed-at segment length rounded to whole frames, exact. Without a frame rate (audio only) the aim itself. */
export function cellLength(segmentMs: number, frameRate: Rational | null): Rational {
  if (frameRate === null) return rational(segmentMs, 1000)
  const frames = Math.max(1, Math.round((segmentMs * frameRate.num) / (1000 * frameRate.den)))
  return rational(frames * frameRate.den, frameRate.num)
}

/** Segments reach up to two cells when keyframes lie anywhere; one when they divide the cell. RFC 8216bis 4.4.3.1: a decimal integer, never changed. */
export function targetDurationSec(cell: Rational, gop: 'auto' | 'fixed'): number {
  return Math.max(1, Math.ceil(toNumber(cell) * (gop === 'fixed' ? 1 : 2) - 1e-9))
}

/** Cell arithmetic in one track's timescale (ticks per second since TIMELINE_EPOCH_MS). */
export interface CellGrid {
  readonly timescale: number
  /** The cell that a decode time falls in; this is the media sequence number. */
  cellOf(dts: number): number
  /** First tick that belongs to the cell. */
  startOf(cell: number): number
}

export function cellGrid(length: Rational, timescale: number): CellGrid {
  const ticksPerCellNum = timescale * length.num
  let lowTicks = 0
  let highTicks = 0
  let cached = -1
  const startOf = (cell: number) => scaleCeil(cell, ticksPerCellNum, length.den)
  return {
    timescale,
    startOf,
    cellOf(dts) {
      // Neighbouring samples nearly always share a cell, so the exact division (BigInt beyond 2^53) is rare.
      if (dts < lowTicks || dts >= highTicks) {
        cached = scaleFloor(dts, length.den, ticksPerCellNum)
        lowTicks = startOf(cached)
        highTicks = startOf(cached + 1)
      }
      return cached
    },
  }
}

/** Media ticks → milliseconds since 1970, for PROGRAM-DATE-TIME. */
export function ticksToEpochMs(ticks: number, timescale: number): number {
  return TIMELINE_EPOCH_MS + (ticks / timescale) * 1000
}

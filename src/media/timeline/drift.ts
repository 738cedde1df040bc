// Encoders' clocks run a little fast or slow. Media time follows them, so that names and bytes stay what they are;
// PROGRAM-DATE-TIME is moved beside it by points that origins share. Rules: docs/decisions/timeline.md, "Drift".
import { z } from 'zod'
import { type Rational, toNumber } from '../../core/rational.ts'

const pieceSchema = z.object({
  /** Holds from this segment on, until the next piece does. */
  fromMsn: z.int().nonnegative(),
  /** What is added to media time at the start of that cell. */
  offsetUs: z.number(),
  /** Microseconds more per second of media from there on. */
  ppm: z.number().min(-3000).max(3000),
})

/** A point replaces all before it: its first piece is what held when it was made, for cells before the second. */
export const driftPointSchema = z.object({
  version: z.literal(1),
  /** Points of one timeline entry, from 1. */
  n: z.int().positive(),
  pieces: z.array(pieceSchema).min(1).max(4),
  createdAtMs: z.int(),
})

export type DriftPiece = z.infer<typeof pieceSchema>
export type DriftPoint = z.infer<typeof driftPointSchema>

/** Seconds that a segment's wall-clock time lies after its media time. The same in all tracks and all origins. */
export function driftSec(point: DriftPoint | null, cell: Rational, msn: number): number {
  if (point === null) return 0
  const piece = point.pieces.findLast(({ fromMsn }) => fromMsn <= msn) ?? point.pieces[0]
  return piece === undefined ? 0 : (piece.offsetUs + piece.ppm * toNumber(cell) * (msn - piece.fromMsn)) / 1e6
}

/** The last piece of a point is in force: nothing that was announced is still to come. */
export function isSettled(point: DriftPoint | null, msn: number): boolean {
  return point === null || (point.pieces.at(-1)?.fromMsn ?? 0) <= msn
}

/** Smaller errors are left: networks are not steadier, and each point is a file. */
const TOLERATED_SEC = 0.05
/** Media that is later than this was delayed; its clock is not slow. */
const DELAYED_SEC = 2
/**
 * How far ahead a point is announced. Every origin has read it by then (each looks once a minute), so that none has
 * listed a segment that it moves.
 */
const ANNOUNCED_AHEAD_SEC = 180
/** A correction is spread over at least this long, and is never faster than so many microseconds per second. */
const CORRECTED_WITHIN_SEC = 120
const CORRECTION_MAX_PPM = 2000
/** No encoder's crystal is worse. */
const CLOCK_MAX_PPM = 500

export interface DriftView {
  readonly newest: DriftPoint | null
  readonly cell: Rational
  /** The newest cell that has begun. */
  readonly msn: number
  /** How long after its media time a frame arrives now, without the network's delays; seconds. */
  readonly lagSec: number
  /** What that should be after correction: the delay on the way to this origin, as it was at the start. */
  readonly delaySec: number
  /** How fast the lag grows, in millionths; null while that is unknown. */
  readonly ppm: number | null
  readonly nowMs: number
}

/** The next point, or null when wall-clock times are true enough or an earlier point has not come into force. */
export function planDriftPoint(view: DriftView): DriftPoint | null {
  const { newest, cell, msn, lagSec, delaySec } = view
  if (!isSettled(newest, msn)) return null
  const errorSec = lagSec - delaySec - driftSec(newest, cell, msn)
  if (Math.abs(errorSec) <= TOLERATED_SEC || errorSec > DELAYED_SEC) return null

  const held = newest?.pieces.at(-1) ?? { fromMsn: msn, offsetUs: 0, ppm: 0 }
  const ppm = Math.max(-CLOCK_MAX_PPM, Math.min(CLOCK_MAX_PPM, view.ppm ?? held.ppm))
  const cellSec = toNumber(cell)
  const fromMsn = msn + Math.ceil(ANNOUNCED_AHEAD_SEC / cellSec)
  const startSec = driftSec(newest, cell, fromMsn)
  const missingSec = lagSec - delaySec + (ppm / 1e6) * (fromMsn - msn) * cellSec - startSec
  const spreadSec = Math.max(CORRECTED_WITHIN_SEC, (Math.abs(missingSec) / CORRECTION_MAX_PPM) * 1e6)
  const cells = Math.ceil(spreadSec / cellSec)
  const slewPpm = ppm + (missingSec / (cells * cellSec)) * 1e6
  const slew = { fromMsn, offsetUs: Math.round(startSec * 1e6), ppm: rounded(slewPpm) }
  const untilMsn = fromMsn + cells
  const offsetUs = Math.round(slew.offsetUs + slew.ppm * cellSec * cells)
  return {
    version: 1,
    n: (newest?.n ?? 0) + 1,
    pieces: [held, slew, { fromMsn: untilMsn, offsetUs, ppm: rounded(ppm) }],
    createdAtMs: Math.round(view.nowMs),
  }
}

function rounded(ppm: number): number {
  return Math.round(ppm * 10) / 10
}

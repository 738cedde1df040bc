// Snapping of jittery clocks (RTMP counts milliseconds) to the frame grid: a pure function of a timestamp and the
// timeline entry, so that an origin that joins late computes the same ticks as one that was there from the start.
import type { Rational } from '../../core/rational.ts'

/** A timestamp further than this from the grid is kept as it came. */
const SNAP_TOLERANCE_SEC = 0.001

/**
 * Timescale and ticks per frame in which frames of this rate are whole: 90 kHz where it divides, else a multiple of the
 * rate's numerator. Without a rate: 90 kHz and no nominal frame.
 */
export function videoTimescale(frameRate: Rational | null): {
  readonly timescale: number
  readonly frameTicks: number | null
} {
  if (frameRate === null) return { timescale: 90_000, frameTicks: null }
  const { num, den } = frameRate
  if ((90_000 * den) % num === 0) return { timescale: 90_000, frameTicks: (90_000 * den) / num }
  const multiple = Math.max(1, Math.ceil(10_000 / num))
  return { timescale: num * multiple, frameTicks: den * multiple }
}

/** Whole frames since the anchor, or null when the timestamp is not on the grid. */
export function snapToFrames(elapsedTicks: number, ticksPerSec: number, frameRate: Rational): number | null {
  const frames = Math.round((elapsedTicks * frameRate.num) / (ticksPerSec * frameRate.den))
  const errorSec = Math.abs(elapsedTicks / ticksPerSec - (frames * frameRate.den) / frameRate.num)
  // Half an input tick is quantisation, not jitter.
  return errorSec <= SNAP_TOLERANCE_SEC + 0.5 / ticksPerSec ? frames : null
}

const USUAL_RATES: readonly Rational[] = [
  { num: 24000, den: 1001 },
  { num: 24, den: 1 },
  { num: 25, den: 1 },
  { num: 30000, den: 1001 },
  { num: 30, den: 1 },
  { num: 48, den: 1 },
  { num: 50, den: 1 },
  { num: 60000, den: 1001 },
  { num: 60, den: 1 },
  { num: 120, den: 1 },
  { num: 15, den: 1 },
  { num: 10, den: 1 },
  { num: 5, den: 1 },
]

/**
 * The frame rate of a stream whose headers declare none, from its first decode times (in ticks): the usual rate that puts
 * all of them on its grid, or null. The creator of a timeline entry stores the answer; nobody else asks again.
 */
export function guessFrameRate(decodeTimes: readonly number[], ticksPerSec: number): Rational | null {
  const first = decodeTimes[0]
  const last = decodeTimes.at(-1)
  if (first === undefined || last === undefined || decodeTimes.length < 4) return null
  const meanSec = (last - first) / ticksPerSec / (decodeTimes.length - 1)
  let best: Rational | null = null
  let bestError = Number.POSITIVE_INFINITY
  for (const rate of USUAL_RATES) {
    const error = Math.abs(meanSec - rate.den / rate.num)
    const fits = decodeTimes.every((time) => snapToFrames(time - first, ticksPerSec, rate) !== null)
    if (fits && error < bestError) {
      best = rate
      bestError = error
    }
  }
  return best
}

// How fast to play, so that a follower stays at the target latency without jumps and without running dry. Pure.

export interface PaceFacts {
  /** Distance to the live edge. */
  readonly latencySec: number
  readonly targetSec: number
  readonly bufferedSec: number
}

/** 6 % is not heard as speed: browsers keep the pitch. */
const FASTER = 1.06
const SLOWER = 0.94
/** Around the target nothing is corrected; parts come in steps of 200 ms anyway. */
const TOLERANCE_SEC = 0.2

export function paceOf({ latencySec, targetSec, bufferedSec }: PaceFacts): number {
  const behindSec = latencySec - targetSec
  // Whoever speeds up eats the buffer: only with more than the next part at hand.
  if (behindSec > TOLERANCE_SEC && bufferedSec > refillGoalSec(targetSec) + TOLERANCE_SEC) return FASTER
  // Too close to the edge every late part is a stall; going slower widens the distance again.
  if (behindSec < -TOLERANCE_SEC && bufferedSec < refillGoalSec(targetSec)) return SLOWER
  return 1
}

/** What has to be buffered before playback goes on after it ran dry: else it runs dry again at once. */
export function refillGoalSec(targetSec: number): number {
  return Math.min(1.5, Math.max(0.3, targetSec * 0.6))
}

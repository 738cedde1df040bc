// After running dry, playback is held until some media has gathered, else it runs dry again at once. Pure.
import { refillGoalSec } from './pace.ts'

/** However little comes: hls.js repairs nothing while playback is held. */
const HELD_MS_MAX = 3000
/** Parts come every 200 ms or so. When nothing comes for this long, what is missing has to be repaired first. */
const GROWS_WITHIN_MS = 750

export class Refill {
  readonly #beganAtMs: number
  #grewAtMs: number
  #bufferedSec: number

  constructor(nowMs: number, bufferedSec: number) {
    this.#beganAtMs = nowMs
    this.#grewAtMs = nowMs
    this.#bufferedSec = bufferedSec
  }

  /** Whether to hold on. `targetSec`: the latency that is aimed at. */
  isHolding(nowMs: number, { bufferedSec, targetSec }: { bufferedSec: number; targetSec: number }): boolean {
    if (bufferedSec > this.#bufferedSec) {
      this.#bufferedSec = bufferedSec
      this.#grewAtMs = nowMs
    }
    if (bufferedSec >= refillGoalSec(targetSec)) return false
    return nowMs - this.#beganAtMs <= HELD_MS_MAX && nowMs - this.#grewAtMs <= GROWS_WITHIN_MS
  }
}

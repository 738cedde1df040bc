// How long a player has stood still with nothing coming to where it stands. Pure.

export interface StandingFacts {
  readonly positionSec: number
  readonly bufferedSec: number
  /** Somebody paused it, or the browser did. */
  readonly isPaused: boolean
}

export class Standing {
  #sinceMs: number | null = null
  #positionSec = Number.NaN
  #bufferedSec = Number.NaN

  /** In milliseconds; 0 while it plays, is paused, or its buffer grows. */
  lookAt(nowMs: number, { positionSec, bufferedSec, isPaused }: StandingFacts): number {
    const isStill = positionSec === this.#positionSec && bufferedSec === this.#bufferedSec && !isPaused
    this.#positionSec = positionSec
    this.#bufferedSec = bufferedSec
    this.#sinceMs = isStill ? (this.#sinceMs ?? nowMs) : null
    return this.#sinceMs === null ? 0 : nowMs - this.#sinceMs
  }
}

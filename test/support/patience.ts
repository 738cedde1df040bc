// Waiting on a machine that may stand still: a stall of seconds, or a disk that takes its time, is no time to wait in.

/** What counts of the time between two looks, at most. */
const LOOK_MAX_MS = 100

/** A time limit that is used up only while the one who waits and the one who is waited for both get on. */
export class Patience {
  readonly #limitMs: number
  #usedMs = 0
  #lookedAtMs = performance.now()

  constructor(limitMs: number) {
    this.#limitMs = limitMs
  }

  /** Ask after every look that found nothing. */
  get isOver(): boolean {
    const nowMs = performance.now()
    this.#usedMs += Math.min(nowMs - this.#lookedAtMs, LOOK_MAX_MS)
    this.#lookedAtMs = nowMs
    return this.#usedMs > this.#limitMs
  }
}

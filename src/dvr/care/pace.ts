import { setTimeout as delay } from 'node:timers/promises'

/** Holds bytes back so that no more than `bytesPerSec` pass in the long run; short bursts of a quarter second may. */
export class Pace {
  readonly #bytesPerSec: number
  readonly #now: () => number
  #dueAtMs: number

  /** `now` in milliseconds, monotonic. */
  constructor(bytesPerSec: number, now: () => number) {
    this.#bytesPerSec = bytesPerSec
    this.#now = now
    this.#dueAtMs = now()
  }

  async passed(bytes: number, signal: AbortSignal): Promise<void> {
    this.#dueAtMs = Math.max(this.#dueAtMs, this.#now() - BURST_MS) + (bytes * 1000) / this.#bytesPerSec
    const waitMs = this.#dueAtMs - this.#now()
    if (waitMs > 0) await delay(waitMs, undefined, { signal })
  }
}

const BURST_MS = 250

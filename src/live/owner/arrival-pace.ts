// When an input's media comes, and which pause is a silence. Pure.

/** A feed that comes in pieces (HLS, CMAF by the fragment) pauses regularly; so many pauses alike are its pace. */
const PAUSES_FOR_PACE = 3
const PAUSES_KEPT = 5
const PAUSE_MARGIN = 1.5
/** Pauses beyond so many times the setting are outages whatever their number. */
const MAX_PACE_FACTOR = 3

export class ArrivalPace {
  #lastAtMs: number | null = null
  #healthySinceMs: number | null = null
  /** The newest pauses that are long enough to matter. */
  #pausesMs: number[] = []

  get lastAtMs(): number | null {
    return this.#lastAtMs
  }

  /** `silenceMs`: as set for the stream. */
  note(nowMs: number, silenceMs: number): void {
    const lastAtMs = this.#lastAtMs
    this.#lastAtMs = nowMs
    if (lastAtMs === null) {
      this.#healthySinceMs = nowMs
      return
    }
    const pauseMs = nowMs - lastAtMs
    if (pauseMs > this.limitMs(silenceMs)) this.#healthySinceMs = nowMs
    if (pauseMs < silenceMs / 2 || pauseMs > silenceMs * MAX_PACE_FACTOR) return
    this.#pausesMs.push(pauseMs)
    if (this.#pausesMs.length > PAUSES_KEPT) this.#pausesMs.shift()
  }

  /** After so long a pause the input is silent: what the setting says, or more for a feed whose pace it is. */
  limitMs(silenceMs: number): number {
    if (this.#pausesMs.length < PAUSES_FOR_PACE) return silenceMs
    const sorted = this.#pausesMs.toSorted((a, b) => a - b)
    return Math.max(silenceMs, PAUSE_MARGIN * (sorted[Math.floor(sorted.length / 2)] ?? 0))
  }

  /** Since when media comes without a silence; null: it is silent now, or has never come. */
  healthySinceMs(nowMs: number, silenceMs: number): number | null {
    if (this.#lastAtMs === null || nowMs - this.#lastAtMs > this.limitMs(silenceMs)) return null
    return this.#healthySinceMs
  }
}

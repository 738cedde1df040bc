// A loop of wrong keys or a scan of names must not flood the event feed: beyond a rate refusals are only counted.

const MAX_TOLD_PER_SEC = 20

export class RefusalLimit {
  #secondBeganMs = Number.NEGATIVE_INFINITY
  #told = 0
  #untold = 0

  /** Whether to tell of this refusal, and of how many earlier ones nothing was told. */
  take(nowMs: number): { readonly isTold: boolean; readonly untold: number } {
    let untold = 0
    // A clock that was set back begins a new second, too.
    if (Math.abs(nowMs - this.#secondBeganMs) >= 1000) {
      untold = this.#untold
      this.#secondBeganMs = nowMs
      this.#told = 0
      this.#untold = 0
    }
    const isTold = this.#told < MAX_TOLD_PER_SEC
    if (isTold) this.#told++
    else this.#untold++
    return { isTold, untold }
  }
}

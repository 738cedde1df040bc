// How an input's clock runs against ours: the smallest lags of minutes, because a network only ever adds to a lag.

interface LowestLag {
  readonly fromMs: number
  atMs: number
  lagSec: number
}

const BUCKET_MS = 30_000
/** Half an hour tells a crystal's error within a few millionths. */
const MAX_BUCKETS = 60
/** The lag of now is the lowest of so many buckets. */
const RECENT_BUCKETS = 4
const BUCKETS_FOR_RATE = 10
/** No clock drifts so far within two buckets: this is a jump, or another way through the network, and history begins anew. */
const JUMP_SEC = 0.06

export class LagMeter {
  #buckets: LowestLag[] = []

  /** `lagSec`: arrival less media time. */
  add(arrivedAtMs: number, lagSec: number): void {
    const open = this.#buckets.at(-1)
    if (open === undefined || arrivedAtMs >= open.fromMs + BUCKET_MS || arrivedAtMs < open.fromMs) {
      this.#dropBeforeJump()
      this.#buckets.push({ fromMs: Math.floor(arrivedAtMs / BUCKET_MS) * BUCKET_MS, atMs: arrivedAtMs, lagSec })
      if (this.#buckets.length > MAX_BUCKETS) this.#buckets.shift()
    } else if (lagSec < open.lagSec) {
      open.atMs = arrivedAtMs
      open.lagSec = lagSec
    }
  }

  /** How fast the lag grows, in millionths; null while too little is known. */
  get ppm(): number | null {
    const known = this.#buckets.slice(0, -1)
    if (known.length < BUCKETS_FOR_RATE) return null
    const meanMs = known.reduce((sum, { atMs }) => sum + atMs, 0) / known.length
    const meanLag = known.reduce((sum, { lagSec }) => sum + lagSec, 0) / known.length
    let products = 0
    let squares = 0
    for (const { atMs, lagSec } of known) {
      products += (atMs - meanMs) * (lagSec - meanLag)
      squares += (atMs - meanMs) ** 2
    }
    return squares === 0 ? null : (products / squares) * 1e9
  }

  /** The lag without the network's delays, in seconds; null before two minutes have passed since the start or a jump. */
  lagSec(nowMs: number): number | null {
    const known = this.#buckets.slice(0, -1).slice(-RECENT_BUCKETS)
    if (known.length < RECENT_BUCKETS) return null
    const secPerMs = (this.ppm ?? 0) / 1e9
    return Math.min(...known.map(({ atMs, lagSec }) => lagSec + (nowMs - atMs) * secPerMs))
  }

  /** One late bucket is a network; two that agree are another clock. */
  #dropBeforeJump(): void {
    const [before, first, second] = this.#buckets.slice(-3)
    if (before === undefined || first === undefined || second === undefined) return
    const isBack = Math.abs(second.lagSec - before.lagSec) <= JUMP_SEC
    const isLasting = Math.abs(second.lagSec - first.lagSec) <= JUMP_SEC
    if (isLasting && !isBack) this.#buckets = [first, second]
  }
}

// Sliding figures for the status page: bit rates, frame rates, latencies over the last seconds.
import type { Percentiles } from '../control.ts'

const BUCKET_MS = 1000
const BUCKETS = 5

/** Sum per second over the last five whole seconds. */
export class RateMeter {
  #buckets: { readonly atMs: number; sum: number }[] = []

  add(amount: number, nowMs: number): void {
    const atMs = Math.floor(nowMs / BUCKET_MS) * BUCKET_MS
    const last = this.#buckets.at(-1)
    if (last !== undefined && last.atMs === atMs) last.sum += amount
    else this.#buckets.push({ atMs, sum: amount })
    if (this.#buckets.length > BUCKETS + 1) this.#buckets.shift()
  }

  perSec(nowMs: number): number {
    const fromMs = Math.floor(nowMs / BUCKET_MS) * BUCKET_MS - BUCKETS * BUCKET_MS
    const recent = this.#buckets.filter((bucket) => bucket.atMs >= fromMs)
    const first = recent[0]
    if (first === undefined) return 0
    const total = recent.reduce((sum, bucket) => sum + bucket.sum, 0)
    return total / Math.max(1, (nowMs - first.atMs) / BUCKET_MS)
  }
}

const KEPT_OBSERVATIONS = 512

/** The newest observations within ten seconds. */
export class LatencyMeter {
  #observations: { readonly atMs: number; readonly valueMs: number }[] = []
  #unreportedSec: number[] = []

  add(valueMs: number, nowMs: number): void {
    this.#observations.push({ atMs: nowMs, valueMs })
    if (this.#observations.length > KEPT_OBSERVATIONS) this.#observations.shift()
    if (this.#unreportedSec.length < KEPT_OBSERVATIONS) this.#unreportedSec.push(valueMs / 1000)
  }

  percentiles(nowMs: number): Percentiles | null {
    const values = this.#observations
      .filter((observation) => observation.atMs >= nowMs - 10_000)
      .map((observation) => observation.valueMs)
      .toSorted((a, b) => a - b)
    if (values.length === 0) return null
    return { p50: quantile(values, 0.5), p95: quantile(values, 0.95) }
  }

  /** Values in seconds since the last call, for histograms. */
  takeUnreported(): readonly number[] {
    const values = this.#unreportedSec
    this.#unreportedSec = []
    return values
  }
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

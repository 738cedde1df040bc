// Distributions of durations, kept in constant memory.
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

export interface Percentiles {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Milliseconds, kept to 1 µs and three digits. */
export class Durations {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: 120_000_000, figures: 3 })

  record(ms: number): void {
    this.#histogram.record(Math.min(120_000_000, Math.max(1, Math.round(ms * 1000))))
  }

  reset(): void {
    this.#histogram.reset()
  }

  /** Null when nothing was recorded. */
  percentiles(): Percentiles | null {
    const { count } = this.#histogram
    if (count === 0) return null
    const ms = (us: number) => us / 1000
    return {
      count,
      p50: ms(this.#histogram.percentile(50)),
      p99: ms(this.#histogram.percentile(99)),
      max: ms(this.#histogram.max),
    }
  }
}

/** Milliseconds since 1970 on a clock that all processes of the machine share, with fractions. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now()
}

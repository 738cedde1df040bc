// How fast recordings grow: from what lies there to bytes an hour and a day. Pure.

/** Media of one track that lies together. */
export interface StoredSpan {
  /** Milliseconds since 1970, of the media. */
  readonly fromMs: number
  readonly toMs: number
  readonly bytes: number
}

export interface Growth {
  /** Over the last three hours; null: too short a time to tell. */
  readonly bytesPerHour: number | null
  /** What a day adds, if it goes on as in the last one; null: too short a time to tell. */
  readonly bytesPerDay: number | null
}

const HOUR_MS = 3_600_000
const RECENT_MS = 3 * HOUR_MS
const DAY_MS = 24 * HOUR_MS
/** A shorter time holds too few segments, whose sizes differ. */
const OBSERVED_MS_MIN = 60_000

/** `isGrowing` false: nothing is recorded any more, whatever was before. */
export function growthOf(spans: readonly StoredSpan[], nowMs: number, isGrowing: boolean): Growth {
  if (!isGrowing) return { bytesPerHour: 0, bytesPerDay: 0 }
  return {
    bytesPerHour: rateOver(spans, nowMs, RECENT_MS, HOUR_MS),
    bytesPerDay: rateOver(spans, nowMs, DAY_MS, DAY_MS),
  }
}

export function bytesOf(spans: readonly StoredSpan[]): number {
  return spans.reduce((sum, { bytes }) => sum + bytes, 0)
}

/**
 * Bytes in each `unitMs` over the last `windowMs`. Silence counts as time, but for that before the first recording. A span
 * that began earlier counts with its share.
 */
function rateOver(spans: readonly StoredSpan[], nowMs: number, windowMs: number, unitMs: number): number | null {
  const windowFromMs = nowMs - windowMs
  let bytes = 0
  let firstMs = Number.POSITIVE_INFINITY
  for (const span of spans) {
    if (span.toMs <= windowFromMs || span.toMs <= span.fromMs) continue
    const fromMs = Math.max(span.fromMs, windowFromMs)
    bytes += (span.bytes * (span.toMs - fromMs)) / (span.toMs - span.fromMs)
    firstMs = Math.min(firstMs, fromMs)
  }
  const observedMs = nowMs - firstMs
  return observedMs < OBSERVED_MS_MIN ? null : Math.round((bytes * unitMs) / observedMs)
}

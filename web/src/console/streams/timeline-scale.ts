export interface TimeRange {
  readonly startMs: number
  readonly endMs: number
}

/** Where a time lies in a range: 0 is its start, 1 its end, never outside. */
export function shareOf(range: TimeRange, atMs: number): number {
  const lengthMs = range.endMs - range.startMs
  if (lengthMs <= 0) return 0
  return Math.min(1, Math.max(0, (atMs - range.startMs) / lengthMs))
}

export function timeAtShare(range: TimeRange, share: number): number {
  return range.startMs + Math.min(1, Math.max(0, share)) * (range.endMs - range.startMs)
}

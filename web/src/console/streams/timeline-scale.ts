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

const MIN = 60_000
const STEPS_MS = [
  ...[5000, 10_000, 15_000, 30_000, MIN, 2 * MIN, 5 * MIN, 10 * MIN, 15 * MIN, 30 * MIN],
  ...[1, 2, 3, 4, 6, 12, 24, 48, 96, 168].map((hours) => hours * 60 * MIN),
]
/** Words at the ends have no room for a tick beside them. */
const EDGE_SHARE = 0.08

/** Round wall-clock times, at most `count`, away from both ends. `offsetMs`: that of the local time zone. */
export function ticksOf(range: TimeRange, count: number, offsetMs = localOffsetMs(range.endMs)): readonly number[] {
  const lengthMs = range.endMs - range.startMs
  const stepMs = STEPS_MS.find((step) => lengthMs / step <= count) ?? STEPS_MS.at(-1) ?? lengthMs
  const ticks: number[] = []
  const firstMs = Math.ceil((range.startMs + offsetMs) / stepMs) * stepMs - offsetMs
  for (let atMs = firstMs; atMs < range.endMs; atMs += stepMs) {
    const share = shareOf(range, atMs)
    if (share >= EDGE_SHARE && share <= 1 - EDGE_SHARE) ticks.push(atMs)
  }
  return ticks
}

function localOffsetMs(atMs: number): number {
  return -new Date(atMs).getTimezoneOffset() * MIN
}

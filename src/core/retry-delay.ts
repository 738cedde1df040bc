export interface RetryDelay {
  readonly minMs: number
  readonly maxMs: number
}

/** Doubles from minMs to maxMs, then ±25 % jitter; `attempt` counts from 0, `random` is in [0, 1). */
export function retryDelayMs(attempt: number, limits: RetryDelay, random: () => number): number {
  const base = Math.min(limits.maxMs, limits.minMs * 2 ** Math.min(attempt, 30))
  return Math.round(base * (0.75 + random() / 2))
}

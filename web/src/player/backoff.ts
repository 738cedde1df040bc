/** Capped exponential backoff with jitter. `random` is in [0, 1). */
export interface BackoffPolicy {
  readonly firstMs: number
  readonly maxMs: number
  /** 0 = no jitter, 1 = anything between nothing and the full delay. */
  readonly jitter: number
}

export function backoffDelayMs(policy: BackoffPolicy, attempt: number, random: number): number {
  // The exponent is capped too: 2 ** 2000 would be Infinity, and Infinity times a jitter of 0 is NaN.
  const fullMs = Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(attempt, 20))
  return Math.round(fullMs * (1 - policy.jitter * random))
}

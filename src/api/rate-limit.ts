// Token buckets in bounded memory. An attacker with many addresses costs at most MAX_BUCKETS entries.

export interface RateLimit {
  /** Tokens regained per second. */
  readonly perSec: number
  readonly burst: number
}

export interface RateLimits {
  /** Requests without a valid credential, per address. */
  readonly anonymous: RateLimit
  /** Requests of one user or API key. */
  readonly principal: RateLimit
  /** Attempts to log in (password or link), per address and over all addresses. */
  readonly loginPerAddress: RateLimit
  readonly loginTotal: RateLimit
}

export const DEFAULT_RATE_LIMITS: RateLimits = {
  anonymous: { perSec: 20, burst: 100 },
  principal: { perSec: 100, burst: 200 },
  loginPerAddress: { perSec: 1 / 12, burst: 5 },
  loginTotal: { perSec: 1, burst: 60 },
}

const MAX_BUCKETS = 10_000

export interface RateLimiter {
  /** Takes one token of `key`: 0 when there was one, else the whole seconds until there is. */
  take(key: string): number
}

/** Full table: the bucket that was unused for longest is forgotten, which can only favour its owner. */
export function createRateLimiter(limit: RateLimit, clock: () => number): RateLimiter {
  const buckets = new Map<string, { tokens: number; atMs: number }>()
  return {
    take(key) {
      const nowMs = clock()
      const bucket = buckets.get(key) ?? { tokens: limit.burst, atMs: nowMs }
      const elapsedSec = Math.max(0, nowMs - bucket.atMs) / 1000
      bucket.tokens = Math.min(limit.burst, bucket.tokens + elapsedSec * limit.perSec)
      bucket.atMs = nowMs
      // Re-inserting moves the key to the end: a Map iterates in insertion order, so the first key is the oldest.
      buckets.delete(key)
      buckets.set(key, bucket)
      if (buckets.size > MAX_BUCKETS) {
        const oldest = buckets.keys().next().value
        if (oldest !== undefined) buckets.delete(oldest)
      }
      if (bucket.tokens >= 1) {
        bucket.tokens -= 1
        return 0
      }
      return Math.max(1, Math.ceil((1 - bucket.tokens) / limit.perSec))
    },
  }
}

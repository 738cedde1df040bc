import { ERRORS, type MirrorError } from '../core/errors.ts'
import { retryDelayMs } from '../core/retry-delay.ts'
import type { JobRow } from './types.ts'

const RETRY = { minMs: 2000, maxMs: 15 * 60_000 }

/** When a failed attempt is repeated, or null: what the caller did wrong stays wrong, and attempts are counted. */
export function retryAtMs(
  { attempt, maxAttempts }: Pick<JobRow, 'attempt' | 'maxAttempts'>,
  error: MirrorError,
  now: { readonly nowMs: number; readonly random: () => number },
): number | null {
  if (ERRORS[error.code].fault === 'caller' || attempt >= maxAttempts) return null
  return now.nowMs + retryDelayMs(attempt - 1, RETRY, now.random)
}

import { ERRORS, type MirrorError } from '../core/errors.ts'
import { retryDelayMs } from '../core/retry-delay.ts'
import type { JobRow } from './types.ts'

const RETRY = { minMs: 2000, maxMs: 15 * 60_000 }
/** Room on a disk is made by people, or by rules that have their hours. */
const RETRY_OF_ROOM = { minMs: 5 * 60_000, maxMs: 60 * 60_000 }

type Attempts = Pick<JobRow, 'attempt' | 'maxAttempts'>

/** No other attempt follows: what the caller did wrong stays wrong, and attempts are counted. */
export function isFinal({ attempt, maxAttempts }: Attempts, error: MirrorError): boolean {
  return ERRORS[error.code].fault === 'caller' || attempt >= maxAttempts
}

/** When a failed attempt is repeated, or null. */
export function retryAtMs(
  job: Attempts,
  error: MirrorError,
  now: { readonly nowMs: number; readonly random: () => number },
): number | null {
  if (isFinal(job, error)) return null
  const delay = error.code === 'scratch_full' ? RETRY_OF_ROOM : RETRY
  return now.nowMs + retryDelayMs(job.attempt - 1, delay, now.random)
}

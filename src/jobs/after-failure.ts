// What follows when an attempt has failed. Pure.
import { ERRORS, MirrorError, toMirrorError } from '../core/errors.ts'
import { retryDelayMs } from '../core/retry-delay.ts'
import type { JobRow } from './types.ts'

const RETRY = { minMs: 2000, maxMs: 15 * 60_000 }
/** Room on a disk is made by people, or by rules that have their hours. A look may cost as much as a download. */
const LOOK_FOR_ROOM = { minMs: 60_000, maxMs: 15 * 60_000 }
/** Of the operating system: no space left, quota used up. */
const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT'])
/** An error of the file system, in one of the store, in one of who wanted to store. */
const MAX_CAUSES = 4

type Attempts = Pick<JobRow, 'attempt' | 'maxAttempts' | 'createdAtMs'>

/** What is known of an attempt's end: a full disk is `scratch_full`, however deep down it was met. */
export function failureOf(thrown: unknown): MirrorError {
  const error = toMirrorError(thrown)
  if (error.code === 'scratch_full' || !isFullDisk(error)) return error
  return new MirrorError(
    'scratch_full',
    `The disk is full (${error.message}); it goes on by itself when there is room`,
    {
      details: error.details,
      cause: error,
    },
  )
}

/** It goes on when there is room: until then it waits, and no attempt is counted. */
export function waitsForRoom({ code }: MirrorError): boolean {
  return code === 'scratch_full'
}

/** No other attempt follows: what the caller did wrong stays wrong, and attempts are counted. */
export function isFinal({ attempt, maxAttempts }: Attempts, error: MirrorError): boolean {
  if (waitsForRoom(error)) return false
  return ERRORS[error.code].fault === 'caller' || attempt >= maxAttempts
}

/** When a failed attempt is repeated, or null. */
export function retryAtMs(
  job: Attempts,
  error: MirrorError,
  { nowMs, random }: { readonly nowMs: number; readonly random: () => number },
): number | null {
  if (isFinal(job, error)) return null
  if (!waitsForRoom(error)) return nowMs + retryDelayMs(job.attempt - 1, RETRY, random)
  // Nothing counts how often it has waited, so the older it is, the longer.
  const { minMs, maxMs } = LOOK_FOR_ROOM
  const pauseMs = Math.min(maxMs, Math.max(minMs, (nowMs - job.createdAtMs) / 2))
  return nowMs + retryDelayMs(0, { minMs: pauseMs, maxMs }, random)
}

function isFullDisk(error: unknown): boolean {
  let at = error
  for (let depth = 0; depth < MAX_CAUSES && at instanceof Error; depth += 1) {
    if (FULL.has((at as NodeJS.ErrnoException).code)) return true
    at = at.cause
  }
  return false
}

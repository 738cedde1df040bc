// From jobs to what the API and its events show. Pure.
import type { JobRow } from '../jobs/types.ts'
import type { EventType, MirrorEvent } from '../live/events.ts'
import type { JobSummaryView, JobView } from './job-contract.ts'
import { isoTime } from './stream-view.ts'

export function renderJob(job: JobRow): JobView {
  return { ...renderJobSummary(job), result: job.result === null ? null : { ...job.result } }
}

/** Without the result, which may be long. */
export function renderJobSummary(job: JobRow): JobSummaryView {
  const { id, kind, state, tenantId, attempt, maxAttempts, owner, cancelRequested, progress, failure } = job
  return {
    id,
    kind,
    state,
    tenant: tenantId,
    input: withoutSealed(job.payload),
    attempt,
    maxAttempts,
    runAt: isoTime(job.runAtMs),
    owner,
    cancelRequested,
    progress: progress && { ...progress },
    failure: failure && { ...failure },
    createdAt: isoTime(job.createdAtMs),
    startedAt: job.startedAtMs === null ? null : isoTime(job.startedAtMs),
    finishedAt: job.finishedAtMs === null ? null : isoTime(job.finishedAtMs),
  }
}

/** What is sealed is nobody's but the worker's. */
function withoutSealed(payload: JobRow['payload']): Record<string, unknown> {
  return Object.fromEntries(Object.entries(payload).filter(([name]) => !name.startsWith('sealed')))
}

/** Null for a state that is no news. */
export function eventOfJob(
  { id, kind, tenantId, state, failure, attempt, result }: JobRow,
  atMs: number,
): MirrorEvent | null {
  const told = TOLD[state]
  if (told === undefined) return null
  // A job that has done its work may have found something that somebody has to look at.
  const problem = state === 'done' ? result?.['problem'] : undefined
  const words = state === 'failed' ? failure?.message : typeof problem === 'string' ? problem : undefined
  const cause = words === undefined ? '' : `: ${words}`
  return {
    type: told.type,
    severity: state === 'failed' ? 'error' : words === undefined ? 'info' : 'warning',
    streamId: null,
    tenantId,
    atMs,
    code: null,
    message: `The job ${kind} ${told.words}${cause}`,
    details: { jobId: id, kind, attempt, ...(state === 'failed' && failure !== null ? { failure: failure.code } : {}) },
  }
}

const TOLD: Partial<Record<JobRow['state'], { readonly type: EventType; readonly words: string }>> = {
  running: { type: 'job.started', words: 'has begun' },
  done: { type: 'job.done', words: 'is done' },
  failed: { type: 'job.failed', words: 'has failed' },
  cancelled: { type: 'job.cancelled', words: 'was cancelled' },
}

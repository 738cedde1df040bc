// The work on recordings that outlives a request, as jobs: pulling, processing, deleting.
import { z } from 'zod'
import { MirrorError } from '../../core/errors.ts'
import { failureOf, isFinal } from '../../jobs/after-failure.ts'
import type { JobContext, JobKind } from '../../jobs/job-runner.ts'
import type { JobService } from '../../jobs/job-service.ts'
import type { JobPayload, JobRow } from '../../jobs/types.ts'
import { type DeleterHost, deleteRecording } from './delete-recording.ts'
import { type ProcessingHost, processRecording } from './process-recording.ts'
import { type ReceiverHost, receiveRecording } from './receive-recording.ts'
import type { RecordingBook, RecordingPath } from './recording-book.ts'
import type { RecordingPolicies } from './recording-policies.ts'
import { DELETE_RECORDING_JOB, PROCESS_RECORDING_JOB, PULL_RECORDING_JOB, processJob } from './recording-work.ts'

/** A PBX and a line carry few at once; the jobs of other tenants take their turns. */
const PULLS_AT_ONCE = 3

const pathSchema = z.object({ tenantId: z.string().min(1), id: z.string().min(1) })
const processSchema = pathSchema.extend({ isRecount: z.boolean() })

const deleteSchema = pathSchema.extend({ onlyIfDue: z.boolean().default(false) })

/** What comes from an address: bytes that are pulled as they are taken. */
export interface PulledBody extends AsyncDisposable {
  readonly chunks: AsyncIterable<Uint8Array>
  /** Null: the server does not say. */
  readonly declaredBytes: number | null
}

export interface RecordingJobsHost extends ReceiverHost, ProcessingHost, DeleterHost {
  readonly book: RecordingBook
  readonly policies: Pick<RecordingPolicies, 'of'>
  readonly pull: (url: string, call: { readonly maxBytes: number; readonly signal: AbortSignal }) => Promise<PulledBody>
  /** Null when it was sealed under another installation secret. */
  readonly openSealed: (sealed: string) => string | null
  /** Adds jobs; known only once there are kinds of jobs. */
  readonly jobs: () => Pick<JobService, 'add'>
  readonly now: () => number
}

export function recordingJobs(host: RecordingJobsHost): Readonly<Record<string, JobKind>> {
  return {
    [PULL_RECORDING_JOB]: {
      limit: PULLS_AT_ONCE,
      run: (context) => orFailed(host, context, () => pull(host, context)),
    },
    [PROCESS_RECORDING_JOB]: {
      limit: 1,
      run: (context) => orFailed(host, context, () => process(host, context)),
    },
    [DELETE_RECORDING_JOB]: {
      limit: 1,
      run: async ({ job, signal }) => {
        const { onlyIfDue, ...path } = deleteSchema.parse(job.payload)
        if (onlyIfDue && !(await isStillDue(host, path))) return { outcome: 'kept: it is not due any more' }
        return { ...(await deleteRecording(host, path, { job, signal })) }
      },
    },
  }
}

/** Of a job that will not be tried again, the recording says so: nothing waits for ever. For `JobService.onChange`. */
export async function failWithJob(book: RecordingBook, job: JobRow): Promise<void> {
  if (job.kind !== PULL_RECORDING_JOB && job.kind !== PROCESS_RECORDING_JOB) return
  const path = pathSchema.safeParse(job.payload)
  if (!path.success) return
  if (job.state === 'cancelled') await book.fail(path.data, new MirrorError('job_ended', 'Its job was cancelled'))
  if (job.state === 'failed') {
    const message = job.failure?.message ?? 'Its job has failed'
    await book.fail(path.data, { code: 'job_abandoned', message })
  }
}

async function pull(host: RecordingJobsHost, { job, claim, signal }: JobContext): Promise<JobPayload> {
  const row = await host.book.get(pathSchema.parse(job.payload))
  if (row === null || row.status !== 'RECEIVED' || row.sealedSourceUrl === null) return { outcome: 'nothing to do' }
  const url = host.openSealed(row.sealedSourceUrl)
  if (url === null) throw new MirrorError('store_sealed', 'Its address was sealed under another installation secret')
  await using body = await host.pull(url, { maxBytes: host.maxBytes, signal })
  const delivery = { source: body.chunks, declaredBytes: body.declaredBytes, claim, signal }
  const stored = await receiveRecording(host, row, delivery)
  await host.jobs().add(processJob(stored, false))
  return { outcome: 'stored', bytes: stored.sizeBytes, sha256: stored.sha256 }
}

async function process(host: RecordingJobsHost, { job, claim, signal }: JobContext): Promise<JobPayload> {
  const { isRecount, ...path } = processSchema.parse(job.payload)
  const done = await processRecording(host, path, { claim, signal, isRecount })
  if (done === null) return { outcome: 'nothing to do' }
  const [issue] = done.issues
  return { outcome: 'completed', ...(issue === undefined ? {} : { problem: issue.message }) }
}

/** What nobody sees any more goes on going. */
async function isStillDue({ book, policies, now }: RecordingJobsHost, path: RecordingPath): Promise<boolean> {
  const row = await book.get(path)
  if (row === null) return true
  const isOver = row.scheduledDeletionAtMs !== null && row.scheduledDeletionAtMs <= now()
  return isOver && (await policies.of(path.tenantId)).isActive
}

/** An error that another try cannot mend, or that no try is left for, is the end of the recording, and not of the job. */
async function orFailed(
  { book }: RecordingJobsHost,
  { job, claim, signal }: JobContext,
  work: () => Promise<JobPayload>,
): Promise<JobPayload> {
  try {
    return await work()
  } catch (thrown) {
    signal.throwIfAborted()
    const error = failureOf(thrown)
    const isEnd = FINAL.has(error.code) || isFinal(job, error)
    if (!isEnd || error.code === 'database_unavailable') throw error
    await book.fail(pathSchema.parse(job.payload), error, claim)
    return { outcome: 'failed', code: error.code, problem: error.message }
  }
}

/** Bytes do not become right by being read again. */
const FINAL: ReadonlySet<string> = new Set(['recording_damaged'])

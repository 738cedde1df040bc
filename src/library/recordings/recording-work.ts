// What jobs there are for recordings, and how one is asked for. Pure.
import type { NewJob } from '../../jobs/types.ts'
import type { RecordingRow } from './recording.ts'
import type { RecordingPath } from './recording-book.ts'

export const PULL_RECORDING_JOB = 'recording-pull'
export const PROCESS_RECORDING_JOB = 'recording-process'
export const DELETE_RECORDING_JOB = 'recording-delete'

export function pullJob({ tenantId, id }: RecordingPath): Omit<NewJob, 'id'> {
  return { kind: PULL_RECORDING_JOB, tenantId, payload: { tenantId, id }, dedupeKey: id }
}

export function processJob({ tenantId, id }: RecordingPath, isRecount: boolean): Omit<NewJob, 'id'> {
  return { kind: PROCESS_RECORDING_JOB, tenantId, payload: { tenantId, id, isRecount }, dedupeKey: id }
}

export function deleteJob({ tenantId, id }: RecordingPath): Omit<NewJob, 'id'> {
  return { kind: DELETE_RECORDING_JOB, tenantId, payload: { tenantId, id }, dedupeKey: id, maxAttempts: 20 }
}

/** Of one whose time is over: the job looks again whether it still is, as its policy may have changed since. */
export function deleteDueJob({ tenantId, id }: RecordingPath): Omit<NewJob, 'id'> {
  const order = deleteJob({ tenantId, id })
  return { ...order, payload: { ...order.payload, onlyIfDue: true }, dedupeKey: `due ${id}` }
}

/** The job that a recording waits for in its state; null: none, its bytes come with a request or its life has ended. */
export function nextJob(row: RecordingRow): Omit<NewJob, 'id'> | null {
  if (row.status === 'STORED' || row.status === 'VERIFIED') return processJob(row, false)
  return row.status === 'RECEIVED' && row.sealedSourceUrl !== null ? pullJob(row) : null
}

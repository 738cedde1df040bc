// From the row of a recording of a call to what the API shows and its events say. Pure.
import type { ErrorCode } from '../core/errors.ts'
import type { RecordingRow } from '../library/recordings/recording.ts'
import type { RecordingNews } from '../library/recordings/recording-book.ts'
import type { EventCode, MirrorEvent } from '../live/events.ts'
import { maskUrl } from '../live/ingest/pull/pull-url.ts'
import type { RecordingView } from './recording-contract.ts'
import { isoTime } from './stream-view.ts'

/** `sourceUrl` unsealed; null: there is none, or it cannot be read. */
export function renderRecording(row: RecordingRow, sourceUrl: string | null): RecordingView {
  const { id, tenantId, callId, legId, status, said, fileName, format, contentType, codec, sizeBytes, sha256 } = row
  const { channels, sampleRateHz, tier, policyId, metadata, failureCode, failure } = row
  return {
    ...{ id, tenant: tenantId, callId, legId, status },
    failure: failureCode === null ? null : { code: failureCode, message: failure ?? '' },
    sourceUrl: sourceUrl === null ? null : maskUrl(sourceUrl),
    storageKey: row.objectKey,
    ...{ fileName, expected: { ...said }, format, contentType, codec, sizeBytes, sha256 },
    original: row.original && { ...row.original },
    durationSec: secondsOf(row),
    ...{ channels, sampleRateHz },
    truncated: row.issues.some(({ kind }) => kind === 'truncated'),
    issues: row.issues.map((issue) => ({ ...issue })),
    waveform: row.waveformKey === null ? null : `/api/v1/recordings/${id}/waveform`,
    ...{ tier, policyId, metadata: { ...metadata } },
    movedToWarmAt: timeOf(row.movedToWarmAtMs),
    scheduledDeletionAt: timeOf(row.scheduledDeletionAtMs),
    deletedAt: timeOf(row.deletedAtMs),
    createdAt: isoTime(row.createdAtMs),
    updatedAt: isoTime(row.updatedAtMs),
  }
}

export function eventOfRecording({ kind, row }: RecordingNews, atMs: number): MirrorEvent {
  const { id, callId, legId, status, sizeBytes, failure, failureCode, issues } = row
  const durationSec = secondsOf(row)
  const [issue] = issues
  return {
    type: `recording.${kind}`,
    severity: kind === 'failed' ? 'error' : kind === 'mismatch' ? 'warning' : 'info',
    streamId: null,
    tenantId: row.tenantId,
    atMs,
    code: codeOf(kind, row),
    message: `${subject(row)} ${WORDS[kind]}${because(kind === 'failed' ? failure : kind === 'mismatch' ? (issue?.message ?? null) : null)}`,
    details: {
      recordingId: id,
      callId,
      status,
      ...(legId === null ? {} : { legId }),
      ...(sizeBytes === null ? {} : { sizeBytes }),
      ...(durationSec === null ? {} : { durationSec }),
      ...(kind === 'failed' && failureCode !== null ? { failure: failureCode } : {}),
      ...(kind === 'mismatch' ? { issues: issues.map((each) => each.kind).join(' ') } : {}),
    },
  }
}

const WORDS: Readonly<Record<RecordingNews['kind'], string>> = {
  received: 'is on its way',
  stored: 'is in the store',
  verified: 'is sound, and what came in is what is kept',
  completed: 'is complete',
  failed: 'has failed',
  mismatch: 'differs from what the PBX said',
  deleted: 'was deleted',
}

function subject({ callId }: RecordingRow): string {
  return callId === '' ? 'The recording of a call' : `The recording of the call ${callId}`
}

function because(cause: string | null): string {
  return cause === null ? '' : `: ${cause}`
}

function codeOf(kind: RecordingNews['kind'], { failureCode, issues }: RecordingRow): EventCode | null {
  if (kind === 'failed') return failureCode as ErrorCode | null
  if (kind !== 'mismatch') return null
  return issues.some((issue) => issue.kind === 'truncated') ? 'recording_truncated' : 'recording_differs'
}

function secondsOf({ durationMs }: RecordingRow): number | null {
  return durationMs === null ? null : durationMs / 1000
}

function timeOf(atMs: number | null): string | null {
  return atMs === null ? null : isoTime(atMs)
}

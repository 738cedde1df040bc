import { expect, test } from 'vitest'
import type { LedgerRow } from '../catalog/ledger-entry.ts'
import type { DvrRecordingRow, StreamRow } from '../catalog/types.ts'
import type { JobRow } from '../jobs/types.ts'
import { DEFAULT_STREAM_SETTINGS } from '../live/settings.ts'
import { HOUR_MS, type Hour, hourStartMs } from '../storage/keys.ts'
import type { ObjectInfo } from '../storage/object-store.ts'
import { type ExplainedObject, explain, type Surroundings } from './explanation.ts'

const hour = '2026-11-21T07' as Hour
const startMs = hourStartMs(hour)
const track = { tenantId: 'default', streamId: 'demo', trackId: 'v0' }
const info = { key: 'x', sizeBytes: 1, etag: 'e', modifiedAtMs: 0 } as ObjectInfo
const object: ExplainedObject = {
  ...{ key: 'x', what: 'one segment', track, hour, segments: [], where: 'store', object: info, span: null, ledger: [] },
}
const settings = { ...DEFAULT_STREAM_SETTINGS, dvr: { isEnabled: true, rewindMs: HOUR_MS, retentionMs: 24 * HOUR_MS } }
const stream: StreamRow = {
  ...{ id: 'demo', tenantId: 'default', name: 'Demo', settings, createdAtMs: 0, updatedAtMs: 0 },
}
const around: Surroundings = { stream, recordings: [], jobs: [], nowMs: startMs + 2 * HOUR_MS }
const recording = (startsAtMs: number, endsAtMs: number | null): DvrRecordingRow => ({
  ...{ id: 'r', streamId: 'demo', title: '', startsAtMs, endsAtMs, failure: null },
})
const step = (change: Partial<LedgerRow>): LedgerRow => ({
  ...{
    seq: 1,
    action: 'move',
    state: 'done',
    key: 'x',
    streamId: 'demo',
    from: 'hot',
    to: 'cold',
    objects: 1,
    bytes: 1,
  },
  ...{ sha256: null, jobId: 'j', attempt: 1, note: null, atMs: 0 },
  ...change,
})

test('an hour goes as a whole, so long after its end as the stream keeps it, and ten minutes', () => {
  expect(explain(object, around).dueAtMs).toBe(startMs + HOUR_MS + 24 * HOUR_MS + 600_000)
  const late = explain(object, { ...around, nowMs: startMs + 26 * HOUR_MS })
  expect(late.due).toContain('the next sweep takes it')
})

test('a recording that was asked for holds its hours, and no others', () => {
  const held = explain(object, { ...around, recordings: [recording(startMs + 1, null)] })
  expect([held.dueAtMs, held.blocks]).toEqual([null, ['the recording r keeps it until it is deleted']])
  const over = explain(object, { ...around, recordings: [recording(startMs - 5 * HOUR_MS, startMs - HOUR_MS)] })
  expect([over.dueAtMs === null, over.blocks]).toEqual([false, []])
})

test('what the catalog does not know of, and what is no recording, says why nothing takes it', () => {
  expect(explain(object, { ...around, stream: null }).due).toBe('demo is no stream of this Mirror: nothing expires it')
  expect(explain({ ...object, track: null, hour: null }, around).due).toBe('no rule of retention is about it')
})

test('the last try that came to nothing is named, an earlier one is not', () => {
  const failed = step({ state: 'failed', note: 'the disk is full' })
  expect(explain({ ...object, ledger: [failed, step({})] }, around).blocks).toEqual([
    'the last move to cold failed: the disk is full',
  ])
  expect(explain({ ...object, ledger: [step({}), failed] }, around).blocks).toEqual([])
  expect(explain({ ...object, ledger: [step({ state: 'verified' })] }, around).blocks).toEqual([
    'a move to cold has begun and not ended (job j)',
  ])
})

test('an archive and jobs under way stand in the way', () => {
  const restoring: ObjectInfo = { ...info, tier: 'archive', restore: { kind: 'restoring', readyAtMs: startMs } }
  const job = { id: 'j', kind: 'object-move', state: 'waiting', payload: { tier: 'warm' } } as unknown as JobRow
  const failure = { code: 'store_unavailable', message: 'the store is away' }
  expect(explain({ ...object, object: restoring }, { ...around, jobs: [{ ...job, failure }] }).blocks).toEqual([
    'it is restoring, ready at 2026-11-21T07:00:00.000Z',
    'job j moves media of the stream to warm, and waits because the store is away',
  ])
})

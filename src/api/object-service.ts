// Stored objects as people ask about them: to be moved, to be restored, to be explained.
import type { StreamRow } from '../catalog/types.ts'
import { parseDuration } from '../core/duration.ts'
import { MirrorError } from '../core/errors.ts'
import { parseMoment } from '../dvr/time-shift.ts'
import type { JobService } from '../jobs/job-service.ts'
import type { JobRow } from '../jobs/types.ts'
import type { Explanation } from '../lifecycle/explanation.ts'
import { MOVE_JOB, type MovePayload } from '../lifecycle/move-job.ts'
import { type ExplainerHost, explainKey, explainMoment } from '../lifecycle/object-explainer.ts'
import { movableBeforeMs } from '../lifecycle/recorded-objects.ts'
import { RESTORE_JOB, type RestorePayload } from '../lifecycle/restore-job.ts'
import type { TieredStore } from '../storage/tiers.ts'
import type { ExplainQuery, MoveObjectsBody, RestoreObjectsBody } from './object-contract.ts'

export interface ObjectService {
  /** Throws `stream_not_found`, `recording_live`, `invalid_request`. */
  move(body: MoveObjectsBody): Promise<JobRow>
  /** Throws `stream_not_found`, `invalid_request`. */
  restore(body: RestoreObjectsBody): Promise<JobRow>
  /** Throws `stream_not_found`, `invalid_request`, `store_unavailable`, `index_damaged`. */
  explain(query: ExplainQuery): Promise<readonly Explanation[]>
}

export interface ObjectServiceOptions {
  readonly catalog: ExplainerHost['catalog']
  readonly store: TieredStore
  readonly askArchive: ExplainerHost['askArchive']
  readonly jobs: Pick<JobService, 'add'>
  readonly keepRestoredMs: number
  readonly clock: () => number
}

export function createObjectService(options: ObjectServiceOptions): ObjectService {
  const { catalog, store, askArchive, jobs, keepRestoredMs, clock } = options
  async function require(id: string): Promise<StreamRow> {
    const row = await catalog.streams.get(id)
    if (row === null) throw new MirrorError('stream_not_found', `There is no stream ${id}`)
    return row
  }

  return {
    async move({ stream: id, tier, from, to }) {
      const { tenantId, settings } = await require(id)
      const nowMs = clock()
      const beforeMs = movableBeforeMs(nowMs, tier, settings.dvr.rewindMs)
      const toMs = to === undefined ? beforeMs : momentOf(to, nowMs, 'to')
      if (toMs > beforeMs) {
        const why =
          tier === 'archive' ? 'what the live playlist reaches back to cannot be archived' : 'hours that go on stay hot'
        throw new MirrorError('recording_live', `Only what lies before ${iso(beforeMs)} can be moved: ${why}`, {
          details: { path: 'to', before: iso(beforeMs) },
        })
      }
      const fromMs = from === undefined ? null : momentOf(from, nowMs, 'from')
      requireOrder(fromMs, toMs)
      const payload: MovePayload = { stream: { tenantId, streamId: id }, tier, fromMs, toMs }
      const { job } = await jobs.add({ kind: MOVE_JOB, tenantId, payload, dedupeKey: JSON.stringify(payload) })
      return job
    },

    async restore({ stream: id, from, to, keep }) {
      const { tenantId } = await require(id)
      const nowMs = clock()
      const fromMs = from === undefined ? null : momentOf(from, nowMs, 'from')
      const toMs = to === undefined ? nowMs : momentOf(to, nowMs, 'to')
      requireOrder(fromMs, toMs)
      const keepMs = keep === undefined ? keepRestoredMs : (parseDuration(keep) ?? keepRestoredMs)
      const payload: RestorePayload = { stream: { tenantId, streamId: id }, fromMs, toMs, keepMs }
      const { job } = await jobs.add({ kind: RESTORE_JOB, tenantId, payload, dedupeKey: JSON.stringify(payload) })
      return job
    },

    async explain({ key, stream, at, track }) {
      const host: ExplainerHost = { store, catalog, askArchive, now: clock }
      const call = { signal: AbortSignal.timeout(EXPLAIN_TIMEOUT_MS) }
      if (key !== undefined) return [await explainKey(host, key, call)]
      const moment = { streamId: stream ?? '', atMs: momentOf(at ?? '', clock(), 'at'), trackId: track ?? null }
      return await explainMoment(host, moment, call)
    },
  }
}

/** An index, a `HEAD` and a few queries for each track. */
const EXPLAIN_TIMEOUT_MS = 20_000

export function momentOf(text: string, nowMs: number, path: string): number {
  const atMs = parseMoment(text, nowMs)
  if (atMs !== null) return atMs
  throw new MirrorError('invalid_request', `"${text}" is no time`, { details: { path } })
}

function requireOrder(fromMs: number | null, toMs: number): void {
  if (fromMs === null || fromMs < toMs) return
  throw new MirrorError('invalid_request', '"from" must lie before "to"', { details: { path: 'from' } })
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString()
}

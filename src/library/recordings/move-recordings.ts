// Moves recordings of calls to colder tiers as they grow old, as the policy of their tenant has it; as a job, by the ledger.
import type { Catalog } from '../../catalog/types.ts'
import { type ErrorCode, isMirrorError } from '../../core/errors.ts'
import { failureOf } from '../../jobs/after-failure.ts'
import type { JobContext, JobKind } from '../../jobs/job-runner.ts'
import type { JobPayload } from '../../jobs/types.ts'
import { type MoveReport, type MoverHost, moveObjects } from '../../lifecycle/object-mover.ts'
import { parseObjectKey } from '../../storage/keys.ts'
import type { Tier, TieredStore } from '../../storage/tiers.ts'
import { type CompressorHost, compressRecording } from './compress-recording.ts'
import type { RecordingRow } from './recording.ts'
import type { RecordingBook } from './recording-book.ts'
import type { RecordingPolicies } from './recording-policies.ts'
import { type PolicyTerms, tierAgesOf } from './recording-policy.ts'
import { movesDue, type TierMove } from './recording-tiers.ts'

export const MOVE_RECORDINGS_JOB = 'recording-tiers'
/** At night in Europe; of several Mirrors one does it. */
export const MOVE_RECORDINGS_SCHEDULE = {
  ...{ name: 'recording-tiers', kind: MOVE_RECORDINGS_JOB, payload: {}, rule: '43 2 * * *' },
} as const

const BATCH = 64

export interface RecordingMoverHost extends MoverHost, Omit<CompressorHost, keyof MoverHost> {
  readonly store: TieredStore
  readonly recordings: Pick<Catalog['recordings'], 'inTiers'>
  readonly book: RecordingBook
  readonly policies: Pick<RecordingPolicies, 'all' | 'standard' | 'isStandardActive'>
}

export function moveRecordingsJob(host: RecordingMoverHost): JobKind {
  return {
    limit: 1,
    async run(context) {
      const counts: Record<string, number> = {}
      const failures: string[] = []
      for await (const { tenantId, terms } of inForce(host.policies)) {
        for (const move of movesDue(tierAgesOf(terms), host.store.tiers, host.now())) {
          const { moved, problem } = await moveAll(host, { ...move, tenantId }, context)
          counts[move.to] = (counts[move.to] ?? 0) + moved
          if (problem !== null) failures.push(problem)
        }
      }
      const [problem] = failures
      return { ...counts, ...(problem === undefined ? {} : { problem }) } satisfies JobPayload
    },
  }
}

/** One question per policy and tier, however many recordings there are. `tenantId` null: whoever has no policy of its own. */
async function* inForce(
  policies: RecordingMoverHost['policies'],
): AsyncGenerator<{ readonly tenantId: string | null; readonly terms: PolicyTerms }, void, void> {
  if (policies.isStandardActive) yield { tenantId: null, terms: policies.standard }
  for await (const { tenantId, terms, isActive } of policies.all()) if (isActive) yield { tenantId, terms }
}

/** Everything that is due for one tier. A store that cannot keep it says so in `problem`, and nothing has changed. */
async function moveAll(
  host: RecordingMoverHost,
  move: TierMove & { readonly tenantId: string | null },
  context: JobContext,
): Promise<{ readonly moved: number; readonly problem: string | null }> {
  let moved = 0
  let problem: string | null = null
  let after: Pick<RecordingRow, 'createdAtMs' | 'id'> | undefined
  for (;;) {
    context.signal.throwIfAborted()
    const rows = await host.recordings.inTiers({ ...move, ...(after === undefined ? {} : { after }) }, BATCH)
    const last = rows.at(-1)
    if (last === undefined) return { moved, problem }
    after = last
    const { compressed, failure } = await compressAll(host, rows, context)
    problem ??= failure
    try {
      const { failures } = await moveBatch(host, compressed, move.to, context)
      problem ??= failures[0] === undefined ? null : `${failures[0].key} was not moved: ${failures[0].message}`
    } catch (error) {
      if (isMirrorError(error, 'store_cannot')) return { moved, problem: error.message }
      throw error
    }
    moved += await noteTiers(host, compressed, move.to, context)
    context.progress({ done: moved, total: null, note: move.to })
  }
}

/** As they are moved: what could not be compressed goes as it is, and is told. */
async function compressAll(
  host: RecordingMoverHost,
  rows: readonly RecordingRow[],
  { job, claim, signal }: JobContext,
): Promise<{ readonly compressed: readonly RecordingRow[]; readonly failure: string | null }> {
  const compressed: RecordingRow[] = []
  let failure: string | null = null
  for (const row of rows) {
    signal.throwIfAborted()
    try {
      const kept = await compressRecording(host, row, { claim, attempt: job.attempt, signal })
      if (kept !== null) compressed.push(kept)
    } catch (thrown) {
      signal.throwIfAborted()
      const error = failureOf(thrown)
      if (ENDS_THE_JOB.has(error.code)) throw error
      failure ??= `${row.objectKey} was not compressed: ${error.message}`
      compressed.push(row)
    }
  }
  return { compressed, failure }
}

/** What another recording would meet as well. */
const ENDS_THE_JOB: ReadonlySet<ErrorCode> = new Set([
  ...(['database_unavailable', 'ffmpeg_missing', 'job_abandoned', 'scratch_full', 'store_unavailable'] as const),
])

async function moveBatch(
  host: RecordingMoverHost,
  rows: readonly RecordingRow[],
  to: Tier,
  { job, claim, signal }: JobContext,
): Promise<MoveReport> {
  const objects = rows.flatMap(({ objectKey, sha256 }) => {
    const key = parseObjectKey(objectKey)
    return key === null ? [] : [{ key, sha256 }]
  })
  const order = { to, streamId: null, claim, attempt: job.attempt, onProgress: () => {} }
  return await moveObjects(host, objects, order, { signal })
}

/** Rows follow what the store says: whoever was killed between a move and its row finds it so the next time. */
async function noteTiers(
  { store, book, now }: RecordingMoverHost,
  rows: readonly RecordingRow[],
  to: Tier,
  { claim, signal }: JobContext,
): Promise<number> {
  let moved = 0
  for (const row of rows) {
    const key = parseObjectKey(row.objectKey)
    const info = key === null ? null : await store.head(key, { signal })
    if (info?.tier !== to) continue
    const placed = { tier: to, ...(to === 'warm' ? { movedToWarmAtMs: now() } : {}) }
    if ((await book.place(row, placed, claim)) !== null) moved += 1
  }
  return moved
}

import { type ExpressionBuilder, type Selectable, sql } from 'kysely'
import type { JobClaim } from '../jobs/types.ts'
import type { RecordingChange, RecordingRow } from '../library/recordings/recording.ts'
import { decodeJson, encodeJson } from './codec.ts'
import { withTold } from './events.ts'
import type { Db, Schema } from './schema.ts'
import type { Catalog, RecordingFilter } from './types.ts'

export function openRecordings(db: Db): Catalog['recordings'] {
  const live = () => db.selectFrom('recordings').where('deletedAtMs', 'is', null)

  return {
    async add(row, tell) {
      await withTold(db, tell, async (inside) => {
        await inside.insertInto('recordings').values(toColumns(row)).execute()
        return row
      })
    },

    async get(tenantId, id) {
      const row = await live().selectAll().where('tenantId', '=', tenantId).where('id', '=', id).executeTakeFirst()
      return row === undefined ? null : toRecording(row)
    },

    async list({ limit, offset = 0, before, ...filter }) {
      let query = live().selectAll().where(matching(filter))
      if (before !== undefined) {
        query = query.where((row) =>
          row.or([
            row('createdAtMs', '<', before.createdAtMs),
            row.and([row('createdAtMs', '=', before.createdAtMs), row('id', '<', before.id)]),
          ]),
        )
      }
      const rows = await query
        .orderBy('createdAtMs', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .offset(offset)
        .execute()
      return rows.map(toRecording)
    },

    async count(filter) {
      const { count } = await live()
        .select((row) => row.fn.countAll<number | string | bigint>().as('count'))
        .where(matching(filter))
        .executeTakeFirstOrThrow()
      return Number(count)
    },

    async change(tenantId, id, change, { from, claim, tell } = {}) {
      return await withTold(db, tell, async (inside) => {
        let query = inside
          .updateTable('recordings')
          .set(changedColumns(change))
          .where('tenantId', '=', tenantId)
          .where('id', '=', id)
          .where('deletedAtMs', 'is', null)
        if (from !== undefined) query = query.where('status', 'in', [...from])
        if (claim !== undefined) {
          query = query.where((row) => row.exists(runningJob(db, claim)))
        }
        const row = await query.returningAll().executeTakeFirst()
        return row === undefined ? null : toRecording(row)
      })
    },

    async remove(tenantId, id, atMs, tell) {
      return await withTold(db, tell, async (inside) => {
        const row = await inside
          .updateTable('recordings')
          .set({ deletedAtMs: atMs, updatedAtMs: atMs })
          .where('tenantId', '=', tenantId)
          .where('id', '=', id)
          .where('deletedAtMs', 'is', null)
          .returningAll()
          .executeTakeFirst()
        return row === undefined ? null : toRecording(row)
      })
    },

    async forget(tenantId, id) {
      const { numDeletedRows } = await db
        .deleteFrom('recordings')
        .where('tenantId', '=', tenantId)
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },

    async unfinished(limit) {
      const rows = await live()
        .selectAll()
        .where('status', 'in', ['RECEIVED', 'STORED', 'VERIFIED'])
        .orderBy('updatedAtMs')
        .limit(limit)
        .execute()
      return rows.map(toRecording)
    },

    async due(nowMs, limit) {
      const rows = await live()
        .selectAll()
        .where('scheduledDeletionAtMs', '<=', nowMs)
        .where(({ not, exists }) => not(exists(ownPolicy(db).where('recordingPolicies.enabled', '=', 0))))
        .orderBy('scheduledDeletionAtMs')
        .limit(limit)
        .execute()
      return rows.map(toRecording)
    },

    async inTiers({ tenantId, from, cameBeforeMs, after }, limit) {
      let query = live()
        .selectAll()
        .where((row) => (tenantId === null ? row.not(row.exists(ownPolicy(db))) : row('tenantId', '=', tenantId)))
        .where('status', '=', 'COMPLETED')
        .where('tier', 'in', [...from])
        .where('createdAtMs', '<', cameBeforeMs)
      if (after !== undefined) {
        query = query.where((row) =>
          row.or([
            row('createdAtMs', '>', after.createdAtMs),
            row.and([row('createdAtMs', '=', after.createdAtMs), row('id', '>', after.id)]),
          ]),
        )
      }
      const rows = await query.orderBy('createdAtMs').orderBy('id').limit(limit).execute()
      return rows.map(toRecording)
    },

    async reschedule(tenantId, dates, { policyId, updatedAtMs, claim }) {
      if (dates.length === 0) return 0
      const cases = dates.map(
        ({ id, scheduledDeletionAtMs }) => sql`when ${id} then cast(${scheduledDeletionAtMs} as bigint)`,
      )
      const { numUpdatedRows } = await db
        .updateTable('recordings')
        .set({
          ...{ policyId, updatedAtMs },
          scheduledDeletionAtMs: sql<number | null>`case ${sql.ref('id')} ${sql.join(cases, sql` `)} end`,
        })
        .where('tenantId', '=', tenantId)
        .where(
          'id',
          'in',
          dates.map(({ id }) => id),
        )
        .where('deletedAtMs', 'is', null)
        .where((row) => row.exists(newestOfKind(db, claim)))
        .executeTakeFirstOrThrow()
      if (numUpdatedRows > 0n) return Number(numUpdatedRows)
      return (await newestOfKind(db, claim).executeTakeFirst()) === undefined ? null : 0
    },

    async incomplete(tenantId, limit) {
      const rows = await live()
        .selectAll()
        .where('tenantId', '=', tenantId)
        .where('status', 'in', ['COMPLETED', 'FAILED'])
        .where('sizeBytes', 'is not', null)
        .where((row) => row.or(FACTS.map((fact) => row(fact, 'is', null))))
        .orderBy('createdAtMs')
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(toRecording)
    },
  }
}

/** Of whoever asks for recordings: that the job is still its own. */
function runningJob(db: Db, { id, fence }: JobClaim) {
  return db
    .selectFrom('jobs')
    .select('jobs.id')
    .where('jobs.id', '=', id)
    .where('jobs.fence', '=', fence)
    .where('jobs.state', '=', 'running')
}

/** The same, unless the tenant was given another job of the kind since. */
function newestOfKind(db: Db, claim: JobClaim) {
  return runningJob(db, claim).where(({ not, exists, selectFrom }) =>
    not(
      exists(
        selectFrom('jobs as later')
          .select('later.id')
          .whereRef('later.kind', '=', 'jobs.kind')
          .whereRef('later.tenantId', '=', 'jobs.tenantId')
          .whereRef('later.seq', '>', 'jobs.seq'),
      ),
    ),
  )
}

/** Within a question about recordings: the policy of their tenant, where it has one. */
function ownPolicy(db: Db) {
  return db
    .selectFrom('recordingPolicies')
    .select('recordingPolicies.id')
    .whereRef('recordingPolicies.tenantId', '=', sql.ref('recordings.tenantId'))
    .where('recordingPolicies.endedAtMs', 'is', null)
}

/** What a look at the bytes tells. */
const FACTS = ['durationMs', 'format', 'sha256', 'codec', 'channels', 'sampleRateHz', 'waveformKey'] as const

/** The last character that there is: what begins with a text sorts between the text and the text with it. */
const LAST = '\u{10FFFF}'

/** By an index: both databases sort these columns by their bytes. */
function beginsWith(row: ExpressionBuilder<Schema, 'recordings'>, column: 'callId' | 'legId', text: string) {
  return row.and([row(column, '>=', text), row(column, '<', `${text}${LAST}`)])
}

function matching({ tenantId, callId, idStart, states, fromMs, toMs }: RecordingFilter) {
  return (row: ExpressionBuilder<Schema, 'recordings'>) =>
    row.and([
      row('tenantId', '=', tenantId),
      ...(callId === undefined ? [] : [row('callId', '=', callId)]),
      ...(idStart === undefined
        ? []
        : [row.or([beginsWith(row, 'callId', idStart), beginsWith(row, 'legId', idStart)])]),
      ...(states === undefined ? [] : [row('status', 'in', [...states])]),
      ...(fromMs === undefined ? [] : [row('createdAtMs', '>=', fromMs)]),
      ...(toMs === undefined ? [] : [row('createdAtMs', '<', toMs)]),
    ])
}

function toColumns({ said, issues, metadata, original, ...row }: RecordingRow) {
  return {
    ...row,
    ...{ said: encodeJson(said), issues: encodeJson(issues), metadata: encodeJson(metadata) },
    original: original && encodeJson(original),
  }
}

function changedColumns({
  said,
  issues,
  metadata,
  original,
  ...change
}: RecordingChange & { readonly updatedAtMs: number }) {
  return {
    ...change,
    ...(said === undefined ? {} : { said: encodeJson(said) }),
    ...(issues === undefined ? {} : { issues: encodeJson(issues) }),
    ...(metadata === undefined ? {} : { metadata: encodeJson(metadata) }),
    ...(original === undefined ? {} : { original: original && encodeJson(original) }),
  }
}

function toRecording({ said, issues, metadata, original, ...row }: Selectable<Schema['recordings']>): RecordingRow {
  return {
    ...row,
    said: decodeJson<RecordingRow['said']>(said),
    issues: decodeJson<RecordingRow['issues']>(issues),
    metadata: decodeJson<RecordingRow['metadata']>(metadata),
    original: original === null ? null : decodeJson<RecordingRow['original']>(original),
  }
}

import { type ExpressionBuilder, type Selectable, type SqlBool, sql } from 'kysely'
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
          query = query.where((row) =>
            row.exists(
              row
                .selectFrom('jobs')
                .select('jobs.id')
                .where('jobs.id', '=', claim.id)
                .where('jobs.fence', '=', claim.fence)
                .where('jobs.state', '=', 'running'),
            ),
          )
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
        .orderBy('scheduledDeletionAtMs')
        .limit(limit)
        .execute()
      return rows.map(toRecording)
    },

    async inTiers({ from, cameBeforeMs, after }, limit) {
      let query = live()
        .selectAll()
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

/** What a look at the bytes tells. */
const FACTS = ['durationMs', 'format', 'sha256', 'codec', 'channels', 'sampleRateHz', 'waveformKey'] as const

/** By characters, alike in both databases: neither LIKE nor an order of theirs is. */
function beginsWith(column: 'callId' | 'legId', text: string) {
  return sql<SqlBool>`substr(${sql.ref(column)}, 1, ${[...text].length}) = ${text}`
}

function matching({ tenantId, callId, idStart, states, fromMs, toMs }: RecordingFilter) {
  return (row: ExpressionBuilder<Schema, 'recordings'>) =>
    row.and([
      row('tenantId', '=', tenantId),
      ...(callId === undefined ? [] : [row('callId', '=', callId)]),
      ...(idStart === undefined ? [] : [row.or([beginsWith('callId', idStart), beginsWith('legId', idStart)])]),
      ...(states === undefined ? [] : [row('status', 'in', [...states])]),
      ...(fromMs === undefined ? [] : [row('createdAtMs', '>=', fromMs)]),
      ...(toMs === undefined ? [] : [row('createdAtMs', '<', toMs)]),
    ])
}

function toColumns({ said, issues, metadata, ...row }: RecordingRow) {
  return { ...row, said: encodeJson(said), issues: encodeJson(issues), metadata: encodeJson(metadata) }
}

function changedColumns({ said, issues, metadata, ...change }: RecordingChange & { readonly updatedAtMs: number }) {
  return {
    ...change,
    ...(said === undefined ? {} : { said: encodeJson(said) }),
    ...(issues === undefined ? {} : { issues: encodeJson(issues) }),
    ...(metadata === undefined ? {} : { metadata: encodeJson(metadata) }),
  }
}

function toRecording({ said, issues, metadata, ...row }: Selectable<Schema['recordings']>): RecordingRow {
  return {
    ...row,
    said: decodeJson<RecordingRow['said']>(said),
    issues: decodeJson<RecordingRow['issues']>(issues),
    metadata: decodeJson<RecordingRow['metadata']>(metadata),
  }
}

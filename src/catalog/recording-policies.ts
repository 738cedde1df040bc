import { PostgresAdapter, type Selectable, sql } from 'kysely'
import type { RecordingPolicyRow } from '../library/recordings/recording-policy.ts'
import { withTold } from './events.ts'
import type { Db, Schema } from './schema.ts'
import type { Catalog } from './types.ts'

export function openRecordingPolicies(db: Db): Catalog['recordingPolicies'] {
  const current = () => db.selectFrom('recordingPolicies').selectAll().where('endedAtMs', 'is', null)

  return {
    async set(row, tell) {
      const set = await withTold(db, tell, async (inside) => await replaceCurrent(inside, row))
      if (set === null) throw new Error('a row that was inserted did not come back')
      return set
    },

    async end(tenantId, atMs, tell) {
      return await withTold(db, tell, async (inside) => await endCurrent(inside, tenantId, atMs))
    },

    async current(tenantId) {
      const row = await current().where('tenantId', '=', tenantId).executeTakeFirst()
      return row === undefined ? null : toPolicy(row)
    },

    async list({ after, limit }) {
      const query = after === undefined ? current() : current().where('tenantId', '>', after)
      return (await query.orderBy('tenantId').limit(limit).execute()).map(toPolicy)
    },

    async history(tenantId, limit) {
      const rows = await db
        .selectFrom('recordingPolicies')
        .selectAll()
        .where('tenantId', '=', tenantId)
        .orderBy('version', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toPolicy)
    },
  }
}

async function replaceCurrent(
  db: Db,
  { enabled, ...row }: Omit<RecordingPolicyRow, 'version' | 'endedAtMs'>,
): Promise<RecordingPolicyRow> {
  await takeTurn(db, row.tenantId)
  await endCurrent(db, row.tenantId, row.updatedAtMs)
  const newest = await db
    .selectFrom('recordingPolicies')
    .select('version')
    .where('tenantId', '=', row.tenantId)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  const columns = { ...row, enabled: enabled ? 1 : 0, version: (newest?.version ?? 0) + 1, endedAtMs: null } as const
  return toPolicy(await db.insertInto('recordingPolicies').values(columns).returningAll().executeTakeFirstOrThrow())
}

/** Until the end of the transaction: of two first versions each would wait for the other. SQLite has one writer at a time. */
async function takeTurn(db: Db, tenantId: string): Promise<void> {
  if (!(db.getExecutor().adapter instanceof PostgresAdapter)) return
  await sql`select pg_advisory_xact_lock(hashtext('recording_policies'), hashtext(${tenantId}))`.execute(db)
}

async function endCurrent(db: Db, tenantId: string, atMs: number): Promise<RecordingPolicyRow | null> {
  const row = await db
    .updateTable('recordingPolicies')
    .set({ endedAtMs: atMs })
    .where('tenantId', '=', tenantId)
    .where('endedAtMs', 'is', null)
    .returningAll()
    .executeTakeFirst()
  return row === undefined ? null : toPolicy(row)
}

function toPolicy({ enabled, ...row }: Selectable<Schema['recordingPolicies']>): RecordingPolicyRow {
  return { ...row, enabled: enabled === 1 }
}

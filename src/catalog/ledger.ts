import { type SqlBool, sql } from 'kysely'
import type { Db } from './schema.ts'
import type { Catalog } from './types.ts'

/** Rows per INSERT: thirteen parameters each, far below the limits of 32,766 (SQLite) and 65,535 (PostgreSQL). */
const ROWS_PER_INSERT = 500

export function openLedger(db: Db): Catalog['ledger'] {
  return {
    async append(entries, claim) {
      if (entries.length === 0) return true
      return await db.transaction().execute(async (inside) => {
        if (claim !== undefined) {
          const held = await inside
            .selectFrom('jobs')
            .select('id')
            .where('id', '=', claim.id)
            .where('fence', '=', claim.fence)
            .where('state', '=', 'running')
            .executeTakeFirst()
          if (held === undefined) return false
        }
        for (let start = 0; start < entries.length; start += ROWS_PER_INSERT) {
          const rows = entries.slice(start, start + ROWS_PER_INSERT).map(({ from, to, ...row }) => {
            return { ...row, fromTier: from, toTier: to }
          })
          await inside.insertInto('ledger').values(rows).execute()
        }
        return true
      })
    },

    async history({ keys, limit }) {
      if (keys.length === 0) return []
      const rows = await db
        .selectFrom('ledger')
        .selectAll()
        .where('key', 'in', keys)
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute()
      return rows.map(({ fromTier: from, toTier: to, ...row }) => ({ ...row, from, to }))
    },

    async keysOf(jobId, state) {
      const isEnded = sql<SqlBool>`exists (
        select 1 from ledger as later
        where later.job_id = ledger.job_id and later.key = ledger.key and later.seq > ledger.seq
          and later.state in ('done', 'failed'))`
      const rows = await db
        .selectFrom('ledger')
        .select('key')
        .distinct()
        .where('jobId', '=', jobId)
        .$if(state === 'done', (query) => query.where('state', '=', 'done'))
        .$if(state === 'open', (query) => query.where('state', '=', 'intent').where(sql<SqlBool>`not ${isEnded}`))
        .orderBy('key')
        .execute()
      return rows.map(({ key }) => key)
    },

    async trim(beforeMs) {
      const { numDeletedRows } = await db.deleteFrom('ledger').where('atMs', '<', beforeMs).executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },
  }
}

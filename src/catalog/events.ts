import type { Selectable } from 'kysely'
import type { MirrorEvent } from '../live/events.ts'
import { decodeJson, encodeJson } from './codec.ts'
import type { Db, Schema } from './schema.ts'
import type { Catalog, EventRow } from './types.ts'

/** Rows per INSERT: eight parameters each, far below the limits of 32,766 (SQLite) and 65,535 (PostgreSQL). */
const ROWS_PER_INSERT = 500

export function openEvents(db: Db): Catalog['events'] {
  return {
    async append(events) {
      const rows = events.map(toColumns)
      if (rows.length === 0) return
      if (rows.length <= ROWS_PER_INSERT) {
        await db.insertInto('events').values(rows).execute()
        return
      }
      await db.transaction().execute(async (transaction) => {
        for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
          const slice = rows.slice(start, start + ROWS_PER_INSERT)
          await transaction.insertInto('events').values(slice).execute()
        }
      })
    },

    async list({ streamId, beforeSeq, limit }) {
      const rows = await db
        .selectFrom('events')
        .selectAll()
        .$if(streamId !== undefined, (query) => query.where('streamId', '=', streamId ?? ''))
        .$if(beforeSeq !== undefined, (query) => query.where('seq', '<', beforeSeq ?? 0))
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toEvent)
    },

    async trim(keep) {
      // The newest row that goes is the one behind the `keep` newest; with fewer rows the subquery is null and nothing goes.
      await db
        .deleteFrom('events')
        .where('seq', '<=', (row) =>
          row.selectFrom('events').select('seq').orderBy('seq', 'desc').limit(1).offset(keep),
        )
        .execute()
    },
  }
}

function toColumns(event: MirrorEvent) {
  const { type, severity, streamId, atMs, code, message, details } = event
  return { type, severity, streamId, atMs, code, message, details: encodeJson(details) }
}

function toEvent(row: Selectable<Schema['events']>): EventRow {
  return { ...row, details: decodeJson<MirrorEvent['details']>(row.details) }
}

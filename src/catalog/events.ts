import type { Selectable } from 'kysely'
import type { MirrorEvent } from '../live/events.ts'
import { decodeJson, encodeJson } from './codec.ts'
import type { Db, Schema } from './schema.ts'
import type { Catalog, EventRow, EventToStore, Tell } from './types.ts'
import { fanOut, type KnownEvent } from './webhook-outbox.ts'

/** Rows per INSERT: ten parameters each, far below the limits of 32,766 (SQLite) and 65,535 (PostgreSQL). */
const ROWS_PER_INSERT = 500

export function openEvents(db: Db): Catalog['events'] {
  return {
    async append(events) {
      if (events.length === 0) return
      await db.transaction().execute(async (transaction) => await appendEvents(transaction, events))
    },

    async list({ tenantId, streamId, beforeSeq, limit }) {
      const rows = await db
        .selectFrom('events')
        .selectAll()
        .$if(tenantId !== undefined, (query) => query.where('tenantId', '=', tenantId ?? ''))
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

/** Inside of a transaction: with what the events tell of, and with the messages about them. */
export async function appendEvents(db: Db, events: readonly EventToStore[]): Promise<void> {
  const rows = events.map(toColumns)
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    await db
      .insertInto('events')
      .values(rows.slice(start, start + ROWS_PER_INSERT))
      // It was written before, and only the answer was lost.
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute()
  }
  await fanOut(db, events.filter(isKnown))
}

/** A change and what is told of it, both or neither. A change that did not happen (null) is not told of. */
export async function withTold<Row extends object>(
  db: Db,
  tell: Tell<Row> | undefined,
  change: (db: Db) => Promise<Row | null>,
): Promise<Row | null> {
  if (tell === undefined) return await change(db)
  return await db.transaction().execute(async (inside) => {
    const row = await change(inside)
    if (row !== null) await appendEvents(inside, tell(row))
    return row
  })
}

function isKnown(event: EventToStore): event is KnownEvent {
  return event.id !== undefined && event.tenantId !== undefined
}

/** What a row says that has an id. */
export function storedEvent({ seq: _seq, id, details, ...row }: Selectable<Schema['events']>): KnownEvent {
  return { ...row, id: id ?? '', details: decodeJson<MirrorEvent['details']>(details) }
}

function toColumns(event: EventToStore) {
  const { type, severity, streamId, atMs, code, message, details, id = null, tenantId = 'default' } = event
  return { type, severity, streamId, atMs, code, message, details: encodeJson(details), id, tenantId }
}

function toEvent({ id: _id, tenantId: _tenant, ...row }: Selectable<Schema['events']>): EventRow {
  return { ...row, details: decodeJson<MirrorEvent['details']>(row.details) }
}

import type { Selectable } from 'kysely'
import { MirrorError } from '../core/errors.ts'
import type { DateRange } from '../hls/date-range.ts'
import { explainViolation } from './catalog-error.ts'
import { decodeJson, encodeJson } from './codec.ts'
import type { Db, Schema } from './schema.ts'
import type { Catalog, DateRangeRow } from './types.ts'

export function openDateRanges(db: Db): Catalog['dateRanges'] {
  return {
    async add(row) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('dateRanges')
        .values(toColumns(row))
        .onConflict((conflict) => conflict.columns(['streamId', 'id']).doNothing())
        .executeTakeFirstOrThrow()
        .catch(
          explainViolation({
            foreign_key: () => new MirrorError('stream_not_found', `There is no stream ${row.streamId}`),
          }),
        )
      return numInsertedOrUpdatedRows === 1n
    },

    async list({ streamId, endsAfterMs }) {
      let query = db.selectFrom('dateRanges').selectAll()
      if (streamId !== undefined) query = query.where('streamId', '=', streamId)
      if (endsAfterMs !== undefined) {
        query = query.where((row) => row.or([row('endsAtMs', 'is', null), row('endsAtMs', '>', endsAfterMs)]))
      }
      return (await query.orderBy('streamId').orderBy('startsAtMs').orderBy('id').execute()).map(toRow)
    },

    async update(row, before) {
      const { numUpdatedRows } = await db
        .updateTable('dateRanges')
        .set(toColumns(row))
        .where('streamId', '=', row.streamId)
        .where('id', '=', row.range.id)
        .where('body', '=', encodeJson(before))
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },

    async remove(streamId, id) {
      const { numDeletedRows } = await db
        .deleteFrom('dateRanges')
        .where('streamId', '=', streamId)
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
  }
}

function toColumns({ streamId, range, endsAtMs, createdAtMs }: DateRangeRow) {
  return { streamId, id: range.id, startsAtMs: range.startMs, endsAtMs, body: encodeJson(range), createdAtMs }
}

function toRow({ streamId, body, endsAtMs, createdAtMs }: Selectable<Schema['dateRanges']>): DateRangeRow {
  return { streamId, range: decodeJson<DateRange>(body), endsAtMs, createdAtMs }
}

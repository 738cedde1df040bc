import { MirrorError } from '../core/errors.ts'
import { explainViolation } from './catalog-error.ts'
import type { Db } from './schema.ts'
import type { Catalog } from './types.ts'

export function openDvrRecordings(db: Db): Catalog['dvrRecordings'] {
  return {
    async begin(row) {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('dvrRecordings')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow()
        .catch(
          explainViolation({
            foreign_key: () => new MirrorError('stream_not_found', `There is no stream ${row.streamId}`),
          }),
        )
      return numInsertedOrUpdatedRows === 1n
    },

    async get(id) {
      return (await db.selectFrom('dvrRecordings').selectAll().where('id', '=', id).executeTakeFirst()) ?? null
    },

    async list({ streamId, before, limit }) {
      let query = db.selectFrom('dvrRecordings').selectAll()
      if (streamId !== undefined) query = query.where('streamId', '=', streamId)
      if (before !== undefined) {
        const { id, startsAtMs } = before
        query = query.where((row) =>
          row.or([
            row('startsAtMs', '<', startsAtMs),
            row.and([row('startsAtMs', '=', startsAtMs), row('id', '<', id)]),
          ]),
        )
      }
      return await query.orderBy('startsAtMs', 'desc').orderBy('id', 'desc').limit(limit).execute()
    },

    async spans(streamId) {
      let query = db
        .selectFrom('dvrRecordings')
        .select(['streamId', 'startsAtMs', 'endsAtMs'])
        .where('failure', 'is', null)
      if (streamId !== undefined) query = query.where('streamId', '=', streamId)
      return await query.orderBy('streamId').orderBy('startsAtMs').execute()
    },

    async end(id, endsAtMs, failure) {
      const { numUpdatedRows } = await db
        .updateTable('dvrRecordings')
        .set({ endsAtMs, failure })
        .where('id', '=', id)
        .where('endsAtMs', 'is', null)
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },

    async remove(id) {
      const { numDeletedRows } = await db
        .deleteFrom('dvrRecordings')
        .where('id', '=', id)
        .where('endsAtMs', 'is not', null)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
  }
}

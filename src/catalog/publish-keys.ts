import { MirrorError } from '../core/errors.ts'
import { explainViolation } from './catalog-error.ts'
import type { Db } from './schema.ts'
import type { Catalog } from './types.ts'

const COLUMNS = ['id', 'streamId', 'sealed', 'lookup', 'createdAtMs'] as const

export function openPublishKeys(db: Db): Catalog['publishKeys'] {
  return {
    async add(key) {
      await db
        .insertInto('publishKeys')
        .values(key)
        .execute()
        .catch(explainViolation({ foreign_key: () => streamNotFound(key.streamId) }))
    },

    async rotate(key) {
      await db.transaction().execute(async (transaction) => {
        // Changes nothing, but locks the stream's row: of two rotations at once the second one sees the first one's
        // key and removes it. (SELECT … FOR UPDATE says the same on PostgreSQL only.)
        const { numUpdatedRows } = await transaction
          .updateTable('streams')
          .set((column) => ({ id: column.ref('id') }))
          .where('id', '=', key.streamId)
          .executeTakeFirstOrThrow()
        if (numUpdatedRows === 0n) throw streamNotFound(key.streamId)
        await transaction.deleteFrom('publishKeys').where('streamId', '=', key.streamId).execute()
        await transaction.insertInto('publishKeys').values(key).execute()
      })
    },

    async list(streamId) {
      return await db
        .selectFrom('publishKeys')
        .select(COLUMNS)
        .$if(streamId !== undefined, (query) => query.where('streamId', '=', streamId ?? ''))
        .orderBy('createdAtMs', 'desc')
        .orderBy('seq', 'desc')
        .execute()
    },

    async remove(streamId, id) {
      const { numDeletedRows } = await db
        .deleteFrom('publishKeys')
        .where('streamId', '=', streamId)
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
  }
}

function streamNotFound(id: string): MirrorError {
  return new MirrorError('stream_not_found', `There is no stream ${id}`)
}

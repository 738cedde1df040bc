import type { Db } from './schema.ts'
import type { Catalog } from './types.ts'

export function openApiKeys(db: Db): Catalog['apiKeys'] {
  return {
    async create(key) {
      await db.insertInto('apiKeys').values(key).execute()
    },

    async findByHash(hash) {
      return (await db.selectFrom('apiKeys').selectAll().where('hash', '=', hash).executeTakeFirst()) ?? null
    },

    async list() {
      return await db.selectFrom('apiKeys').selectAll().orderBy('createdAtMs').orderBy('id').execute()
    },

    async touch(id, atMs) {
      await db
        .updateTable('apiKeys')
        .set({ lastUsedAtMs: atMs })
        .where('id', '=', id)
        // Touches may overtake each other; the time of last use never goes back.
        .where((column) => column.or([column('lastUsedAtMs', 'is', null), column('lastUsedAtMs', '<', atMs)]))
        .execute()
    },

    async remove(id) {
      const { numDeletedRows } = await db.deleteFrom('apiKeys').where('id', '=', id).executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
  }
}

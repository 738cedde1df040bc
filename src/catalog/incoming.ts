import type { IncomingRow } from '../library/assets/incoming-object.ts'
import { parseObjectKey } from '../storage/keys.ts'
import type { Db } from './schema.ts'
import type { Catalog } from './types.ts'

export function openIncoming(db: Db): Catalog['incoming'] {
  return {
    async get(key) {
      const row = await db.selectFrom('incomingObjects').selectAll().where('key', '=', key).executeTakeFirst()
      return row === undefined ? null : toIncoming(row)
    },

    async put(row) {
      const { key: _key, ...change } = row
      await db
        .insertInto('incomingObjects')
        .values(row)
        .onConflict((conflict) => conflict.column('key').doUpdateSet(change))
        .execute()
    },

    async list({ prefix, after, limit }) {
      const rows = await db
        .selectFrom('incomingObjects')
        .selectAll()
        .where('key', '>', after > prefix ? after : prefix)
        // The first text behind all that begin with the prefix: it ends with a slash, which "0" follows.
        .where('key', '<', `${prefix.slice(0, -1)}0`)
        .orderBy('key')
        .limit(limit)
        .execute()
      return rows.map(toIncoming)
    },

    async remove(keys) {
      if (keys.length > 0)
        await db
          .deleteFrom('incomingObjects')
          .where('key', 'in', [...keys])
          .execute()
    },
  }
}

function toIncoming({ key, ...row }: Omit<IncomingRow, 'key'> & { readonly key: string }): IncomingRow {
  const parsed = parseObjectKey(key)
  if (parsed === null) throw new Error(`${key} is no key`)
  return { ...row, key: parsed }
}

import type { Selectable } from 'kysely'
import { MirrorError } from '../core/errors.ts'
import type { CapabilityMatrix } from '../storage/capabilities.ts'
import type { StorePlace, StoreRole } from '../storage/store-place.ts'
import { explainViolation } from './catalog-error.ts'
import { decodeJson, encodeJson } from './codec.ts'
import type { Db, Schema } from './schema.ts'
import type { Catalog, StoreRow } from './types.ts'

export function openStores(db: Db): Catalog['stores'] {
  return {
    async create({ place, roles, probe, ...row }) {
      const columns = { place: encodeJson(place), roles: encodeJson(roles), probe: probe && encodeJson(probe) }
      await db
        .insertInto('stores')
        .values({ ...row, ...columns })
        .execute()
        .catch(
          explainViolation({
            'stores.name': () => new MirrorError('store_exists', `There is a store ${row.name} already`),
          }),
        )
    },

    async get(name) {
      const row = await db.selectFrom('stores').selectAll().where('name', '=', name).executeTakeFirst()
      return row === undefined ? null : toStore(row)
    },

    async list() {
      return (await db.selectFrom('stores').selectAll().orderBy('name').execute()).map(toStore)
    },

    async saveProbe(name, probe) {
      const row = await db
        .updateTable('stores')
        .set({ probe: encodeJson(probe) })
        .where('name', '=', name)
        .returningAll()
        .executeTakeFirst()
      return row === undefined ? null : toStore(row)
    },

    async remove(name) {
      const { numDeletedRows } = await db.deleteFrom('stores').where('name', '=', name).executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
  }
}

function toStore({ place, roles, probe, ...row }: Selectable<Schema['stores']>): StoreRow {
  return {
    ...row,
    place: decodeJson<StorePlace>(place),
    roles: decodeJson<readonly StoreRole[]>(roles),
    probe: probe === null ? null : decodeJson<CapabilityMatrix>(probe),
  }
}

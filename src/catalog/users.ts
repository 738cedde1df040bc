import { MirrorError } from '../core/errors.ts'
import { explainViolation } from './catalog-error.ts'
import type { Db } from './schema.ts'
import type { Catalog } from './types.ts'

const COLUMNS = ['id', 'name', 'role', 'passwordHash', 'createdAtMs'] as const

export function openUsers(db: Db): Catalog['users'] {
  return {
    async create(user) {
      await db
        .insertInto('users')
        .values({ ...user, foldedName: foldName(user.name) })
        .execute()
        .catch(explainViolation({ 'users.folded_name': () => nameTaken(user.name) }))
    },

    async get(id) {
      return (await db.selectFrom('users').select(COLUMNS).where('id', '=', id).executeTakeFirst()) ?? null
    },

    async findByName(name) {
      const query = db.selectFrom('users').select(COLUMNS).where('foldedName', '=', foldName(name))
      return (await query.executeTakeFirst()) ?? null
    },

    async list() {
      return await db.selectFrom('users').select(COLUMNS).orderBy('foldedName').execute()
    },

    async update(id, change) {
      const { name = '' } = change
      const row = await db
        .updateTable('users')
        // SET must not be empty; an id set to itself changes nothing.
        .set({ id, ...change, ...(change.name === undefined ? {} : { foldedName: foldName(name) }) })
        .where('id', '=', id)
        .returning(COLUMNS)
        .executeTakeFirst()
        .catch(explainViolation({ 'users.folded_name': () => nameTaken(name) }))
      return row ?? null
    },

    async remove(id) {
      const { numDeletedRows } = await db.deleteFrom('users').where('id', '=', id).executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },
  }
}

/** Folded here, not by the database: SQLite's lower() knows ASCII only. NFKC makes full-width look-alikes the same name. */
function foldName(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase()
}

function nameTaken(name: string): MirrorError {
  return new MirrorError('invalid_request', `A user with the name ${name} exists`, { details: { field: 'name' } })
}

import { MirrorError } from '../core/errors.ts'
import { explainViolation } from './catalog-error.ts'
import type { Db } from './schema.ts'
import type { Catalog } from './types.ts'

export function openSessions(db: Db): Catalog['sessions'] {
  return {
    async create(session) {
      await db
        .insertInto('sessions')
        .values(session)
        .execute()
        .catch(explainViolation({ foreign_key: userGone }))
    },

    async find(hash, nowMs) {
      const query = db.selectFrom('sessions').selectAll().where('hash', '=', hash).where('expiresAtMs', '>', nowMs)
      return (await query.executeTakeFirst()) ?? null
    },

    async remove(hash) {
      await db.deleteFrom('sessions').where('hash', '=', hash).execute()
    },

    async removeExpired(nowMs) {
      await db.deleteFrom('sessions').where('expiresAtMs', '<=', nowMs).execute()
      await db.deleteFrom('loginLinks').where('expiresAtMs', '<=', nowMs).execute()
    },

    async createLink(link) {
      await db
        .insertInto('loginLinks')
        .values(link)
        .execute()
        .catch(explainViolation({ foreign_key: userGone }))
    },

    async consumeLink(hash, nowMs) {
      // One statement: the row lock lets exactly one of two callers delete, and only the one who deletes gets the row.
      const query = db.deleteFrom('loginLinks').where('hash', '=', hash).where('expiresAtMs', '>', nowMs)
      return (await query.returningAll().executeTakeFirst()) ?? null
    },
  }
}

function userGone(): MirrorError {
  return new MirrorError('unauthorized', 'The user was removed meanwhile')
}

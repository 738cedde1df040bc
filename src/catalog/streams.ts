import type { Selectable } from 'kysely'
import { MirrorError } from '../core/errors.ts'
import { DEFAULT_STREAM_SETTINGS, type StreamSettings } from '../live/settings.ts'
import { explainViolation } from './catalog-error.ts'
import { decodeJson, encodeJson } from './codec.ts'
import type { Db, Schema } from './schema.ts'
import type { Catalog, StreamRow } from './types.ts'

export function openStreams(db: Db): Catalog['streams'] {
  return {
    async create(stream, key) {
      await db
        .transaction()
        .execute(async (transaction) => {
          await transaction
            .insertInto('streams')
            .values({ ...stream, settings: encodeJson(stream.settings) })
            .execute()
          await transaction.insertInto('publishKeys').values(key).execute()
        })
        .catch(
          explainViolation({
            'streams.id': () => new MirrorError('stream_exists', `A stream with the id ${stream.id} exists`),
          }),
        )
    },

    async get(id) {
      const row = await db.selectFrom('streams').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? null : toStream(row)
    },

    async list() {
      return (await db.selectFrom('streams').selectAll().orderBy('id').execute()).map(toStream)
    },

    async update(id, { settings, ...change }) {
      const row = await db
        .updateTable('streams')
        .set({ ...change, ...(settings === undefined ? {} : { settings: encodeJson(settings) }) })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst()
      return row === undefined ? null : toStream(row)
    },

    async remove(id) {
      return await db.transaction().execute(async (transaction) => {
        // The stream first: its row lock makes whoever adds a key meanwhile wait and then fail. Keys go by cascade.
        const { numDeletedRows } = await transaction
          .deleteFrom('streams')
          .where('id', '=', id)
          .executeTakeFirstOrThrow()
          .catch(
            explainViolation({
              foreign_key: () => new MirrorError('stream_recorded', `Recordings of ${id} are kept`),
            }),
          )
        if (numDeletedRows === 0n) return false
        await transaction.deleteFrom('events').where('streamId', '=', id).execute()
        return true
      })
    },
  }
}

function toStream(row: Selectable<Schema['streams']>): StreamRow {
  // Older versions did not store every setting.
  return { ...row, settings: { ...DEFAULT_STREAM_SETTINGS, ...decodeJson<Partial<StreamSettings>>(row.settings) } }
}

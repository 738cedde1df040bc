// Small objects as rows of a PostgreSQL table: the arbiter of conditional creates where a store has none of its own
// (docs/decisions/timeline.md). Not meant for media: a body is held in memory as a whole.
import { createHash } from 'node:crypto'
import pg from 'pg'
import { MirrorError } from '../core/errors.ts'
import { abortable, orAborted } from './abortable.ts'
import { clipRange } from './byte-range.ts'
import { collect, slices } from './collect.ts'
import { parseObjectKey } from './keys.ts'
import type { ObjectInfo, ObjectKey, ObjectStore } from './object-store.ts'

const MAX_CONNECTIONS = 2
const CONNECT_TIMEOUT_MS = 2000
const ANSWER_TIMEOUT_MS = 10_000
/** Rows per page of a listing. */
const PAGE_ROWS = 500
const INT8_OID = 20

interface InfoRow {
  readonly key: string
  readonly size_bytes: number
  readonly etag: string
  readonly modified_at_ms: number
}

const INFO_COLUMNS = 'key, length(body) as size_bytes, etag, modified_at_ms'

/** The table `small_objects` is made by the catalog's migrations. Connects when first used. */
export function openPostgresStore(url: string, { nowMs }: { readonly nowMs: () => number }): ObjectStore {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'mirror-timeline',
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser: (oid, format) => (oid === INT8_OID ? Number : pg.types.getTypeParser(oid, format)) },
  })
  // An idle connection was lost; the pool has dropped it and opens another when needed.
  pool.on('error', () => {})

  async function query<Row extends object>(
    signal: AbortSignal,
    text: string,
    values: readonly unknown[],
  ): Promise<readonly Row[]> {
    try {
      const client = await connect(signal)
      const onError = (): void => {} // The query that runs hears of it as well.
      client.on('error', onError)
      let isDone = false
      try {
        const { rows } = await orAborted(client.query<Row>(text, [...values]), signal)
        isDone = true
        return rows
      } finally {
        client.off('error', onError)
        // A connection whose answer nobody waits for any more may be dead: it must not hold one of the few places.
        client.release(!isDone)
      }
    } catch (cause) {
      signal.throwIfAborted()
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new MirrorError('store_unavailable', `the database did not answer: ${reason}`, { cause })
    }
  }

  async function connect(signal: AbortSignal): Promise<pg.PoolClient> {
    const connecting = pool.connect()
    try {
      return await orAborted(connecting, signal)
    } catch (error) {
      connecting.then(
        (client) => client.release(),
        () => {},
      )
      throw error
    }
  }

  return {
    async put(key, body, { signal, ifAbsent = false, ifMatch }) {
      signal.throwIfAborted()
      const bytes = body instanceof Uint8Array ? body : await collect(abortable(body, signal))
      signal.throwIfAborted()
      const etag = createHash('sha256').update(bytes).digest('hex')
      if (ifMatch !== undefined) {
        const [row] = await query<InfoRow>(
          signal,
          `update small_objects set body = $2, etag = $3, modified_at_ms = $4 where key = $1 and etag = $5
           returning ${INFO_COLUMNS}`,
          [key, Buffer.from(bytes), etag, nowMs(), ifMatch],
        )
        return row === undefined ? null : infoOf(key, row)
      }
      const onConflict = ifAbsent
        ? 'do nothing'
        : 'do update set body = excluded.body, etag = excluded.etag, modified_at_ms = excluded.modified_at_ms'
      const [row] = await query<InfoRow>(
        signal,
        `insert into small_objects (key, body, etag, modified_at_ms) values ($1, $2, $3, $4)
         on conflict (key) ${onConflict} returning ${INFO_COLUMNS}`,
        [key, Buffer.from(bytes), etag, nowMs()],
      )
      return row === undefined ? null : infoOf(key, row)
    },

    async get(key, { signal, range }) {
      signal.throwIfAborted()
      const [row] = await query<InfoRow & { readonly body: Buffer }>(
        signal,
        `select ${INFO_COLUMNS}, body from small_objects where key = $1`,
        [key],
      )
      signal.throwIfAborted()
      if (row === undefined) return null
      const { start, end } = clipRange(range, row.body.length)
      return {
        info: infoOf(key, row),
        chunks: slices(row.body.subarray(start, end), signal),
        async [Symbol.asyncDispose]() {},
      }
    },

    async head(key, { signal }) {
      signal.throwIfAborted()
      const [row] = await query<InfoRow>(signal, `select ${INFO_COLUMNS} from small_objects where key = $1`, [key])
      return row === undefined ? null : infoOf(key, row)
    },

    async *list(prefix, { signal, after: given = '' }) {
      if (prefix.includes('\u0000')) return // No key has it, and PostgreSQL takes no such text.
      let after = given
      while (true) {
        signal.throwIfAborted()
        const rows = await query<InfoRow>(
          signal,
          `select ${INFO_COLUMNS} from small_objects where key > $1 and starts_with(key, $2) order by key limit ${PAGE_ROWS}`,
          [after, prefix],
        )
        for (const row of rows) {
          signal.throwIfAborted()
          const key = parseObjectKey(row.key)
          if (key !== null) yield infoOf(key, row)
        }
        const last = rows.at(-1)
        if (last === undefined || rows.length < PAGE_ROWS) return
        after = last.key
      }
    },

    async delete(keys, { signal }) {
      signal.throwIfAborted()
      await query(signal, 'delete from small_objects where key = any($1)', [keys])
    },

    async [Symbol.asyncDispose]() {
      await pool.end()
    },
  }
}

function infoOf(key: ObjectKey, row: InfoRow): ObjectInfo {
  return { key, sizeBytes: row.size_bytes, etag: row.etag, modifiedAtMs: row.modified_at_ms }
}

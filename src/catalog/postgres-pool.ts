import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import pg from 'pg'
import type { Log } from '../core/log.ts'
import { toCatalogError, unavailable } from './catalog-error.ts'
import { toParameter } from './codec.ts'

const MAX_CONNECTIONS = 10
/** Callers that may wait for one of the connections; beyond it they are refused. */
const MAX_WAITING_CALLERS = 1000
/** To connect, and to wait for a free connection. */
const CONNECT_TIMEOUT_MS = 5000
/** The server gives up on a statement after this… */
const STATEMENT_TIMEOUT_MS = 15_000
/** …and the client a little later, for a server that does not answer anymore. */
const ANSWER_TIMEOUT_MS = 20_000
/** A process that froze inside a transaction must not hold its locks forever. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000

/** `pg.Pool` as Kysely wants it, with the catalog's errors, limits and value conversions. */
export function createPostgresPool(url: string, { log }: { readonly log: Log }): PostgresPool {
  const where = describeDatabase(url)
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'mirror',
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser: (oid, format) => (oid === INT8_OID ? Number : pg.types.getTypeParser(oid, format)) },
  })
  // An idle connection was lost; the pool has dropped it and opens another when needed.
  pool.on('error', (error) => log.warn('database connection lost', { database: where, reason: error.message }))

  return {
    options: {},
    async connect() {
      if (pool.waitingCount >= MAX_WAITING_CALLERS) {
        throw unavailable(where, `${MAX_WAITING_CALLERS} requests are waiting already`)
      }
      try {
        return wrapClient(await pool.connect(), where)
      } catch (error) {
        throw toCatalogError(error, where)
      }
    },
    async end() {
      await pool.end()
    },
  }
}

const INT8_OID: number = pg.types.builtins.INT8

function wrapClient(client: pg.PoolClient, where: string): PostgresPoolClient {
  let isBroken = false
  // Without a listener a connection that breaks while in use would end the process; the query in flight rejects anyway.
  const onError = (): void => {
    isBroken = true
  }
  client.on('error', onError)

  async function query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    try {
      return (await client.query(sql, parameters.map(toParameter))) as unknown as PostgresQueryResult<R>
    } catch (error) {
      // No SQLSTATE: the server did not answer, so whatever comes next on this connection would be the wrong answer.
      if (!(error instanceof pg.DatabaseError)) isBroken = true
      throw toCatalogError(error, where)
    }
  }

  return {
    query: query as PostgresPoolClient['query'],
    release(destroy = false) {
      client.off('error', onError)
      client.release(destroy || isBroken)
    },
  }
}

/** For messages: without user and password. */
function describeDatabase(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url)
    return `PostgreSQL at ${hostname === '' ? 'the local socket' : hostname}${port === '' ? '' : `:${port}`}${pathname}`
  } catch {
    return 'PostgreSQL'
  }
}

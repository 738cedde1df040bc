// Kysely's SQLite dialect, with the connection in a worker thread.
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { toParameter } from './codec.ts'
import type { SqliteClient, SqliteConnection } from './sqlite-client.ts'

export function createSqliteDialect(client: SqliteClient): Dialect {
  return {
    createDriver: () => new SqliteThreadDriver(client),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteThreadAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  }
}

class SqliteThreadAdapter extends SqliteAdapter {
  /** Transactions are kept apart in the worker; Kysely's own lock would let no two writes share a commit. */
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

class SqliteThreadDriver implements Driver {
  readonly #client: SqliteClient
  readonly #connections = new WeakMap<DatabaseConnection, SqliteConnection>()

  constructor(client: SqliteClient) {
    this.#client = client
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const line = this.#client.connect()
    const connection = new ThreadConnection(line)
    this.#connections.set(connection, line)
    return connection
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#lineOf(connection).begin()
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#lineOf(connection).commit()
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#lineOf(connection).rollback()
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    await this.#client[Symbol.asyncDispose]()
  }

  #lineOf(connection: DatabaseConnection): SqliteConnection {
    const line = this.#connections.get(connection)
    if (line === undefined) throw new Error('the connection belongs to another driver')
    return line
  }
}

class ThreadConnection implements DatabaseConnection {
  readonly #line: SqliteConnection

  constructor(line: SqliteConnection) {
    this.#line = line
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.#line.query(sql, parameters.map(toParameter))
    return { rows: rows as R[], ...(changes === null ? {} : { numAffectedRows: BigInt(changes) }) }
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface asks for it; the catalog pages with cursors instead.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('the catalog reads in pages, not in streams')
  }
}

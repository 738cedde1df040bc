import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Dialect, PostgresDialect } from 'kysely'
import type { Log } from '../core/log.ts'
import type { CatalogLocation } from './catalog-location.ts'
import { createPostgresPool } from './postgres-pool.ts'
import { createSqliteClient } from './sqlite-client.ts'
import { createSqliteDialect } from './sqlite-dialect.ts'
import type { SqliteWorkerData } from './sqlite-worker.ts'

/** `isReader`: SQLite is only read, and its transactions keep nobody from writing; PostgreSQL needs no such thing. */
export function catalogDialect(
  location: CatalogLocation,
  { log, isReader = false }: { readonly log: Log; readonly isReader?: boolean },
): Dialect {
  if (location.kind === 'postgres') return new PostgresDialect({ pool: createPostgresPool(location.url, { log }) })
  const startWorker = (path: string): Worker => startSqliteWorker(path, isReader)
  return createSqliteDialect(createSqliteClient({ path: location.path, startWorker, log }))
}

/** The worker is TypeScript in a clone and JavaScript in the package, as is this file. */
export function startSqliteWorker(path: string, isReader = false): Worker {
  const file = new URL(`./sqlite-worker${extname(import.meta.url)}`, import.meta.url)
  const workerData: SqliteWorkerData = { path, isReader }
  return new Worker(file, { workerData, execArgv: [], name: 'catalog' })
}

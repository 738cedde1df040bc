import { type RawBuilder, sql } from 'kysely'
import { MirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { ColumnValue, RowCounts, TableRow } from './backup-document.ts'
import { BACKED_UP_TABLES, type BackedUpTable } from './backup-tables.ts'
import type { CatalogLocation } from './catalog-location.ts'
import { type Dialect, NEWEST_VERSION } from './migrations.ts'
import { openRawDatabase, presentTables, type RawDb, schemaVersionOf } from './raw-database.ts'

/** Rows in memory at a time; the largest have 64 KiB. */
const PAGE_ROWS = 200

/** Everything that is backed up, as it was at one moment. */
export interface CatalogSnapshot {
  readonly schemaVersion: number
  /** In an order in which their rows can be inserted. */
  readonly tables: readonly string[]
  /** Table by table. Aborts reject with the signal's reason. */
  rows(): AsyncGenerator<TableRow, void, void>
}

/**
 * Reads the catalog in one transaction that keeps nobody from writing: on SQLite over a connection of its own, which may
 * be in another process than Mirror; on PostgreSQL as "repeatable read". Migrates nothing. Rejects with
 * `database_unavailable`, also where there is no catalog, and with `database_newer`.
 */
export async function withCatalogSnapshot<T>(
  location: CatalogLocation,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
  work: (snapshot: CatalogSnapshot) => Promise<T>,
): Promise<T> {
  const db = openRawDatabase(location, { log, isReader: true })
  try {
    const begin = db.transaction()
    // What SQLite's readers see is settled without being asked for.
    const transaction =
      location.kind === 'postgres' ? begin.setIsolationLevel('repeatable read').setAccessMode('read only') : begin
    return await transaction.execute(async (inside) => {
      const schemaVersion = await schemaVersionOf(inside, location.kind)
      if (schemaVersion === 0) throw new MirrorError('database_unavailable', 'The database holds no catalog')
      if (schemaVersion > NEWEST_VERSION) {
        throw new MirrorError(
          'database_newer',
          `The database has schema version ${schemaVersion}; this Mirror knows versions up to ${NEWEST_VERSION}`,
        )
      }
      const tables = await presentTables(inside, location.kind, Object.keys(BACKED_UP_TABLES))
      return await work({ schemaVersion, tables, rows: () => readTables(inside, tables, signal) })
    })
  } finally {
    await db.destroy()
  }
}

/** Rows of the tables that are backed up; those that do not exist have none. */
export async function countRows(db: RawDb, dialect: Dialect): Promise<RowCounts> {
  const counts: Record<string, number> = {}
  for (const table of await presentTables(db, dialect, Object.keys(BACKED_UP_TABLES))) {
    const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(db)
    counts[table] = rows[0]?.count ?? 0
  }
  return counts
}

async function* readTables(
  db: RawDb,
  tables: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<TableRow, void, void> {
  for (const table of tables) {
    const facts = BACKED_UP_TABLES[table]
    if (facts !== undefined) yield* readTable(db, table, facts, signal)
  }
}

async function* readTable(
  db: RawDb,
  table: string,
  { key, generated }: BackedUpTable,
  signal: AbortSignal,
): AsyncGenerator<TableRow, void, void> {
  const columns = sql.join(key.map((name) => sql.ref(name)))
  let from: RawBuilder<unknown> = sql``
  while (true) {
    signal.throwIfAborted()
    const { rows } = await sql<Record<string, ColumnValue>>`
      select * from ${sql.table(table)} ${from} order by ${columns} limit ${PAGE_ROWS}`.execute(db)
    for (const row of rows) {
      const values = Object.entries(row).filter(([name]) => name !== generated)
      yield { table, values: Object.fromEntries(values) }
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE_ROWS) return
    from = sql`where (${columns}) > (${sql.join(key.map((name) => last[name]))})`
  }
}

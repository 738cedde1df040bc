import { setTimeout as delay } from 'node:timers/promises'
import { sql, type Transaction } from 'kysely'
import { MirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { type ColumnValue, damaged, type ReadBackup, type RowCounts } from './backup-document.ts'
import { BACKED_UP_TABLES, LEFT_OUT_TABLES } from './backup-tables.ts'
import type { CatalogLocation } from './catalog-location.ts'
import { countRows } from './catalog-snapshot.ts'
import { lockMigrations, migrateInside } from './migrate.ts'
import { type Dialect, NEWEST_VERSION } from './migrations.ts'
import { openRawDatabase, presentTables, type RawDb } from './raw-database.ts'
import { hasDatabase, placeDatabase, readyPath, removeDatabase } from './sqlite-files.ts'

const BATCH_ROWS = 100
const LOOKS_FOR_OTHERS = 10
const BETWEEN_LOOKS_MS = 200

export interface LoadOptions {
  readonly log: Log
  readonly signal: AbortSignal
  /** Names what is kept aside; letters, digits and underscores. */
  readonly asideName: string
  /** Also where the catalog has data. */
  readonly isReplacing: boolean
}

export interface LoadedBackup {
  readonly rows: RowCounts
  /** Where the earlier catalog is now; null: there was none. */
  readonly keptAside: string | null
}

/**
 * Makes the catalog what a backup says: all or nothing, in the schema of the backup first, which is then migrated. What
 * was there is kept aside. Nobody else may use the catalog meanwhile. Rejects with `catalog_not_empty`, `catalog_in_use`,
 * `backup_damaged`, `backup_newer`, `database_unavailable`.
 */
export async function loadBackup(
  location: CatalogLocation,
  backup: ReadBackup,
  options: LoadOptions,
): Promise<LoadedBackup> {
  const { schemaVersion } = backup.head
  if (schemaVersion > NEWEST_VERSION) {
    throw new MirrorError(
      'backup_newer',
      `The backup has schema version ${schemaVersion}; this Mirror knows versions up to ${NEWEST_VERSION}`,
    )
  }
  return location.kind === 'sqlite'
    ? await loadSqlite(location.path, backup, options)
    : await loadPostgres(location, backup, options)
}

/** Throws `catalog_not_empty` unless it may be replaced; before a backup is fetched for nothing. */
export async function refuseData(location: CatalogLocation, { log }: { readonly log: Log }): Promise<void> {
  if (location.kind === 'sqlite' && !hasDatabase(location.path)) return
  const db = openRawDatabase(location, { log, isReader: true })
  try {
    await refuseRows(db, location.kind)
  } catch (error) {
    if (location.kind === 'postgres' || !(error instanceof MirrorError) || error.code !== 'database_unavailable') {
      throw error
    }
    throw new MirrorError('catalog_not_empty', `There is a catalog that cannot be read: ${error.message}`, {
      cause: error,
    })
  } finally {
    await db.destroy()
  }
}

async function loadSqlite(path: string, backup: ReadBackup, options: LoadOptions): Promise<LoadedBackup> {
  if (!options.isReplacing) await refuseData({ kind: 'sqlite', path }, options)
  const ready = readyPath(path)
  removeDatabase(ready) // Left by a restore that was killed.
  try {
    const db = openRawDatabase({ kind: 'sqlite', path: ready }, options)
    let rows: RowCounts
    try {
      rows = await db.transaction().execute(async (inside) => await loadTables(inside, 'sqlite', backup, options))
    } finally {
      await db.destroy()
    }
    options.signal.throwIfAborted()
    return { rows, keptAside: await placeDatabase(ready, path, options.asideName) }
  } catch (error) {
    removeDatabase(ready)
    throw error
  }
}

async function loadPostgres(
  location: CatalogLocation,
  backup: ReadBackup,
  options: LoadOptions,
): Promise<LoadedBackup> {
  const db = openRawDatabase(location, options)
  try {
    return await db.transaction().execute(async (inside) => {
      await lockMigrations(inside, 'postgres')
      await refuseOthers(inside, options.signal)
      if (!options.isReplacing) await refuseRows(inside, 'postgres')
      const keptAside = await moveAside(inside, options.asideName)
      const rows = await loadTables(inside, 'postgres', backup, options)
      options.signal.throwIfAborted()
      return { rows, keptAside }
    })
  } finally {
    await db.destroy()
  }
}

async function refuseRows(db: RawDb, dialect: Dialect): Promise<void> {
  const counts = Object.entries(await countRows(db, dialect)).filter(([, count]) => count > 0)
  if (counts.length === 0) return
  const what = counts.map(([table, count]) => `${count} ${count === 1 ? 'row' : 'rows'} in ${table}`).join(', ')
  throw new MirrorError('catalog_not_empty', `The catalog has data: ${what}`)
}

/** Every Mirror gives its connections this name. One that has just ended may be listed for a moment. */
async function refuseOthers(db: RawDb, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from pg_stat_activity
      where datname = current_database() and application_name like 'mirror%' and pid <> pg_backend_pid()`.execute(db)
    const count = rows[0]?.count ?? 0
    if (count === 0) return
    if (attempt === LOOKS_FOR_OTHERS) {
      throw new MirrorError('catalog_in_use', `${count} connections of Mirror to the database are open`)
    }
    await delay(BETWEEN_LOOKS_MS, undefined, { signal })
    // Within a transaction the view stays what it was when it was first asked.
    await sql`select pg_stat_clear_snapshot()`.execute(db)
  }
}

/** Tables take their indexes and sequences with them. */
async function moveAside(db: RawDb, schema: string): Promise<string | null> {
  const names = [...Object.keys(BACKED_UP_TABLES), ...Object.keys(LEFT_OUT_TABLES)]
  const tables = await presentTables(db, 'postgres', names)
  if (tables.length === 0) return null
  await sql`create schema ${sql.id(schema)}`.execute(db)
  for (const table of tables) await sql`alter table ${sql.table(table)} set schema ${sql.id(schema)}`.execute(db)
  return `the schema ${schema} of the database`
}

async function loadTables(
  db: Transaction<Record<string, Record<string, ColumnValue>>>,
  dialect: Dialect,
  { head, rows }: ReadBackup,
  { log, signal }: LoadOptions,
): Promise<RowCounts> {
  await migrateInside(db, dialect, { log, upTo: head.schemaVersion })
  let table = ''
  let batch: Record<string, ColumnValue>[] = []
  const flush = async (): Promise<void> => {
    const full = batch
    batch = []
    if (full.length > 0) await insert(db, table, full)
  }
  let next = await rows.next()
  for (; next.done !== true; next = await rows.next()) {
    signal.throwIfAborted()
    if (next.value.table !== table || batch.length >= BATCH_ROWS) await flush()
    table = next.value.table
    if (table in LEFT_OUT_TABLES) throw damaged(`no backup has rows of ${table}`)
    batch.push({ ...next.value.values })
  }
  await flush()
  await migrateInside(db, dialect, { log })
  return next.value
}

async function insert(db: RawDb, table: string, rows: readonly Record<string, ColumnValue>[]): Promise<void> {
  try {
    await db.insertInto(table).values(rows).execute()
  } catch (error) {
    if (error instanceof MirrorError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw damaged(`a row of ${table} is refused by the database: ${reason}`, error)
  }
}

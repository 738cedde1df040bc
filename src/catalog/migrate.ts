import { sql, type Transaction } from 'kysely'
import { MirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { type Dialect, NEWEST_VERSION, pendingMigrations } from './migrations.ts'
import type { Db } from './schema.ts'

/** "mirror" in ASCII: the name of the lock under which PostgreSQL migrates. */
const MIGRATION_LOCK = 0x6d6972726f72

/**
 * Brings the database to the newest version in one transaction: all or nothing, and two processes may start at once
 * (SQLite: the write lock of BEGIN IMMEDIATE; PostgreSQL: an advisory lock, because CREATE TABLE IF NOT EXISTS races).
 * Throws `database_newer` when a newer Mirror wrote it.
 */
export async function migrate(db: Db, dialect: Dialect, { log }: { readonly log: Log }): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await lockMigrations(transaction, dialect)
    await migrateInside(transaction, dialect, { log })
  })
}

/** Whoever starts meanwhile waits until the transaction ends. */
export async function lockMigrations<Tables>(transaction: Transaction<Tables>, dialect: Dialect): Promise<void> {
  if (dialect === 'postgres') await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(transaction)
}

/** The same as a part of a transaction; `upTo` leaves the migrations after that version for later. */
export async function migrateInside<Tables>(
  transaction: Transaction<Tables>,
  dialect: Dialect,
  { log, upTo = NEWEST_VERSION }: { readonly log: Log; readonly upTo?: number },
): Promise<void> {
  await sql`create table if not exists schema_migrations (version bigint primary key, name text not null)`.execute(
    transaction,
  )
  const { rows } = await sql<{
    version: number | null
  }>`select max(version) as version from schema_migrations`.execute(transaction)
  const current = rows[0]?.version ?? 0
  if (current > NEWEST_VERSION) {
    throw new MirrorError(
      'database_newer',
      `The database has schema version ${current}; this Mirror knows versions up to ${NEWEST_VERSION}`,
      { details: { databaseVersion: current, knownVersion: NEWEST_VERSION } },
    )
  }
  for (const { version, name, statements } of pendingMigrations(current, dialect)) {
    if (version > upTo) break
    for (const statement of statements) await sql.raw(statement).execute(transaction)
    await sql`insert into schema_migrations (version, name) values (${version}, ${name})`.execute(transaction)
    log.info('database migrated', { version, name })
  }
}

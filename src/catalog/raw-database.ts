// The catalog's tables by their names in SQL, for what treats them all alike: backup and restore.
import { Kysely, sql } from 'kysely'
import type { Log } from '../core/log.ts'
import type { ColumnValue } from './backup-document.ts'
import { catalogDialect } from './catalog-dialect.ts'
import type { CatalogLocation } from './catalog-location.ts'
import type { Dialect } from './migrations.ts'

export type RawDb = Kysely<Record<string, Record<string, ColumnValue>>>

/** `isReader`: as `catalogDialect` has it. Nothing is migrated. */
export function openRawDatabase(
  location: CatalogLocation,
  options: { readonly log: Log; readonly isReader?: boolean },
): RawDb {
  return new Kysely({ dialect: catalogDialect(location, options) })
}

/** Those of `names` that exist, in that order. */
export async function presentTables(db: RawDb, dialect: Dialect, names: readonly string[]): Promise<readonly string[]> {
  const all = new Set(await allTables(db, dialect))
  return names.filter((name) => all.has(name))
}

export async function allTables(db: RawDb, dialect: Dialect): Promise<readonly string[]> {
  const { rows } = await (dialect === 'sqlite'
    ? // Not the index for full text (virtual) and what it keeps below itself (shadow): both follow their table.
      sql<{
        name: string
      }>`select name from pragma_table_list where type = 'table' and schema = 'main' and name not like 'sqlite%'`
    : sql<{
        name: string
      }>`select table_name as name from information_schema.tables where table_schema = current_schema()`
  ).execute(db)
  return rows.map(({ name }) => name)
}

/** Number of the last migration; 0: there is no catalog. */
export async function schemaVersionOf(db: RawDb, dialect: Dialect): Promise<number> {
  if ((await presentTables(db, dialect, ['schema_migrations'])).length === 0) return 0
  const { rows } = await sql<{ version: number | null }>`select max(version) as version from schema_migrations`.execute(
    db,
  )
  return rows[0]?.version ?? 0
}

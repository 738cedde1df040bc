// The files of a SQLite database as files: to put one in the place of another. Nobody may have them open.
import { existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { MirrorError } from '../core/errors.ts'
import { syncFolder } from '../storage/durable-folder.ts'

const COMPANIONS = ['-wal', '-shm', '-journal'] as const

export function hasDatabase(path: string): boolean {
  return existsSync(path)
}

/** Where one is made that is to take the place of `path`: in the same file system. */
export function readyPath(path: string): string {
  return `${path}.restoring`
}

export function removeDatabase(path: string): void {
  for (const suffix of ['', ...COMPANIONS]) rmSync(`${path}${suffix}`, { force: true })
}

/**
 * Puts the closed database `ready` in the place of `path`, at no moment of which there is none. The earlier one is kept
 * beside it, under a name with `asideName`, which is given back; null when there was none.
 */
export async function placeDatabase(ready: string, path: string, asideName: string): Promise<string | null> {
  const left = COMPANIONS.filter((suffix) => existsSync(`${ready}${suffix}`))
  if (left.length > 0) throw new MirrorError('database_unavailable', `${ready} could not be closed`)
  const aside = hasDatabase(path) ? `${path}.${asideName}` : null
  if (aside !== null) {
    foldLog(path)
    linkSync(path, aside)
    // Only of a database that could not be opened, or that a crash of the machine left: it goes with its file.
    for (const suffix of COMPANIONS) {
      if (!existsSync(`${path}${suffix}`)) continue
      if (suffix !== '-shm' && statSync(`${path}${suffix}`).size > 0)
        renameSync(`${path}${suffix}`, `${aside}${suffix}`)
      else rmSync(`${path}${suffix}`)
    }
  }
  renameSync(ready, path)
  await syncFolder(dirname(path))
  return aside
}

/** What the write-ahead log holds goes into the file, and the log goes away. One that is damaged is kept as it is. */
function foldLog(path: string): void {
  try {
    // First as a reader: whoever may write throws the log of a file away that is no database.
    using(path, true, (db) => db.prepare('select count(*) from sqlite_master').get())
    using(path, false, (db) => db.pragma('wal_checkpoint(TRUNCATE)'))
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error
  }
}

function using(path: string, readonly: boolean, work: (db: Database.Database) => unknown): void {
  const db = new Database(path, { fileMustExist: true, readonly })
  try {
    work(db)
  } finally {
    db.close()
  }
}

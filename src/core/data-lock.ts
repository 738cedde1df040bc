import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { MirrorError } from './errors.ts'

/**
 * Takes the data folder for this process, making it if needed. The lock is a SQLite file held in BEGIN EXCLUSIVE: the
 * kernel frees it when the process ends, however it ends, and nothing has to guess whether a pid is still alive.
 * Nobody else in the process may open that file (POSIX: closing any handle of it would drop the lock).
 *
 * Rejects with `data_folder_in_use` or `data_folder_not_writable`.
 */
export async function lockDataFolder(dir: string): Promise<AsyncDisposable> {
  const pidFile = join(dir, 'lock.pid')
  const db = acquire(dir, pidFile)
  try {
    writeFileSync(pidFile, `${process.pid}\n`) // Only for the message that others get.
  } catch (error) {
    db.close()
    throw notWritable(dir, error)
  }
  return {
    async [Symbol.asyncDispose]() {
      if (!db.open) return
      rmSync(pidFile, { force: true }) // While the lock is held: it cannot be the next owner's.
      db.close()
    },
  }
}

function acquire(dir: string, pidFile: string): Database.Database {
  let db: Database.Database | null = null
  try {
    makeFolder(dir)
    db = new Database(join(dir, 'lock'), { timeout: 0 })
    db.exec('begin exclusive')
    return db
  } catch (error) {
    db?.close()
    throw isBusy(error) ? inUse(dir, pidFile) : notWritable(dir, error)
  }
}

/** Not mkdir's `recursive`: where the kernel answers ENOENT for a new entry of an existing folder (/proc), that never returns. */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return
  const parent = dirname(dir)
  if (parent !== dir) makeFolder(parent)
  mkdirSync(dir)
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')
}

function inUse(dir: string, pidFile: string): MirrorError {
  const pid = readPid(pidFile)
  const owner = pid === null ? 'another process' : `process ${pid}`
  return new MirrorError('data_folder_in_use', `The data folder ${dir} is in use by ${owner}`, {
    details: { folder: dir, ...(pid === null ? {} : { pid }) },
  })
}

function notWritable(dir: string, cause: unknown): MirrorError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MirrorError('data_folder_not_writable', `The data folder ${dir} cannot be written: ${reason}`, {
    details: { folder: dir },
    cause,
  })
}

function readPid(file: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10)
    return Number.isInteger(pid) ? pid : null
  } catch {
    return null // The other process has not written it yet.
  }
}

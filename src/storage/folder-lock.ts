import { setTimeout as delay } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { MirrorError } from '../core/errors.ts'

const WAIT_MS = 10_000
const RETRY_MS = 10

/**
 * One holder at a time among all threads and processes that share a folder. Held in a SQLite file, so that the kernel
 * frees it when its holder dies; a lock file would stay behind.
 */
export class FolderLock {
  readonly #path: string
  #turn: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** Rejects with `store_unavailable` when others hold the lock for too long, with the signal's reason when aborted. */
  async hold<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => await this.#locked(signal, work))
    this.#turn = turn.catch(() => {})
    return await turn
  }

  async #locked<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    const database = new Database(this.#path, { timeout: 0 })
    try {
      const deadlineMs = performance.now() + WAIT_MS
      while (!begin(database)) {
        if (performance.now() > deadlineMs) {
          throw new MirrorError('store_unavailable', `${this.#path} is locked by somebody else`)
        }
        await delay(RETRY_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
      }
      return await work()
    } finally {
      database.close() // Ends the transaction.
    }
  }
}

function begin(database: Database.Database): boolean {
  try {
    database.exec('begin exclusive')
    return true
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return false
    throw error
  }
}

// Worker thread that holds the SQLite file, so that no other thread ever waits for an fsync.
import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { createSqliteExecutor, toFailure } from './sqlite-executor.ts'
import type { FromSqliteWorker, SqliteRequest, ToSqliteWorker } from './sqlite-protocol.ts'

/** How long to wait for a lock that another process holds (a backup tool, a shell). */
const BUSY_TIMEOUT_MS = 5000

export interface SqliteWorkerData {
  readonly path: string
  /** Only reads, in transactions that keep nobody from writing. */
  readonly isReader: boolean
}

if (parentPort !== null) serve(parentPort, workerData as SqliteWorkerData)

function serve(port: NonNullable<typeof parentPort>, { path, isReader }: SqliteWorkerData): void {
  const answer = (message: FromSqliteWorker): void => port.postMessage(message)
  let db: Database.Database
  try {
    db = isReader ? new Database(path, { timeout: BUSY_TIMEOUT_MS, readonly: true }) : open(path)
  } catch (error) {
    answer({ kind: 'unusable', failure: toFailure(error) })
    port.close()
    return
  }
  const executor = createSqliteExecutor(db, answer, isReader ? 'deferred' : 'immediate')
  let arrived: SqliteRequest[] = []

  port.on('message', (message: ToSqliteWorker) => {
    if (message.kind === 'close') {
      executor.run(arrived)
      db.close()
      port.close()
      return
    }
    // Everything that is delivered in one turn of the loop runs together: that is what makes a group of writes.
    if (arrived.length === 0) {
      setImmediate(() => {
        const requests = arrived
        arrived = []
        if (db.open) executor.run(requests)
      })
    }
    arrived.push(message)
  })
}

function open(path: string): Database.Database {
  const db = new Database(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL') // NORMAL would lose acknowledged rows with the power.
    db.pragma('foreign_keys = ON')
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

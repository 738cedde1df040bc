import type { Worker } from 'node:worker_threads'
import { MirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { toCatalogError, unavailable } from './catalog-error.ts'
import type { FromSqliteWorker, SqliteFailure, SqliteRequest, SqliteRows, ToSqliteWorker } from './sqlite-protocol.ts'

/** Statements and transactions that may wait; beyond it new ones are refused, open transactions go on. */
export const MAX_WAITING_REQUESTS = 10_000
/** A worker that answers nothing for this long while asked is taken for stuck (a hanging disk) and replaced. */
const STUCK_AFTER_MS = 30_000
/** Pause after a worker that died, so that a file that cannot be opened costs one attempt per second. */
const RESTART_PAUSE_MS = 1000
/** For the WAL checkpoint at close. */
const CLOSE_TIMEOUT_MS = 10_000

export interface SqliteClient extends AsyncDisposable {
  connect(): SqliteConnection
}

/** One line of work: statements between `begin` and `commit` belong together and to nobody else. */
export interface SqliteConnection {
  query(sql: string, parameters: readonly unknown[]): Promise<SqliteRows>
  begin(): Promise<void>
  commit(): Promise<void>
  /** Never rejects: what a dead worker had open is rolled back already. */
  rollback(): Promise<void>
}

interface Waiting {
  readonly resolve: (result: SqliteRows) => void
  readonly reject: (error: Error) => void
}

/** Asks the worker, and replaces it when it dies: what was unanswered rejects with `database_unavailable`. */
export function createSqliteClient(options: {
  readonly path: string
  readonly startWorker: (path: string) => Worker
  readonly log: Log
  readonly stuckAfterMs?: number
  readonly restartPauseMs?: number
}): SqliteClient {
  const { path, startWorker, log, stuckAfterMs = STUCK_AFTER_MS, restartPauseMs = RESTART_PAUSE_MS } = options
  const waiting = new Map<number, Waiting>()
  let worker: Worker | null = null
  let isClosed = false
  let requests = 0
  let connections = 0
  /** Rises with every worker: a transaction does not outlive the worker that it began in. */
  let generation = 0
  let watchdog: NodeJS.Timeout | null = null
  let pause: NodeJS.Timeout | null = null
  let pauseReason = ''

  function useWorker(): Worker {
    if (isClosed) throw unavailable(path, 'the catalog is closed')
    if (worker !== null) return worker
    if (pause !== null) throw unavailable(path, pauseReason)
    const started = startWorker(path)
    worker = started
    generation += 1
    let reason = 'the database worker ended'
    started.on('message', (message: FromSqliteWorker) => {
      if (message.kind === 'unusable') reason = message.failure.message
      else settle(message)
    })
    started.on('error', (error) => {
      reason = `the database worker failed: ${error.message}`
    })
    started.on('exit', () => retire(started, reason))
    return started
  }

  function retire(dead: Worker, reason: string): void {
    if (worker !== dead) return
    worker = null
    stopWatchdog()
    const unanswered = [...waiting.values()]
    waiting.clear()
    if (!isClosed) {
      log.error('database worker lost', { path, reason, unanswered: unanswered.length })
      pauseReason = reason
      pause = setTimeout(() => {
        pause = null
      }, restartPauseMs)
      pause.unref()
    }
    for (const { reject } of unanswered) reject(unavailable(path, reason))
  }

  function settle(message: Exclude<FromSqliteWorker, { kind: 'unusable' }>): void {
    const request = waiting.get(message.id)
    waiting.delete(message.id)
    if (waiting.size === 0) stopWatchdog()
    else watchdog?.refresh()
    if (message.kind === 'done') request?.resolve(message.result)
    else request?.reject(toCatalogError(toError(message.failure), path))
  }

  function startWatchdog(): void {
    watchdog ??= setTimeout(() => {
      const stuck = worker
      if (stuck === null) return
      retire(stuck, `no answer from the disk for ${stuckAfterMs} ms`)
      void stuck.terminate()
    }, stuckAfterMs)
  }

  function stopWatchdog(): void {
    if (watchdog !== null) clearTimeout(watchdog)
    watchdog = null
  }

  function ask(message: (id: number) => SqliteRequest): Promise<SqliteRows> {
    return new Promise((resolve, reject) => {
      const target = useWorker() // A throw in here rejects.
      requests += 1
      target.postMessage(message(requests) satisfies ToSqliteWorker)
      waiting.set(requests, { resolve, reject })
      startWatchdog()
    })
  }

  function refuseWhenFull(): void {
    if (waiting.size >= MAX_WAITING_REQUESTS) {
      throw new MirrorError('database_unavailable', `${path}: ${MAX_WAITING_REQUESTS} requests are waiting already`)
    }
  }

  return {
    connect() {
      connections += 1
      const connection = connections
      /** The generation that the open transaction began in. */
      let begunIn: number | null = null

      async function askInTransaction(message: (id: number) => SqliteRequest): Promise<SqliteRows> {
        if (begunIn !== generation || worker === null) throw unavailable(path, 'the transaction was lost')
        return await ask(message)
      }

      return {
        async query(sql, parameters) {
          const message = (id: number): SqliteRequest => ({ kind: 'query', id, connection, sql, parameters })
          if (begunIn !== null) return await askInTransaction(message)
          refuseWhenFull()
          return await ask(message)
        },
        async begin() {
          refuseWhenFull()
          await ask((id) => ({ kind: 'begin', id, connection }))
          begunIn = generation
        },
        async commit() {
          await askInTransaction((id) => ({ kind: 'commit', id, connection }))
          begunIn = null
        },
        async rollback() {
          try {
            await askInTransaction((id) => ({ kind: 'rollback', id, connection }))
          } catch (error) {
            log.debug('rollback not needed', { reason: String(error) })
          } finally {
            begunIn = null
          }
        },
      }
    },

    async [Symbol.asyncDispose]() {
      isClosed = true
      if (pause !== null) clearTimeout(pause)
      const closing = worker
      if (closing === null) return
      await new Promise<void>((resolve) => {
        const timeout = setTimeout(() => void closing.terminate(), CLOSE_TIMEOUT_MS)
        closing.once('exit', () => {
          clearTimeout(timeout)
          resolve()
        })
        closing.postMessage({ kind: 'close' } satisfies ToSqliteWorker)
      })
    },
  }
}

function toError({ message, code }: SqliteFailure): Error {
  return Object.assign(new Error(message), { code })
}

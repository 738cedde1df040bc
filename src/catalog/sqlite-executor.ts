import type Database from 'better-sqlite3'
import type { FromSqliteWorker, SqliteFailure, SqliteRequest, SqliteRows } from './sqlite-protocol.ts'

type Query = Extract<SqliteRequest, { kind: 'query' }>

/** Statements that share one commit, at most. Bounds how long the first of them waits for the last. */
const MAX_BATCH = 500
/** Compiled statements kept; the catalog has a few dozen, inserts of several rows one per row count. */
const MAX_STATEMENTS = 200

export interface SqliteExecutor {
  /** Runs what can be run; everything else waits for the open transaction to end. */
  run(requests: readonly SqliteRequest[]): void
}

/**
 * The order of work on the one SQLite connection. Single statements that queue up together share one transaction and so
 * one fsync; none is answered before that commit (acknowledged = durable). While a transaction is open, only requests of
 * its connection run. The queue is bounded by the asking side, which counts what is unanswered.
 */
export function createSqliteExecutor(
  db: Database.Database,
  answer: (message: FromSqliteWorker) => void,
  /** How transactions begin: with the right to write, or as readers, who see what was there at their first statement. */
  begins: 'immediate' | 'deferred' = 'immediate',
): SqliteExecutor {
  const statements = new Map<string, Database.Statement<unknown[]>>()
  let waiting: SqliteRequest[] = []
  /** The connection whose transaction is open. */
  let owner: number | null = null

  function prepare(sql: string): Database.Statement<unknown[]> {
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = db.prepare<unknown[]>(sql)
      if (statements.size >= MAX_STATEMENTS) statements.clear()
      statements.set(sql, statement)
    }
    return statement
  }

  function execute({ sql, parameters }: Query): SqliteRows {
    const statement = prepare(sql)
    if (statement.reader) return { rows: statement.all(...parameters), changes: null }
    return { rows: [], changes: statement.run(...parameters).changes }
  }

  function isRead({ sql }: Query): boolean {
    try {
      return prepare(sql).readonly
    } catch {
      return false // Does not compile: execute() will say so to whom it concerns.
    }
  }

  function attempt(id: number, action: () => SqliteRows): FromSqliteWorker {
    try {
      return { kind: 'done', id, result: action() }
    } catch (error) {
      return { kind: 'failed', id, failure: toFailure(error) }
    }
  }

  function runBatch(batch: readonly Query[]): void {
    if (batch.length === 1 || batch.every(isRead)) {
      for (const query of batch) answer(attempt(query.id, () => execute(query)))
      return
    }
    let answers: FromSqliteWorker[] = []
    try {
      db.exec('begin immediate')
      for (const query of batch) {
        // A refused statement undoes itself alone (SQLite's default, ON CONFLICT ABORT); the others go on.
        answers.push(attempt(query.id, () => execute(query)))
        // A full disk or an I/O error undoes everything: then nobody may be told "done".
        if (!db.inTransaction) throw failureOf(answers.at(-1))
      }
      db.exec('commit')
    } catch (error) {
      if (db.inTransaction) db.exec('rollback')
      answers = batch.map(({ id }) => ({ kind: 'failed', id, failure: toFailure(error) }))
    }
    for (const message of answers) answer(message)
  }

  function runInTransaction(request: SqliteRequest): void {
    const message = attempt(request.id, () => {
      if (request.kind !== 'rollback' && !db.inTransaction) throw lost()
      switch (request.kind) {
        case 'query':
          return execute(request)
        case 'commit':
          db.exec('commit')
          owner = null
          break
        case 'rollback':
          owner = null
          if (db.inTransaction) db.exec('rollback')
          break
        case 'begin':
          throw new Error('a transaction is open on this connection')
        default:
          request satisfies never
      }
      return NOTHING
    })
    answer(message)
  }

  function begin(request: SqliteRequest): void {
    const message = attempt(request.id, () => {
      db.exec(`begin ${begins}`)
      return NOTHING
    })
    if (message.kind === 'done') owner = request.connection
    answer(message)
  }

  function drain(): void {
    let next = 0
    while (owner === null) {
      const batch: Query[] = []
      for (let query = waiting[next]; query?.kind === 'query' && batch.length < MAX_BATCH; query = waiting[next]) {
        batch.push(query)
        next += 1
      }
      if (batch.length > 0) {
        runBatch(batch)
        continue
      }
      const request = waiting[next]
      if (request === undefined) break
      next += 1
      if (request.kind === 'begin') begin(request)
      else answer({ kind: 'failed', id: request.id, failure: toFailure(lost()) })
    }
    waiting = waiting.slice(next)
  }

  return {
    run(requests) {
      for (const request of requests) {
        if (request.connection === owner) {
          runInTransaction(request)
          if (owner === null) drain()
        } else {
          waiting.push(request)
        }
      }
      drain()
    },
  }
}

const NOTHING: SqliteRows = { rows: [], changes: null }

function lost(): Error {
  return Object.assign(new Error('the transaction was rolled back by an earlier error'), { code: 'SQLITE_IOERR' })
}

function failureOf(message: FromSqliteWorker | undefined): Error {
  if (message === undefined || message.kind === 'done') return lost()
  return Object.assign(new Error(message.failure.message), { code: message.failure.code })
}

export function toFailure(error: unknown): SqliteFailure {
  if (!(error instanceof Error)) return { message: String(error), code: '' }
  const { code } = error as { readonly code?: unknown }
  return { message: error.message, code: typeof code === 'string' ? code : '' }
}

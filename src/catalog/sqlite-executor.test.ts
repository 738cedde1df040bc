import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSqliteExecutor, type SqliteExecutor } from './sqlite-executor.ts'
import type { FromSqliteWorker, SqliteRequest } from './sqlite-protocol.ts'

let folder: string
let db: Database.Database
let other: Database.Database
let executor: SqliteExecutor
let answers: FromSqliteWorker[]
/** What another connection saw at the moment of each answer: rows that are committed. */
let committed: number[]
let ids = 0

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-executor-'))
  db = new Database(join(folder, 'db'))
  db.pragma('journal_mode = WAL')
  db.exec('create table t (id integer primary key, other integer references t (id)); pragma foreign_keys = on')
  other = new Database(join(folder, 'db'), { readonly: true })
  answers = []
  committed = []
  executor = createSqliteExecutor(db, (message) => {
    answers.push(message)
    committed.push(other.prepare('select id from t').all().length)
  })
})

afterEach(async () => {
  db.close()
  other.close()
  await rm(folder, { recursive: true, force: true })
})

function query(sql: string, connection = 0, ...parameters: unknown[]): SqliteRequest {
  ids += 1
  return { kind: 'query', id: ids, connection, sql, parameters }
}

function control(kind: 'begin' | 'commit' | 'rollback', connection: number): SqliteRequest {
  ids += 1
  return { kind, id: ids, connection }
}

function outcomes(): string[] {
  return answers.map((message) => (message.kind === 'failed' ? message.failure.code : message.kind))
}

test('writes that queue up together share one commit, and none is answered before it', () => {
  executor.run([1, 2, 3].map((n) => query('insert into t (id) values (?)', n, n)))
  expect(outcomes()).toEqual(['done', 'done', 'done'])
  expect(committed).toEqual([3, 3, 3])
})

test('a refused write in a group fails alone', () => {
  executor.run([
    query('insert into t (id) values (1)', 1),
    query('insert into t (id) values (1)', 2),
    query('insert into t (id, other) values (5, 99)', 3),
    query('no sql at all', 4),
    query('insert into t (id) values (2) returning id', 5),
  ])
  expect(outcomes()).toEqual([
    'done',
    'SQLITE_CONSTRAINT_PRIMARYKEY',
    'SQLITE_CONSTRAINT_FOREIGNKEY',
    'SQLITE_ERROR',
    'done',
  ])
  expect(answers[4]).toMatchObject({ result: { rows: [{ id: 2 }] } })
  expect(committed.at(-1)).toBe(2)
})

test('an error that rolls the group back fails all of it', () => {
  executor.run([
    query('insert into t (id) values (1)', 1),
    query('insert or rollback into t (id) values (1)', 2),
    query('insert into t (id) values (2)', 3),
  ])
  expect(answers.map(({ kind }) => kind)).toEqual(['failed', 'failed', 'failed'])
  executor.run([query('insert into t (id) values (3)', 4)])
  expect(outcomes().at(-1)).toBe('done')
  expect(committed).toEqual([0, 0, 0, 1])
})

test('a commit that fails fails the whole group', () => {
  db.exec('create table child (id integer references t (id) deferrable initially deferred)')
  executor.run([query('insert into t (id) values (1)', 1), query('insert into child (id) values (77)', 2)])
  expect(outcomes()).toEqual(['SQLITE_CONSTRAINT_FOREIGNKEY', 'SQLITE_CONSTRAINT_FOREIGNKEY'])
  expect(db.inTransaction).toBe(false)
  expect(committed).toEqual([0, 0])
})

test('while a transaction is open everybody else waits, in order', () => {
  executor.run([control('begin', 1)])
  executor.run([
    query('insert into t (id) values (1)', 1),
    query('insert into t (id) values (2)', 2),
    control('begin', 3),
  ])
  expect(answers).toHaveLength(2)
  expect(committed).toEqual([0, 0])
  executor.run([control('commit', 1)])
  expect(answers.map(({ kind }) => kind)).toEqual(['done', 'done', 'done', 'done', 'done'])
  expect(committed).toEqual([0, 0, 1, 2, 2])
  executor.run([query('insert into t (id) values (3)', 3), control('rollback', 3)])
  expect(db.inTransaction).toBe(false)
  expect(other.prepare('select id from t').all()).toHaveLength(2)
})

test('a transaction that an error rolled back does not go on outside of one', () => {
  executor.run([control('begin', 1), query('insert into t (id) values (1)', 2)])
  executor.run([query('insert into t (id) values (8)', 1)])
  executor.run([query('insert or rollback into t (id) values (8)', 1), query('insert into t (id) values (9)', 1)])
  executor.run([control('commit', 1), control('rollback', 1)])
  expect(outcomes()).toEqual([
    'done',
    'done',
    'SQLITE_CONSTRAINT_PRIMARYKEY',
    'SQLITE_IOERR',
    'SQLITE_IOERR',
    'done',
    'done',
  ])
  expect(other.prepare('select id from t').all()).toEqual([{ id: 1 }])
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../core/log.ts'
import { startSqliteWorker } from './catalog-dialect.ts'
import { createSqliteClient, MAX_WAITING_REQUESTS, type SqliteClient } from './sqlite-client.ts'

const RESTART_PAUSE_MS = 20
let folder: string
let workers: Worker[]
let client: SqliteClient

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-sqlite-'))
  workers = []
  client = open((path) => startSqliteWorker(path))
})

afterEach(async () => {
  await client[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

function open(start: (path: string) => Worker, stuckAfterMs?: number): SqliteClient {
  return createSqliteClient({
    path: join(folder, 'db'),
    startWorker: (path) => {
      const worker = start(path)
      workers.push(worker)
      return worker
    },
    log: silentLog,
    restartPauseMs: RESTART_PAUSE_MS,
    ...(stuckAfterMs === undefined ? {} : { stuckAfterMs }),
  })
}

/** After the pause that follows a death. */
async function untilRestarted(): Promise<void> {
  await expect
    .poll(
      async () =>
        await client
          .connect()
          .query('select 1', [])
          .then(
            () => true,
            () => false,
          ),
    )
    .toBe(true)
}

test('a worker that dies rejects what waits, is replaced, and what was committed is there', async () => {
  const connection = client.connect()
  await connection.query('create table t (id integer)', [])
  await connection.query('insert into t values (1)', [])
  const waiting = connection.query('select * from t', [])
  await workers[0]?.terminate()
  await Promise.allSettled([waiting])
  await expect(connection.query('select * from t', [])).rejects.toMatchObject({ code: 'database_unavailable' })
  await untilRestarted()
  expect((await connection.query('select * from t', [])).rows).toEqual([{ id: 1 }])
  expect(workers).toHaveLength(2)
})

test('a transaction does not go on in the next worker', async () => {
  const connection = client.connect()
  await connection.query('create table t (id integer)', [])
  await connection.begin()
  await connection.query('insert into t values (1)', [])
  await workers[0]?.terminate()
  await untilRestarted()
  await expect(connection.query('insert into t values (2)', [])).rejects.toMatchObject({ code: 'database_unavailable' })
  await expect(connection.commit()).rejects.toMatchObject({ code: 'database_unavailable' })
  await connection.rollback()
  expect((await connection.query('select * from t', [])).rows).toEqual([])
})

test('a worker that answers nothing is taken for stuck and replaced', async () => {
  let starts = 0
  await client[Symbol.asyncDispose]()
  client = open((path) => {
    starts += 1
    return starts === 1 ? new Worker('setInterval(() => {}, 1000)', { eval: true }) : startSqliteWorker(path)
  }, 200)
  await expect(client.connect().query('select 1', [])).rejects.toMatchObject({
    code: 'database_unavailable',
    message: expect.stringContaining('no answer'),
  })
  await untilRestarted()
})

test('more requests than may wait are refused, and an open transaction still ends', async () => {
  const owner = client.connect()
  await owner.begin()
  const waiting = Array.from({ length: MAX_WAITING_REQUESTS }, () => client.connect().query('select 1', []))
  await expect(client.connect().query('select 1', [])).rejects.toMatchObject({ code: 'database_unavailable' })
  await expect(client.connect().begin()).rejects.toMatchObject({ code: 'database_unavailable' })
  await owner.query('create table t (id integer)', [])
  await owner.commit()
  await Promise.all(waiting)
  await client.connect().query('insert into t values (1)', [])
})

test('closing waits for what was asked before', async () => {
  const connection = client.connect()
  await connection.query('create table t (id integer)', [])
  const writes = Array.from({ length: 100 }, (_, n) => connection.query('insert into t values (?)', [n]))
  await client[Symbol.asyncDispose]()
  await Promise.all(writes)
  await expect(connection.query('select 1', [])).rejects.toMatchObject({ code: 'database_unavailable' })
  client = open((path) => startSqliteWorker(path))
  expect((await client.connect().query('select count(*) as n from t', [])).rows).toEqual([{ n: 100 }])
})

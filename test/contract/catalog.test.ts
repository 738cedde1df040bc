import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CatalogLocation } from '../../src/catalog/catalog-location.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import type { Catalog } from '../../src/catalog/types.ts'
import { silentLog } from '../../src/core/log.ts'
import { startPostgres, type TestPostgres } from '../support/postgres.ts'
import { assetContract } from './assets.ts'
import { catalogContract, event, publishKey, stream } from './catalog.ts'
import { incomingContract } from './incoming.ts'
import { jobContract } from './jobs.ts'
import { recordingPolicyContract } from './recording-policies.ts'
import { recordingContract } from './recordings.ts'
import { told, webhook, webhookContract } from './webhooks.ts'

const never = new AbortController().signal
let folder: string
let postgres: TestPostgres
let files = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-catalog-'))
  postgres = await startPostgres()
}, 30_000)

afterAll(async () => {
  await postgres?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const places: Readonly<Record<string, () => Promise<CatalogLocation>>> = {
  SQLite: async () => {
    files += 1
    return { kind: 'sqlite', path: join(folder, `catalog-${files}.sqlite`) }
  },
  PostgreSQL: async () => ({ kind: 'postgres', url: await postgres.createDatabase() }),
}

function open(location: CatalogLocation): Promise<Catalog> {
  return openCatalog(location, { log: silentLog, signal: never })
}

for (const [name, place] of Object.entries(places)) {
  catalogContract(name, async () => await open(await place()))
  assetContract(name, async () => await open(await place()))
  jobContract(name, async () => await open(await place()))
  recordingContract(name, async () => await open(await place()))
  recordingPolicyContract(name, async () => await open(await place()))
  incomingContract(name, async () => await open(await place()))
  webhookContract(name, async () => await open(await place()))

  describe(`life of a catalog on ${name}`, () => {
    test('what was written is there after closing and opening', async () => {
      const location = await place()
      const first = await open(location)
      await first.streams.create(stream('demo'), publishKey('demo', 'k1'))
      await first.events.append([event('demo')])
      await first[Symbol.asyncDispose]()
      await using second = await open(location)
      expect(await second.streams.list()).toEqual([stream('demo')])
      expect(await second.events.list({ limit: 10 })).toHaveLength(1)
    })

    test('several that start at once on an empty database all come up', async () => {
      const location = await place()
      const catalogs = await Promise.all([1, 2, 3, 4].map(() => open(location)))
      await catalogs[0]!.streams.create(stream('demo'), publishKey('demo', 'k1'))
      expect(await catalogs[3]!.streams.get('demo')).toEqual(stream('demo'))
      for (const catalog of catalogs) await catalog[Symbol.asyncDispose]()
    })

    test('a database of a newer version is refused', async () => {
      const location = await place()
      await (await open(location))[Symbol.asyncDispose]()
      const statement = "insert into schema_migrations (version, name) values (999, 'from the future')"
      if (location.kind === 'sqlite') {
        new Database(location.path).exec(statement).close()
      } else {
        const client = new pg.Client({ connectionString: location.url })
        await client.connect()
        await client.query(statement)
        await client.end()
      }
      await expect(open(location)).rejects.toMatchObject({
        code: 'database_newer',
        details: { databaseVersion: 999 },
      })
    })

    test('a closed catalog rejects instead of hanging', async () => {
      const catalog = await open(await place())
      await catalog[Symbol.asyncDispose]()
      await expect(catalog.streams.list()).rejects.toThrow()
    })

    test('an aborted opening rejects with the reason', async () => {
      const reason = new Error('stop')
      const opening = openCatalog(await place(), { log: silentLog, signal: AbortSignal.abort(reason) })
      await expect(opening).rejects.toBe(reason)
    })
  })
}

describe('SQLite', () => {
  test('a file that is no database is refused with its path', async () => {
    const path = join(folder, 'letter.sqlite')
    await writeFile(path, 'Dear database, this is a letter and has been one for a very long time.\n'.repeat(20))
    await expect(open({ kind: 'sqlite', path })).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringContaining(path),
    })
  })

  test('a folder that does not exist is refused', async () => {
    const path = join(folder, 'missing', 'catalog.sqlite')
    await expect(open({ kind: 'sqlite', path })).rejects.toMatchObject({ code: 'database_unavailable' })
  })

  test('three times kill -9 in full flight: every acknowledged stream is there', async () => {
    const path = join(folder, 'killed.sqlite')
    const acknowledged: string[] = []
    for (let round = 0; round < 3; round += 1) acknowledged.push(...(await insertUntilKilled(path, round)))
    await using catalog = await open({ kind: 'sqlite', path })
    const present = new Set((await catalog.streams.list()).map(({ id }) => id))
    expect(acknowledged.length).toBeGreaterThan(150)
    expect(acknowledged.filter((id) => !present.has(id))).toEqual([])
    expect(await catalog.publishKeys.list()).toHaveLength(present.size)
  })
})

describe('PostgreSQL', () => {
  test('a server that went away is named, and used again when it is back', async () => {
    await using catalog = await open({ kind: 'postgres', url: await postgres.createDatabase() })
    await catalog.streams.create(stream('demo'), publishKey('demo', 'k1'))
    await postgres.stop()
    try {
      await expect(catalog.streams.list()).rejects.toMatchObject({ code: 'database_unavailable' })
      await expect(catalog.publishKeys.rotate(publishKey('demo', 'k2'))).rejects.toMatchObject({
        code: 'database_unavailable',
        message: expect.stringContaining('PostgreSQL at 127.0.0.1'),
      })
    } finally {
      await postgres.start()
    }
    expect(await catalog.streams.list()).toEqual([stream('demo')])
  })

  test('a webhook that is removed meanwhile does not undo what would have been told to it', async () => {
    const url = await postgres.createDatabase()
    await using catalog = await open({ kind: 'postgres', url })
    await catalog.webhooks.create(webhook('one'))
    const remover = new pg.Client({ connectionString: url })
    await remover.connect()
    try {
      await remover.query('begin')
      await remover.query("delete from webhooks where id = 'one'")
      const written = catalog.events.append([told('a')])
      const waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
      await expect.poll(async () => (await remover.query(waiting)).rowCount, { timeout: 10_000 }).toBe(1)
      await remover.query('commit')
      await written
    } finally {
      await remover.end()
    }
    expect((await catalog.events.list({ limit: 9 })).map(({ streamId }) => streamId)).toEqual(['a'])
  })

  test('nobody listening is an unavailable database, and the message keeps the password to itself', async () => {
    const error = await open({ kind: 'postgres', url: 'postgres://mirror:hush@127.0.0.1:1/mirror' }).catch((e) => e)
    expect(error).toMatchObject({ code: 'database_unavailable' })
    expect(error.message).not.toContain('hush')
  })

  test('a database that does not exist is an unavailable database', async () => {
    const url = (await postgres.createDatabase()).replace(/[^/]+$/, 'nowhere')
    await expect(open({ kind: 'postgres', url })).rejects.toMatchObject({ code: 'database_unavailable' })
  })
})

/** Starts a process that creates streams, kills it after its first hundred acknowledgements, returns what it acknowledged. */
async function insertUntilKilled(path: string, round: number): Promise<string[]> {
  const source = (file: string): string => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)))
  const code = `
    import { openCatalog } from ${source('../../src/catalog/open-catalog.ts')}
    const log = { debug() {}, info() {}, warn() {}, error() {}, child() { return log } }
    const catalog = await openCatalog({ kind: 'sqlite', path: process.argv[1] }, { log, signal: new AbortController().signal })
    async function insert(lane) {
      for (let n = 0; ; n += 1) {
        const id = ['r' + process.argv[2], lane, n].join('-')
        const stream = { id, tenantId: 'default', name: id, settings: {}, createdAtMs: 1, updatedAtMs: 1 }
        await catalog.streams.create(stream, { id, streamId: id, sealed: id, lookup: id, createdAtMs: 1 })
        process.stdout.write(id + '.\\n')
      }
    }
    await Promise.all([0, 1, 2, 3].map(insert))
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, path, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const acknowledged: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.endsWith('.')) continue // The kill may cut the last line.
    acknowledged.push(line.slice(0, -1))
    if (acknowledged.length === 100) child.kill('SIGKILL')
  }
  expect((await exited)[1]).toBe('SIGKILL')
  return acknowledged
}

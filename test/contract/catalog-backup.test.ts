// A catalog goes into a backup and comes back, on both databases and from one to the other; what cannot be used harms nothing.
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { backUpCatalog, type FinishedBackup } from '../../src/backup/back-up-catalog.ts'
import { type RestoredCatalog, type RestoreOrder, restoreCatalog } from '../../src/backup/restore-catalog.ts'
import { listBackups } from '../../src/backup/stored-backups.ts'
import { BACKED_UP_TABLES, LEFT_OUT_TABLES } from '../../src/catalog/backup-tables.ts'
import type { CatalogLocation } from '../../src/catalog/catalog-location.ts'
import { withCatalogSnapshot } from '../../src/catalog/catalog-snapshot.ts'
import { NEWEST_VERSION } from '../../src/catalog/migrations.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import { allTables, openRawDatabase } from '../../src/catalog/raw-database.ts'
import type { Catalog, DateRangeRow } from '../../src/catalog/types.ts'
import { MirrorError } from '../../src/core/errors.ts'
import { silentLog } from '../../src/core/log.ts'
import { collect } from '../../src/storage/collect.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { catalogBackupKey } from '../../src/storage/keys.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import { notRun } from '../not-run.ts'
import { startPostgres, type TestPostgres } from '../support/postgres.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'
import { asset, rendition } from './assets.ts'
import { attachedStore, event, publishKey, stream } from './catalog.ts'
import { recordingPolicy } from './recording-policies.ts'
import { callRecording } from './recordings.ts'
import { webhook } from './webhooks.ts'

const NOW_MS = Date.parse('2026-11-21T10:00:00Z')
const signal = new AbortController().signal
const options = { log: silentLog, signal }
/** More than two pages of rows. */
const MANY = 450

let folder: string
let postgres: TestPostgres
let files = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-backup-'))
  postgres = await startPostgres()
}, 30_000)

afterAll(async () => {
  await postgres?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const PLACES = {
  SQLite: async (): Promise<CatalogLocation> => {
    files += 1
    return { kind: 'sqlite', path: join(folder, `catalog-${files}.sqlite`) }
  },
  PostgreSQL: async (): Promise<CatalogLocation> => ({ kind: 'postgres', url: await postgres.createDatabase() }),
} as const
type Place = keyof typeof PLACES
const KINDS = Object.keys(PLACES) as Place[]

describe.concurrent.each(KINDS)('a catalog on %s', (kind) => {
  test('every table is backed up, or left out for a reason', async () => {
    const location = await PLACES[kind]()
    await (await openCatalog(location, options))[Symbol.asyncDispose]()
    const db = openRawDatabase(location, options)
    try {
      const known = [...Object.keys(BACKED_UP_TABLES), ...Object.keys(LEFT_OUT_TABLES)]
      expect([...(await allTables(db, location.kind))].sort()).toEqual(known.sort())
    } finally {
      await db.destroy()
    }
  })

  test('a snapshot is of one moment, and writing goes on while it is read', async () => {
    const location = await PLACES[kind]()
    await using catalog = await filled(location)
    const read = await withCatalogSnapshot(location, options, async (snapshot) => {
      const rows = snapshot.rows()
      const first = await rows.next()
      await catalog.streams.create(stream('late'), publishKey('late', 'late-key'))
      await catalog.users.remove('u1')
      const names = [first.done === true ? '' : first.value.values['id']]
      for await (const { table, values } of rows) if (table !== 'date_ranges') names.push(values['id'] ?? values['key'])
      return names
    })
    expect(read).not.toContain('late')
    expect(read).not.toContain('late-key')
    expect(read).toContain('u1')
    expect(await catalog.streams.get('late')).not.toBeNull()
  })

  test.each(KINDS)('comes back on %s as it was, and takes what is new', async (target) => {
    const from = await PLACES[kind]()
    const store = createMemoryStore({ nowMs: Date.now })
    await using before = await filled(from)
    const { rows } = await backUp(from, store)
    expect(rows).toEqual({
      ...{
        streams: 2,
        publish_keys: 3,
        users: 1,
        api_keys: 1,
        date_ranges: MANY,
        dvr_recordings: 1,
        recording_policies: 2,
        recordings: 1,
        assets: 1,
        asset_tags: 2,
        asset_renditions: 1,
        stores: 1,
        webhooks: 1,
        small_objects: 1,
      },
    })
    const to = await PLACES[target]()
    const restored = await restore(to, store)
    expect(restored).toMatchObject({ rows, keptAside: null, schemaVersion: NEWEST_VERSION })
    await using after = await openCatalog(to, options)
    expect(await contents(after)).toEqual(await contents(before))
    expect(await after.users.findByName('ÄNNE')).toMatchObject({ id: 'u1' })
    expect(await smallObjects(to)).toEqual([['timeline/a/0.json', '00ff0a7b']])
    // What was logged in is not logged in again, and what was done is not done again.
    expect(await after.sessions.find('session', 0)).toBeNull()
    expect(await after.events.list({ limit: 10 })).toEqual([])
    // New rows find a number of their own.
    await after.publishKeys.add(publishKey('a', 'k4'))
    expect((await after.publishKeys.list('a')).map(({ id }) => id)).toEqual(['k4', 'k2', 'k1'])
  })

  test('a catalog with data is left alone, and with leave to replace it is kept aside', async () => {
    const location = await PLACES[kind]()
    const store = createMemoryStore({ nowMs: Date.now })
    await (await filled(location))[Symbol.asyncDispose]()
    await backUp(location, store)
    await using changed = await openCatalog(location, options)
    await changed.streams.create(stream('since'), publishKey('since', 'since-key'))
    await changed[Symbol.asyncDispose]()
    await expect(restore(location, store)).rejects.toMatchObject({
      code: 'catalog_not_empty',
      message: expect.stringContaining('3 rows in streams'),
    })
    expect(await streamIds(location)).toEqual(['a', 'b', 'since'])
    const { keptAside } = await restore(location, store, { isReplacing: true })
    expect(await streamIds(location)).toEqual(['a', 'b'])
    expect(await streamIds(asideOf(location, keptAside))).toEqual(['a', 'b', 'since'])
  })

  test('a catalog without rows is replaced without being asked', async () => {
    const store = createMemoryStore({ nowMs: Date.now })
    const from = await PLACES[kind]()
    await (await filled(from))[Symbol.asyncDispose]()
    await backUp(from, store)
    const location = await PLACES[kind]()
    await (await openCatalog(location, options))[Symbol.asyncDispose]()
    await restore(location, store)
    expect(await streamIds(location)).toEqual(['a', 'b'])
  })

  test('a backup of an older Mirror is migrated', async () => {
    const location = await PLACES[kind]()
    const head = { ...HEAD, schemaVersion: 1, tables: ['streams', 'publish_keys', 'users', 'api_keys'] }
    const old = { id: 'old', tenant_id: 'default', name: '', settings: '{}', created_at_ms: 1, updated_at_ms: 1 }
    const restored = await restore(location, await storeWith(backupText(head, [['streams', old]])))
    expect(restored).toMatchObject({ schemaVersion: 1, rows: { streams: 1, users: 0 } })
    await using catalog = await openCatalog(location, options)
    expect(await catalog.dateRanges.list({ streamId: 'old' })).toEqual([])
    expect(await catalog.streams.get('old')).toMatchObject({ settings: { segmentMs: 2000 } })
  })

  test('a backup that contradicts itself is refused as a whole', async () => {
    const location = await PLACES[kind]()
    await (await filled(location))[Symbol.asyncDispose]()
    const orphan = { id: 'k', stream_id: 'nowhere', sealed: 's', lookup: 'l', created_at_ms: 1 }
    const rows = [
      ['streams', { id: 'new', tenant_id: 'default', name: '', settings: '{}', created_at_ms: 1, updated_at_ms: 1 }],
      ['publish_keys', orphan],
    ] as const
    for (const text of [
      backupText(HEAD, rows),
      backupText(HEAD, [['streams', { id: 'new', colour: 'blue' }]]),
      backupText({ ...HEAD, tables: ['sessions'] }, [['sessions', { hash: 'h' }]]),
    ]) {
      const refused = restore(location, await storeWith(text), { isReplacing: true })
      await expect(refused).rejects.toMatchObject({ code: 'backup_damaged' })
    }
    expect(await streamIds(location)).toEqual(['a', 'b'])
    if (location.kind === 'sqlite') expect(existsSync(`${location.path}.restoring`)).toBe(false)
  })
})

describe.concurrent('a backup that cannot be used', () => {
  let location: CatalogLocation
  let whole: Buffer

  beforeAll(async () => {
    location = await PLACES.SQLite()
    const store = createMemoryStore({ nowMs: Date.now })
    await (await filled(location))[Symbol.asyncDispose]()
    whole = await bytesOf(store, await backUp(location, store))
  })

  const refusalOf = async (bytes: Uint8Array) => {
    const file = join(folder, `bad-${randomUUID()}.jsonl.gz`)
    await writeFile(file, bytes)
    const error = await restore(location, createMemoryStore({ nowMs: Date.now }), {
      from: file,
      isReplacing: true,
    }).catch((thrown: unknown) => thrown)
    return error instanceof MirrorError ? error.code : error
  }

  test('cut off anywhere it is damaged', async () => {
    for (const length of [0, 1, 10, 30, ...steps(whole.length, 25), whole.length - 9, whole.length - 1]) {
      expect([length, await refusalOf(whole.subarray(0, length))]).toEqual([length, 'backup_damaged'])
    }
    expect(await streamIds(location)).toEqual(['a', 'b'])
  })

  test('changed anywhere it is damaged, packed or unpacked', async () => {
    const flipped = (bytes: Buffer, at: number) => {
      const copy = Buffer.from(bytes)
      copy[at] = (copy[at] ?? 0) ^ 1
      return copy
    }
    for (const at of steps(whole.length, 25).slice(1)) {
      expect([at, await refusalOf(flipped(whole, at))]).toEqual([at, 'backup_damaged'])
    }
    const text = gunzipSync(whole)
    for (const at of steps(text.length, 25)) {
      expect([at, await refusalOf(gzipSync(flipped(text, at)))]).toEqual([at, 'backup_damaged'])
    }
    expect(await refusalOf(gzipSync(`${text}more\n`))).toBe('backup_damaged')
    expect(await refusalOf(gzipSync('Dear catalog, this is a letter.\n'))).toBe('backup_damaged')
    expect(await refusalOf(text)).toBe('backup_damaged')
  })

  test('of a newer Mirror it says so', async () => {
    const text = gunzipSync(whole).toString('utf8')
    const newer = text.replace('"mirrorCatalogBackup":1', '"mirrorCatalogBackup":2')
    expect(await refusalOf(gzipSync(newer))).toBe('backup_newer')
    const head = { ...HEAD, schemaVersion: NEWEST_VERSION + 1 }
    expect(await refusalOf(backupText(head, []))).toBe('backup_newer')
    expect(await streamIds(location)).toEqual(['a', 'b'])
  })

  test('a name or file that is not there is not found', async () => {
    const store = createMemoryStore({ nowMs: Date.now })
    for (const from of [null, 'yesterday', '2026-11-21T10-00-00Z-abc', join(folder, 'no.jsonl.gz')]) {
      await expect(restore(location, store, { from, isReplacing: true })).rejects.toMatchObject({
        code: 'backup_not_found',
      })
    }
  })
})

describe.concurrent('backing up', () => {
  let location: CatalogLocation

  beforeAll(async () => {
    location = await PLACES.SQLite()
    await (await filled(location))[Symbol.asyncDispose]()
  })

  test('a store that gives back other bytes than it was given has no backup', async () => {
    const store = createMemoryStore({ nowMs: Date.now })
    const altering: ObjectStore = {
      ...store,
      put: async (key, body, call) => {
        const bytes = Buffer.concat(body instanceof Uint8Array ? [body] : [await collect(body)])
        return await store.put(key, Buffer.concat([bytes, Buffer.from([0])]), call)
      },
    }
    await expect(backUp(location, altering)).rejects.toMatchObject({ code: 'backup_damaged' })
    expect(await listBackups(store, { signal })).toEqual([])
  })

  test('works on a store without conditional creation', async () => {
    const store = createMemoryStore({ nowMs: Date.now })
    const unable: ObjectStore = {
      ...store,
      put: async (key, body, call) => {
        if (call.ifAbsent === true) throw new MirrorError('store_cannot', 'no conditions here')
        return await store.put(key, body, call)
      },
    }
    expect((await backUp(location, unable)).rows['streams']).toBe(2)
  })

  test('thins what is old, leaves alone what is no backup, and leaves no file behind', async () => {
    const store = createMemoryStore({ nowMs: Date.now })
    const foreign = catalogBackupKey({ name: 'notes' })
    await store.put(foreign, Buffer.from('mine'), { signal, contentType: 'text/plain' })
    const host = hostOf(location, store, NOW_MS)
    for (let minute = 0; minute < 5; minute += 1) {
      await backUpCatalog({ ...host, now: () => NOW_MS + minute * 60_000 }, { signal })
    }
    expect((await listBackups(store, { signal })).map(({ atMs }) => (atMs - NOW_MS) / 60_000)).toEqual([4, 3, 2])
    expect(await store.head(foreign, { signal })).not.toBeNull()
    expect(await readdir(host.scratchDir)).toEqual([])
  })

  test('a catalog that is not there is no catalog to back up', async () => {
    const path = join(folder, 'missing.sqlite')
    const backup = backUp({ kind: 'sqlite', path }, createMemoryStore({ nowMs: Date.now }))
    await expect(backup).rejects.toMatchObject({ code: 'database_unavailable' })
    expect(existsSync(path)).toBe(false)
  })

  test('a cancelled one rejects with the reason and leaves nothing', async () => {
    const reason = new Error('stop')
    const store = createMemoryStore({ nowMs: Date.now })
    const backup = backUpCatalog(hostOf(location, store, NOW_MS), { signal: AbortSignal.abort(reason) })
    await expect(backup).rejects.toBe(reason)
    expect(await listBackups(store, { signal })).toEqual([])
  })
})

test.concurrent('a SQLite file that is damaged is not taken for empty, and is kept aside byte for byte', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  const from = await PLACES.SQLite()
  await (await filled(from))[Symbol.asyncDispose]()
  await backUp(from, store)
  const path = join(folder, 'damaged.sqlite')
  const noise = createHash('sha512').update('noise').digest().toString('hex').repeat(100)
  await writeFile(path, noise)
  await writeFile(`${path}-wal`, 'the rest of it')
  const location = { kind: 'sqlite', path } as const
  await expect(restore(location, store)).rejects.toMatchObject({ code: 'catalog_not_empty' })
  const { keptAside } = await restore(location, store, { isReplacing: true })
  expect(await readFile(keptAside ?? '', 'utf8')).toBe(noise)
  expect(await readFile(`${keptAside}-wal`, 'utf8')).toBe('the rest of it')
  expect(await streamIds(location)).toEqual(['a', 'b'])
})

test.concurrent('what a killed SQLite catalog has in its log is kept aside with it', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  const from = await PLACES.SQLite()
  await using open = await filled(from)
  await backUp(from, store)
  // As a kill leaves it: a copy of the files while they are in use.
  const path = join(folder, 'killed.sqlite')
  if (from.kind !== 'sqlite') throw new Error('SQLite has a path')
  for (const suffix of ['', '-wal']) await copyFile(`${from.path}${suffix}`, `${path}${suffix}`)
  expect((await open.streams.list()).length).toBe(2)
  const { keptAside } = await restore({ kind: 'sqlite', path }, store, { isReplacing: true })
  expect(await streamIds({ kind: 'sqlite', path: keptAside ?? '' })).toEqual(['a', 'b'])
  expect(await streamIds({ kind: 'sqlite', path })).toEqual(['a', 'b'])
})

test.concurrent('a PostgreSQL catalog that a Mirror uses is not replaced', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  const location = await PLACES.PostgreSQL()
  await using catalog = await filled(location)
  await backUp(location, store)
  await expect(restore(location, store, { isReplacing: true })).rejects.toMatchObject({ code: 'catalog_in_use' })
  expect((await catalog.streams.list()).map(({ id }) => id)).toEqual(['a', 'b'])
})

test.concurrent('a backup tells whether the installation secret opens its publish keys', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  const from = await PLACES.SQLite()
  await (await filled(from))[Symbol.asyncDispose]()
  await backUp(from, store)
  const readable = async (openSealed: ((sealed: string) => string | null) | null) => {
    const host = { ...hostOf(await PLACES.SQLite(), store, NOW_MS), openSealed }
    return (await restoreCatalog(host, { from: null, isReplacing: false }, { signal })).isReadable
  }
  expect(await readable((sealed) => sealed)).toBe(true)
  expect(await readable(() => null)).toBe(false)
  expect(await readable(null)).toBe(false)
})

const STORES: Readonly<Record<string, () => Promise<ObjectStore>>> = {
  'a folder': async () => await openFolderStore(await mkdtemp(join(folder, 'store-')), { randomId: randomUUID }),
  'Ceph RADOS Gateway': async () =>
    openS3Store(await createTestBucket('rgw'), { randomId: randomUUID, nowMs: Date.now }),
}
const missing = rgwMissing()
if (missing !== null) notRun('backups on Ceph RADOS Gateway', missing)

for (const [name, open] of Object.entries(STORES)) {
  test.skipIf(name !== 'a folder' && missing !== null)(
    `a catalog comes back from ${name}`,
    { timeout: 90_000 },
    async () => {
      await using store = await open()
      const from = await PLACES.SQLite()
      await using before = await filled(from)
      const first = await backUp(from, store, NOW_MS)
      await before.streams.remove('b')
      const second = await backUp(from, store, NOW_MS + 3_600_000)
      expect((await listBackups(store, { signal })).map((each) => each.name)).toEqual([second.name, first.name])
      const [newest, older] = [await PLACES.SQLite(), await PLACES.SQLite()]
      await restore(newest, store)
      await restore(older, store, { from: first.name })
      expect(await streamIds(newest)).toEqual(['a'])
      expect(await streamIds(older)).toEqual(['a', 'b'])
    },
  )
}

const HEAD = {
  createdAt: new Date(NOW_MS).toISOString(),
  mirrorVersion: '0.0.0',
  schemaVersion: NEWEST_VERSION,
  database: 'sqlite',
  tables: ['streams', 'publish_keys'],
  leftOut: {},
} as const

/** A backup as another Mirror may have written it: whole, whatever it says. */
function backupText(head: object, rows: readonly (readonly [string, object])[]): Buffer {
  const lines = [{ mirrorCatalogBackup: 1, ...head }, ...rows].map((line) => `${JSON.stringify(line)}\n`)
  const { tables } = head as { readonly tables: readonly string[] }
  const counts = tables.map((table) => [table, rows.filter(([name]) => name === table).length])
  const sha256 = createHash('sha256').update(lines.join('')).digest('hex')
  const end = JSON.stringify({ end: true, rows: Object.fromEntries(counts), sha256 })
  return gzipSync(`${lines.join('')}${end}\n`)
}

async function storeWith(backup: Uint8Array): Promise<ObjectStore> {
  const store = createMemoryStore({ nowMs: Date.now })
  const key = catalogBackupKey({ name: '2026-11-21T10-00-00Z-made' })
  await store.put(key, backup, { signal, contentType: 'application/gzip' })
  return store
}

/** Something in every table; texts that two databases could write differently. */
async function filled(location: CatalogLocation): Promise<Catalog> {
  const catalog = await openCatalog(location, options)
  await catalog.streams.create({ ...stream('a'), name: 'Übung \'eins\' \\ "zwei"\n🎥' }, publishKey('a', 'k1'))
  await catalog.streams.create(stream('b'), publishKey('b', 'k3'))
  await catalog.publishKeys.add(publishKey('a', 'k2'))
  const recording = { id: 'r1', streamId: 'a', title: 'Kept', startsAtMs: NOW_MS, endsAtMs: null, failure: null }
  await catalog.dvrRecordings.begin(recording)
  await catalog.recordingPolicies.set(recordingPolicy('p1'), () => [])
  await catalog.recordingPolicies.set(recordingPolicy('p2', { retentionDays: 7 }), () => [])
  await catalog.recordings.add(callRecording('r1', { policyId: 'p2' }))
  await catalog.assets.add(asset('x1', { tags: ['red', 'blue'] }))
  await catalog.jobs.add({ id: 'j1', kind: 'asset', payload: {} }, NOW_MS)
  const job = await catalog.jobs.claim({ kinds: ['asset'], owner: 'me', nowMs: NOW_MS, leaseMs: 1000 })
  await catalog.assets.saveRendition(rendition('x1', 'thumbnail'), { id: 'j1', fence: job?.fence ?? 0 })
  const user = { id: 'u1', name: 'Änne', role: 'admin', passwordHash: 'scrypt$1', createdAtMs: NOW_MS } as const
  await catalog.users.create(user)
  const key = { id: 'p1', name: 'cli', role: 'viewer', hash: 'abc', createdAtMs: NOW_MS, lastUsedAtMs: null } as const
  await catalog.apiKeys.create(key)
  await catalog.stores.create(attachedStore('attic'))
  await catalog.webhooks.create(webhook('shop', { types: ['asset.*'], lastSuccessAtMs: NOW_MS }))
  await catalog.sessions.create({ hash: 'session', userId: 'u1', createdAtMs: 0, expiresAtMs: NOW_MS })
  await catalog.events.append([event('a')])
  const ranges = Array.from({ length: MANY }, (_, n): DateRangeRow => {
    const range = {
      ...{ id: `ad-${n}`, class: null, startMs: NOW_MS + n, endMs: null, durationSec: 0.04 * n },
      ...{ plannedDurationSec: null, isEndOnNext: false, attributes: [] },
    }
    return { streamId: n % 2 === 0 ? 'a' : 'b', range, endsAtMs: null, createdAtMs: NOW_MS }
  })
  await Promise.all(ranges.map((range) => catalog.dateRanges.add(range)))
  const statement = `insert into small_objects (key, body, etag, modified_at_ms)
    values ('timeline/a/0.json', ${location.kind === 'sqlite' ? "x'00ff0a7b'" : "'\\x00ff0a7b'"}, 'e', 7)`
  if (location.kind === 'sqlite') new Database(location.path).exec(statement).close()
  else await onPostgres(location.url, (client) => client.query(statement))
  return catalog
}

async function contents(catalog: Catalog): Promise<unknown> {
  return {
    streams: await catalog.streams.list(),
    keys: await Promise.all(['a', 'b'].map((id) => catalog.publishKeys.list(id))),
    users: await catalog.users.list(),
    apiKeys: await catalog.apiKeys.list(),
    dateRanges: await catalog.dateRanges.list({}),
    recordings: await catalog.dvrRecordings.list({ limit: 10 }),
    calls: await catalog.recordings.list({ tenantId: 'default', limit: 10 }),
    policies: await catalog.recordingPolicies.history('default', 10),
    assets: await catalog.assets.list({ tenantId: 'default', limit: 10, tags: ['red'], words: ['bild'] }),
    renditions: await catalog.assets.renditions('default', ['x1']),
    stores: await catalog.stores.list(),
    webhooks: await catalog.webhooks.list('default'),
  }
}

async function smallObjects(location: CatalogLocation): Promise<readonly (readonly [string, string])[]> {
  const db = openRawDatabase(location, options)
  try {
    const rows = await db.selectFrom('small_objects').selectAll().execute()
    return rows.map((row) => [String(row['key']), Buffer.from(row['body'] as Uint8Array).toString('hex')])
  } finally {
    await db.destroy()
  }
}

async function streamIds(location: CatalogLocation): Promise<readonly string[]> {
  const db = openRawDatabase(location, options)
  try {
    return (await db.selectFrom('streams').select('id').orderBy('id').execute()).map(({ id }) => String(id))
  } finally {
    await db.destroy()
  }
}

function asideOf(location: CatalogLocation, keptAside: string | null): CatalogLocation {
  if (location.kind === 'sqlite') return { kind: 'sqlite', path: keptAside ?? '' }
  const [schema = ''] = /mirror_replaced_\w+/.exec(keptAside ?? '') ?? []
  return { kind: 'postgres', url: `${location.url}?options=${encodeURIComponent(`-c search_path=${schema}`)}` }
}

async function onPostgres(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await work(client)
  await client.end()
}

function hostOf(location: CatalogLocation, store: ObjectStore, nowMs: number) {
  return {
    ...{ location, store, log: silentLog, now: () => nowMs },
    scratchDir: join(folder, randomUUID()),
    mirrorVersion: '0.0.0-test',
    randomId: () => randomUUID().slice(0, 8),
  }
}

async function backUp(location: CatalogLocation, store: ObjectStore, nowMs = NOW_MS): Promise<FinishedBackup> {
  return await backUpCatalog(hostOf(location, store, nowMs), { signal })
}

async function restore(
  location: CatalogLocation,
  store: ObjectStore,
  order: Partial<RestoreOrder> = {},
): Promise<RestoredCatalog> {
  const host = { ...hostOf(location, store, NOW_MS), openSealed: null }
  return await restoreCatalog(host, { from: null, isReplacing: false, ...order }, { signal })
}

async function bytesOf(store: ObjectStore, backup: FinishedBackup): Promise<Buffer> {
  await using body = await store.get(catalogBackupKey(backup), { signal })
  return Buffer.from(body === null ? [] : await collect(body.chunks))
}

/** From 0 to below `end`, so many and evenly spread. */
function steps(end: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => Math.floor((index * end) / count))
}

// Any sequence of calls on a store answers as a map would: made at random, judged against a model, shrunk when it fails.
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import { silentLog } from '../../src/core/log.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { openPostgresStore } from '../../src/storage/postgres-store.ts'
import { MIN_PART_BYTES } from '../../src/storage/s3-settings.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import { FAST_DISK } from '../support/fast-disk.ts'
import { startPostgres } from '../support/postgres.ts'
import { restless } from '../support/restless-store.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'
import { judge } from '../support/store-judge.ts'
import { type Ground, sequences } from '../support/store-operations.ts'

const isLong = process.env['TEST_LONG'] === '1'
const LONG_MS = 3_600_000
/** A folder is written in steps of 256 KiB; a body in memory in steps of 4 MiB. */
const FOLDER_SIZES = [256 * 1024, 256 * 1024 + 1, 300_000]
/** On a disk in memory: what a real one keeps through a power failure is not asked here, and it would only be slower. */

/** fast-check prints the seed and the shortest sequence that fails. */
async function hold(handles: readonly [ObjectStore, ObjectStore], count: number, ground: Ground): Promise<void> {
  const property = fc.asyncProperty(sequences(ground), (operations) => judge(handles, operations))
  await fc.assert(property, { numRuns: count })
}

test(
  'a store in memory answers as the model',
  async () => {
    const store = createMemoryStore({ nowMs: Date.now })
    await hold([store, store], isLong ? 20_000 : 300, { largeBytes: [300_000] })
  },
  LONG_MS,
)

test(
  'a folder that two share answers as the model, and nothing is left in it',
  async () => {
    const folder = await mkdtemp(join(FAST_DISK, 'mirror-sequences-'))
    await using away = new AsyncDisposableStack()
    away.defer(() => rm(folder, { recursive: true, force: true }))
    const open = async () => away.use(await openFolderStore(folder, { randomId: randomUUID }))
    await hold([await open(), await open()], isLong ? 80_000 : 150, { largeBytes: FOLDER_SIZES })
    expect(await readdir(folder)).toEqual(['.tmp'])
    expect((await readdir(join(folder, '.tmp'))).filter((name) => !name.startsWith('lock.sqlite'))).toEqual([])
  },
  LONG_MS,
)

test(
  'folders as tiers, whose objects move as soon as they are there, answer as the model',
  async () => {
    const folder = await mkdtemp(join(FAST_DISK, 'mirror-sequences-'))
    await using away = new AsyncDisposableStack()
    away.defer(() => rm(folder, { recursive: true, force: true }))
    const [warm, cold, archive] = [join(folder, 'warm'), join(folder, 'cold'), join(folder, 'archive')]
    const tiers = { warm, cold, archive, restoreDelayMs: 0 }
    const open = async () => {
      const store = away.use(await openFolderStore(join(folder, 'hot'), { randomId: randomUUID, tiers }))
      return restless(store, ['warm', 'cold', 'hot'])
    }
    await hold([await open(), await open()], isLong ? 20_000 : 60, { largeBytes: FOLDER_SIZES })
    const left = await readdir(folder, { recursive: true, withFileTypes: true })
    expect(left.filter((entry) => entry.isFile() && !entry.name.startsWith('lock.sqlite'))).toEqual([])
  },
  LONG_MS,
)

test(
  'folders of tiers answer as the model while objects are moved between them, at any moment',
  async () => {
    const folder = await mkdtemp(join(FAST_DISK, 'mirror-sequences-'))
    await using away = new AsyncDisposableStack()
    away.defer(() => rm(folder, { recursive: true, force: true }))
    const [warm, cold, archive] = ['warm', 'cold', 'archive'].map((tier) => join(folder, tier)) as [
      string,
      string,
      string,
    ]
    const tiers = { warm, cold, archive, restoreDelayMs: 0 }
    const open = async () => away.use(await openFolderStore(join(folder, 'hot'), { randomId: randomUUID, tiers }))
    const ground = { largeBytes: FOLDER_SIZES, tiers: ['warm', 'cold'] } as const
    await hold([await open(), await open()], isLong ? 20_000 : 120, ground)
    for (const tier of ['hot', 'warm', 'cold', 'archive']) {
      expect((await readdir(join(folder, tier))).filter((name) => !name.startsWith('.'))).toEqual([])
    }
  },
  LONG_MS,
)

test(
  'PostgreSQL, through which origins agree, answers as the model',
  async () => {
    await using postgres = await startPostgres()
    const url = await postgres.createDatabase()
    // The catalog's migrations make the table.
    await using _catalog = await openCatalog(
      { kind: 'postgres', url },
      { log: silentLog, signal: new AbortController().signal },
    )
    await using one = openPostgresStore(url, { nowMs: Date.now })
    await using other = openPostgresStore(url, { nowMs: Date.now })
    await hold([one, other], isLong ? 2000 : 20, { largeBytes: [300_000] })
  },
  LONG_MS,
)

test.skipIf(rgwMissing() !== null)(
  'a bucket answers as the model',
  async () => {
    const bucket = await createTestBucket('rgw')
    const open = () => openS3Store(bucket, { randomId: randomUUID, nowMs: Date.now })
    await using one = open()
    await using other = open()
    await hold([one, other], isLong ? 500 : 5, { largeBytes: [300_000, MIN_PART_BYTES + 1] })
  },
  LONG_MS,
)

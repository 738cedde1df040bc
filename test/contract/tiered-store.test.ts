// Tiers on folders and on S3 servers: a class of its own on Ceph, and a server that ignores them.
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMirrorError } from '../../src/core/errors.ts'
import { type FolderTiers, openFolderStore } from '../../src/storage/folder-store.ts'
import type { S3Settings } from '../../src/storage/s3-settings.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import type { TieredStore } from '../../src/storage/tiers.ts'
import { notRun } from '../not-run.ts'
import { RGW_COLD_CLASS, rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'
import { versitygwMissing } from '../support/versitygw.ts'
import { objectStoreContract } from './object-store.ts'
import { bytesOf, key, tieredStoreContract } from './tiered-store.ts'

const START_TIMEOUT_MS = 90_000
const call = { signal: new AbortController().signal }
const put = { ...call, contentType: 'video/mp4' }
const options = { randomId: randomUUID, nowMs: Date.now }
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-tiers-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

function tiersOf(root: string): FolderTiers {
  const [warm, cold, archive] = [join(root, 'warm'), join(root, 'cold'), join(root, 'archive')]
  return { warm, cold, archive, restoreDelayMs: 5000 }
}

async function openFolders(root?: string, nowMs: () => number = Date.now): Promise<TieredStore> {
  const at = root ?? (await mkdtemp(join(folder, 'store-')))
  return await openFolderStore(join(at, 'hot'), { randomId: randomUUID, tiers: tiersOf(at), nowMs })
}

tieredStoreContract('folders', () => openFolders(), { colder: ['warm', 'cold'] })
objectStoreContract('folders with tiers', () => openFolders())

test('what is deleted while it moves stays deleted, whoever is faster', async () => {
  const root = await mkdtemp(join(folder, 'store-'))
  await using mover = await openFolders(root)
  await using deleter = await openFolders(root)
  const keys = Array.from({ length: 60 }, (_, n) => key(`hour/${n}`))
  for (let round = 0; round < 4; round += 1) {
    await Promise.all(keys.map((each) => mover.put(each, Buffer.from('x'), put)))
    const moving = keys.map(async (each) => {
      const copy = await mover.copyToTier(each, round % 2 === 0 ? 'cold' : 'warm', call)
      return copy !== null && (await mover.release(copy, call))
    })
    await Promise.all([...moving, deleter.delete(keys.toReversed(), call)])
    expect(await filesIn(root)).toEqual([])
  }
})

test('a move that is killed while its objects are deleted brings none of them back', async () => {
  const root = await mkdtemp(join(folder, 'store-'))
  await using store = await openFolders(root)
  const keys = Array.from({ length: 60 }, (_, n) => key(`hour/${n}`))
  for (let round = 0; round < 4; round += 1) {
    await Promise.all(keys.map((each) => store.put(each, Buffer.from('x'), put)))
    // Killed: nothing is released.
    const moving = keys.map((each) => store.copyToTier(each, 'cold', call))
    await Promise.all([...moving, store.delete(keys.toReversed(), call)])
    expect(await filesIn(root)).toEqual([])
  }
})

describe('the archive of folders', () => {
  const readText = async (store: TieredStore): Promise<string> => {
    await using body = await store.get(key('a/b'), call)
    return (await bytesOf(body)).toString()
  }

  test('an archived object is read after it was restored, and no more when that has expired', async () => {
    let nowMs = 1_000_000
    await using store = await openFolders(undefined, () => nowMs)
    await store.put(key('a/b'), Buffer.from('kept'), put)
    const copy = await store.copyToTier(key('a/b'), 'archive', call)
    expect(copy).toMatchObject({ from: 'hot', to: 'archive', sizeBytes: 4 })
    expect(copy?.sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(await readText(store)).toBe('kept') // Not released yet.
    if (copy !== null) await store.release(copy, call)

    expect(await store.head(key('a/b'), call)).toMatchObject({ tier: 'archive', restore: { kind: 'archived' } })
    await expect(readText(store)).rejects.toMatchObject({ code: 'object_archived', details: { restore: 'archived' } })
    await expect(store.copyToTier(key('a/b'), 'hot', call)).rejects.toMatchObject({ code: 'object_archived' })

    const keep = { ...call, keepMs: 60_000 }
    expect(await store.restore(key('a/b'), keep)).toEqual({ kind: 'restoring', readyAtMs: 1_005_000 })
    nowMs += 4000
    expect(await store.restore(key('a/b'), keep)).toEqual({ kind: 'restoring', readyAtMs: 1_005_000 })
    await expect(readText(store)).rejects.toMatchObject({
      code: 'object_archived',
      message: 'a/b is being restored, ready at 1970-01-01T00:16:45.000Z',
      details: { readyAtMs: 1_005_000 },
    })
    nowMs += 1000
    expect(await store.restore(key('a/b'), keep)).toEqual({ kind: 'restored', untilMs: 1_065_000 })
    expect(await readText(store)).toBe('kept')
    await using body = await store.get(key('a/b'), call)
    expect(body?.info).toEqual(await store.head(key('a/b'), call))
    expect(await store.restore(key('a/b'), { ...call, keepMs: 90_000 })).toEqual({
      kind: 'restored',
      untilMs: 1_095_000,
    })

    nowMs = 1_095_000
    await expect(readText(store)).rejects.toMatchObject({ details: { restore: 'archived' } })
  })

  test('a restored object moves up again, and nothing of it is left behind', async () => {
    const root = await mkdtemp(join(folder, 'store-'))
    let nowMs = 0
    await using store = await openFolders(root, () => nowMs)
    await store.put(key('a/b'), Buffer.from('kept'), put)
    const down = await store.copyToTier(key('a/b'), 'archive', call)
    if (down !== null) await store.release(down, call)
    await store.restore(key('a/b'), { ...call, keepMs: 60_000 })
    nowMs += 5000
    await store.restore(key('a/b'), { ...call, keepMs: 60_000 })
    const up = await store.copyToTier(key('a/b'), 'hot', call)
    expect(up !== null && (await store.release(up, call))).toBe(true)
    expect(await readText(store)).toBe('kept')
    expect(await filesIn(root)).toEqual(['hot/a/b'])
  })

  test('copies that have expired are swept when the store is opened', async () => {
    const root = await mkdtemp(join(folder, 'store-'))
    let nowMs = 0
    const clock = () => nowMs
    const first = await openFolders(root, clock)
    await first.put(key('a/b'), Buffer.from('kept'), put)
    const down = await first.copyToTier(key('a/b'), 'archive', call)
    if (down !== null) await first.release(down, call)
    await first.restore(key('a/b'), { ...call, keepMs: 1000 })
    nowMs += 5000
    await first.restore(key('a/b'), { ...call, keepMs: 1000 })
    expect((await filesIn(root)).length).toBe(3)
    nowMs += 1000
    await using _second = await openFolders(root, clock)
    expect(await filesIn(root)).toEqual(['archive/a/b'])
  })

  test('a restored copy of an object that was replaced is not read for it', async () => {
    let nowMs = 0
    await using store = await openFolders(undefined, () => nowMs)
    const archive = async (text: string) => {
      await store.put(key('a/b'), Buffer.from(text), put)
      const down = await store.copyToTier(key('a/b'), 'archive', call)
      if (down !== null) await store.release(down, call)
    }
    await archive('first')
    await store.restore(key('a/b'), { ...call, keepMs: 60_000 })
    nowMs += 5000
    await store.restore(key('a/b'), { ...call, keepMs: 60_000 })
    await archive('second')
    await expect(readText(store)).rejects.toMatchObject({ code: 'object_archived' })
  })

  test('a disk of a tier that is away is no empty tier', async () => {
    const root = await mkdtemp(join(folder, 'store-'))
    await using store = await openFolders(root)
    await store.put(key('a/b'), Buffer.from('kept'), put)
    const down = await store.copyToTier(key('a/b'), 'cold', call)
    if (down !== null) await store.release(down, call)
    await rm(join(root, 'cold'), { recursive: true })
    await writeFile(join(root, 'cold'), '')
    await expect(readText(store)).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(firstOf(store.list('', call))).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  test('a store of one folder keeps no colder tiers, and says so', async () => {
    await using store = await openFolderStore(await mkdtemp(join(folder, 'store-')), { randomId: randomUUID })
    await store.put(key('a'), Buffer.from('x'), put)
    expect(store.tiers).toEqual(['hot'])
    await expect(store.copyToTier(key('a'), 'warm', call)).rejects.toSatisfy((error) =>
      isMirrorError(error, 'store_cannot'),
    )
  })
})

async function firstOf(objects: AsyncIterable<unknown>): Promise<unknown> {
  for await (const object of objects) return object
  return null
}

/** Objects, wishes and copies; not what is under way. */
async function filesIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.endsWith('.tmp'))
  return files.map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)).sort()
}

const noRgw = rgwMissing()
if (noRgw !== null) notRun('tiers on Ceph RADOS Gateway', noRgw)
describe.skipIf(noRgw !== null)('storage classes of Ceph', () => {
  let bucket: S3Settings

  beforeAll(async () => {
    bucket = { ...(await createTestBucket('rgw')), tierClasses: { warm: RGW_COLD_CLASS } }
  }, START_TIMEOUT_MS)

  tieredStoreContract(
    'storage classes of Ceph RADOS Gateway',
    async () => openS3Store({ ...bucket, prefix: `${randomUUID().slice(0, 13)}/` }, options),
    { colder: ['warm'] },
  )

  test('a large object that went up in parts moves as one, and keeps its content type', async () => {
    await using store = openS3Store({ ...bucket, prefix: 'large/' }, options)
    const bytes = Buffer.alloc(12 * 2 ** 20, 'mirror')
    await store.put(key('a'), bytes, put)
    expect(await store.copyToTier(key('a'), 'warm', call)).toMatchObject({ sizeBytes: bytes.byteLength })
    expect(await store.head(key('a'), call)).toMatchObject({ tier: 'warm', storageClass: RGW_COLD_CLASS })
    await using body = await store.get(key('a'), call)
    expect((await bytesOf(body)).equals(bytes)).toBe(true)
  })

  test('a class that the server does not have is refused by name', async () => {
    await using store = openS3Store({ ...bucket, prefix: 'unknown/' }, options)
    await store.put(key('a'), Buffer.from('x'), put)
    await expect(store.copyToTier(key('a'), 'cold', call)).rejects.toMatchObject({
      code: 'store_cannot',
      message: expect.stringContaining('GLACIER_IR'),
    })
    expect(await store.head(key('a'), call)).not.toHaveProperty('tier')
  })
})

const noVersitygw = versitygwMissing()
if (noVersitygw !== null) notRun('tiers on versitygw', noVersitygw)
describe.skipIf(noVersitygw !== null)('a server that knows no storage classes', () => {
  test('says nothing, and is found out', { timeout: START_TIMEOUT_MS }, async () => {
    await using store = openS3Store(await createTestBucket('versitygw'), options)
    await store.put(key('a'), Buffer.from('x'), put)
    await expect(store.copyToTier(key('a'), 'warm', call)).rejects.toSatisfy((error) =>
      isMirrorError(error, 'store_cannot'),
    )
    await using body = await store.get(key('a'), call)
    expect((await bytesOf(body)).toString()).toBe('x')
  })
})

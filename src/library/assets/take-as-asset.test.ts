import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCatalog } from '../../catalog/open-catalog.ts'
import type { Catalog } from '../../catalog/types.ts'
import { MirrorError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { assetOriginalKey } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { Intake } from '../intake/intake.ts'
import { AssetNews } from './asset-news.ts'
import { AssetShelf } from './asset-shelf.ts'
import { takeAsAsset } from './take-as-asset.ts'

const signal = AbortSignal.timeout(60_000)
const SENT = { id: 'a', tenantId: 'default', name: 'a.txt', folder: '', tags: [], metadata: {} }
const key = assetOriginalKey('default', 'a')

let folder: string
let catalog: Catalog
let isAway = false
const store = createMemoryStore({ nowMs: Date.now })

beforeEach(async () => {
  isAway = false
  folder = await mkdtemp(join(tmpdir(), 'mirror-take-'))
  catalog = await openCatalog({ kind: 'sqlite', path: join(folder, 'catalog.sqlite') }, { log: silentLog, signal })
  await store.delete([key], { signal })
})
afterEach(async () => {
  await catalog[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function take(bytes: string, check: (intake: Intake) => void = () => {}) {
  const jobs = async () => {
    if (isAway) throw new MirrorError('database_unavailable', 'away')
    return await catalog.jobs.add({ id: 'j', kind: 'x', payload: {} }, Date.now())
  }
  const host = { assets: catalog.assets, store, news: new AssetNews(), now: Date.now, jobs: () => ({ add: jobs }) }
  async function* chunks() {
    if (bytes !== '') yield new Uint8Array(Buffer.from(bytes))
  }
  const source = { chunks: chunks(), declaredBytes: null, from: 'there', onBytes: () => {}, check, signal }
  return await takeAsAsset({ ...host, shelf: new AssetShelf(host), maxBytes: 100 }, SENT, source)
}

test('bytes become an asset', async () => {
  expect(await take('hello')).toMatchObject({ isDuplicate: false, asset: { id: 'a', sizeBytes: 5 } })
  expect((await store.head(key, { signal }))?.sizeBytes).toBe(5)
})

test('what has no bytes, too many, or the wrong ones leaves nothing', async () => {
  await expect(take('')).rejects.toMatchObject({ code: 'upload_empty' })
  await expect(take('x'.repeat(101))).rejects.toMatchObject({ code: 'payload_too_large' })
  const wrong = () => {
    throw new MirrorError('content_checksum_wrong', 'other')
  }
  await expect(take('hello', wrong)).rejects.toMatchObject({ code: 'content_checksum_wrong' })
  expect(await store.head(key, { signal })).toBeNull()
  expect(await catalog.assets.get('default', 'a')).toBeNull()
})

test('an asset whose job could not be added keeps its bytes: the housekeeping takes it up', async () => {
  isAway = true
  await expect(take('hello')).rejects.toMatchObject({ code: 'database_unavailable' })
  expect(await catalog.assets.get('default', 'a')).toMatchObject({ status: 'pending' })
  expect((await store.head(key, { signal }))?.sizeBytes).toBe(5)
})

import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { collect } from '../../storage/collect.ts'
import { assetOriginalKey } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { NewAsset } from '../assets/asset-shelf.ts'
import { type AssetDestination, describe, keepAsAsset } from './keep-as-asset.ts'
import type { WholeUpload } from './upload-keeper.ts'

const { signal } = new AbortController()
const bytes = Buffer.from('%PDF-1.7 and so on')
const key = assetOriginalKey('default', 'u1')

function upload(more: Partial<WholeUpload> = {}): WholeUpload {
  return {
    ...{ id: 'u1', tenantId: 'default', owner: 'key a', lengthBytes: bytes.length, offsetBytes: bytes.length },
    ...{ metadata: { filename: 'a.wav' }, createdAtMs: 0, touchedAtMs: 0, done: null },
    chunks: async function* () {
      yield bytes
    },
    ...more,
  }
}

function destination(
  store: ObjectStore,
  sameAs: string | null = null,
): AssetDestination & { readonly made: NewAsset[] } {
  const made: NewAsset[] = []
  const create = async (asset: NewAsset) => {
    made.push(asset)
    return { asset: { id: sameAs ?? asset.id, kind: 'document' }, isDuplicate: sameAs !== null }
  }
  return {
    store,
    made,
    find: async (_tenantId, id) => (made.some((one) => one.id === id) ? { id, kind: 'document' } : null),
    shelf: { create: create as unknown as AssetDestination['shelf']['create'] },
  }
}

test('the bytes are in the store, under the id of the upload, before there is an asset', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  const to = destination(store)
  expect(await keepAsAsset(to)(upload(), signal)).toEqual({ assetId: 'u1', kind: 'document', isDuplicate: false })
  const body = await store.get(key, { signal })
  expect(Buffer.from(await collect(body?.chunks ?? expect.fail('nothing')))).toEqual(bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  expect(to.made).toMatchObject([{ id: 'u1', tenantId: 'default', name: 'a.wav', intake: { sizeBytes: 18, sha256 } }])
})

test('a call that was cut off after the asset was made is found, and its bytes are left alone', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  const to = destination(store)
  await keepAsAsset(to)(upload(), signal)
  const broken = upload({
    chunks: async function* () {
      yield bytes.subarray(0, 3)
      throw new Error('the disk is broken')
    },
  })
  expect(await keepAsAsset(to)(broken, signal)).toEqual({ assetId: 'u1', kind: 'document', isDuplicate: false })
  expect(to.made).toHaveLength(1)
  expect((await store.head(key, { signal }))?.sizeBytes).toBe(bytes.length)
})

test('bytes that the tenant has already become the asset that is there', async () => {
  const to = destination(createMemoryStore({ nowMs: Date.now }), 'older')
  expect(await keepAsAsset(to)(upload(), signal)).toEqual({
    assetId: 'older',
    kind: 'document',
    isDuplicate: true,
  })
})

test('a file on the disk that is not as long as it was announced makes no asset', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  const to = destination(store)
  await expect(keepAsAsset(to)(upload({ lengthBytes: 19 }), signal)).rejects.toThrow(
    expect.objectContaining({ code: 'upload_length_wrong' }),
  )
  expect(to.made).toEqual([])
  expect(await store.head(key, { signal })).toBeNull()
})

test('the words of the usual clients are understood', () => {
  const uppy = { name: 'a.jpg', type: 'image/jpeg', relativePath: 'null', filename: 'a.jpg', filetype: 'image/jpeg' }
  expect(describe(uppy)).toEqual({ name: 'a.jpg', folder: '', tags: [], metadata: {} })
  const own = { filename: 'b.jpg', folder: 'x/y', tags: ' sea, ,sun', caseId: '7' }
  expect(describe(own)).toEqual({ name: 'b.jpg', folder: 'x/y', tags: ['sea', 'sun'], metadata: { caseId: '7' } })
})

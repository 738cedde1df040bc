// Addresses that Mirror signs, as real S3 servers take them.
import { randomBytes, randomUUID } from 'node:crypto'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect } from '../../src/storage/collect.ts'
import { type DirectUploads, openDirectUploads } from '../../src/storage/direct-uploads.ts'
import { directUploadKey } from '../../src/storage/keys.ts'
import { createS3Client } from '../../src/storage/s3-client.ts'
import { MIN_PART_BYTES, type S3Settings } from '../../src/storage/s3-settings.ts'
import { openS3Store, type S3Store } from '../../src/storage/s3-store.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

const signal = new AbortController().signal
const put = async (url: string, body: Uint8Array<ArrayBuffer>) => (await fetch(url, { method: 'PUT', body })).status

test('a folder has no addresses of its own', async () => {
  expect(await openDirectUploads({ kind: 'folder', path: '/nowhere' }, { nowMs: Date.now })).toBeNull()
})

describe.skipIf(rgwMissing() !== null)('uploads past Mirror on Ceph', () => {
  let settings: S3Settings
  let store: S3Store
  let skipMs = 0
  let direct: DirectUploads
  const key = () => directUploadKey('default', randomUUID())

  beforeAll(async () => {
    settings = { ...(await createTestBucket('rgw')), prefix: 'mirror ü/' }
    store = openS3Store(settings, { randomId: randomUUID, nowMs: Date.now })
    const opened = await openDirectUploads({ kind: 's3', settings }, { nowMs: () => Date.now() + skipMs })
    if (opened === null) throw new Error('no uploads')
    direct = opened
  }, 90_000)

  afterAll(async () => {
    await direct?.[Symbol.asyncDispose]()
    await store?.[Symbol.asyncDispose]()
  })

  async function bytesOf(of: ReturnType<typeof key>): Promise<Buffer | null> {
    await using body = await store.get(of, { signal })
    return body === null ? null : Buffer.from(await collect(body.chunks))
  }

  test('an address takes the bytes that were declared, and no more and no less', async () => {
    const at = key()
    const url = await direct.putUrl(at, { sizeBytes: 1000, expiresSec: 60 })
    const body = new Uint8Array(randomBytes(1000))
    expect([await put(url, body.slice(1)), await put(url, new Uint8Array(1001))]).toEqual([403, 403])
    expect(await store.head(at, { signal })).toBeNull()
    expect(await put(url, body)).toBe(200)
    expect((await bytesOf(at))?.equals(body)).toBe(true)
  })

  test('an address that was altered, or whose time is over, takes nothing', async () => {
    const at = key()
    const url = await direct.putUrl(at, { sizeBytes: 3, expiresSec: 60 })
    const body = new Uint8Array([1, 2, 3])
    expect(await put(url.replace(/default/, 'other'), body)).toBe(403)
    expect(await put(url.replace('X-Amz-Expires=60', 'X-Amz-Expires=600'), body)).toBe(403)
    skipMs = -120_000
    const late = await direct.putUrl(at, { sizeBytes: 3, expiresSec: 60 })
    skipMs = 0
    expect(await put(late, body)).toBe(403)
    expect(await store.head(at, { signal })).toBeNull()
  })

  test('parts in any order become one object; what is missing is named, and what is done stays done', async () => {
    const at = key()
    const body = new Uint8Array(randomBytes(2 * MIN_PART_BYTES + 7))
    const uploadId = await direct.begin(at, { signal })
    const parts = { uploadId, partBytes: MIN_PART_BYTES, sizeBytes: body.byteLength }
    const send = async (number: number) => {
      const part = body.slice((number - 1) * MIN_PART_BYTES, number * MIN_PART_BYTES)
      return await put(await direct.partUrl(at, { uploadId, number, sizeBytes: part.byteLength, expiresSec: 60 }), part)
    }
    expect([await send(3), await send(1)]).toEqual([200, 200])
    await expect(direct.finish(at, parts, { signal })).rejects.toMatchObject({
      ...{ code: 'direct_upload_missing', message: expect.stringContaining(': 2') },
    })
    expect(await send(2)).toBe(200)
    await direct.finish(at, parts, { signal })
    await direct.finish(at, parts, { signal })
    expect((await bytesOf(at))?.equals(body)).toBe(true)
  })

  test('what was begun and never finished goes, once it is old', async () => {
    const at = key()
    const uploadId = await direct.begin(at, { signal })
    await direct.sweep('direct/', { beforeMs: Date.now() - 60_000, signal })
    const client = createS3Client(settings)
    const open = async () =>
      ((await client.send(new ListMultipartUploadsCommand({ Bucket: settings.bucket }))).Uploads ?? []).map(
        ({ UploadId }) => UploadId,
      )
    expect(await open()).toContain(uploadId)
    expect(await direct.sweep('direct/', { beforeMs: Date.now() + 60_000, signal })).toBeGreaterThan(0)
    expect(await open()).toEqual([])
    client.destroy()
    await direct.abandon(at, uploadId, { signal })
    const parts = { uploadId, partBytes: MIN_PART_BYTES, sizeBytes: 1 }
    await expect(direct.finish(at, parts, { signal })).rejects.toMatchObject({ code: 'direct_upload_missing' })
  })
})

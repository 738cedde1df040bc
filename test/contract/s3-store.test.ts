// What an S3 store does beyond the contract, on a real server.
import { randomBytes, randomUUID } from 'node:crypto'
import { HeadObjectCommand, ListMultipartUploadsCommand, type S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseObjectKey } from '../../src/storage/keys.ts'
import type { ObjectKey } from '../../src/storage/object-store.ts'
import { createS3Client } from '../../src/storage/s3-client.ts'
import type { S3Settings } from '../../src/storage/s3-settings.ts'
import { openS3Store, type S3Store } from '../../src/storage/s3-store.ts'
import { FaultProxy, seededRandom } from '../support/fault-proxy.ts'
import { RGW_COLD_CLASS, rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

const signal = new AbortController().signal
const put = { signal, contentType: 'video/mp4' }
const options = { randomId: randomUUID, nowMs: Date.now }

function key(text: string): ObjectKey {
  return parseObjectKey(text)!
}

describe.skipIf(rgwMissing() !== null)('an S3 store on Ceph', () => {
  let settings: S3Settings
  let client: S3Client
  let store: S3Store

  beforeAll(async () => {
    settings = await createTestBucket('rgw')
    client = createS3Client(settings)
    store = openS3Store(settings, options)
  }, 90_000)

  afterAll(async () => {
    client?.destroy()
    await store?.[Symbol.asyncDispose]()
  })

  test('content type and storage class arrive', async () => {
    const stored = await store.put(key('cold/1.mp4'), Buffer.from('x'), { ...put, storageClass: RGW_COLD_CLASS })
    expect(stored?.storageClass).toBe(RGW_COLD_CLASS)
    expect(await store.head(key('cold/1.mp4'), { signal })).toMatchObject({ storageClass: RGW_COLD_CLASS })
    const listed: unknown[] = []
    for await (const info of store.list('cold/', { signal })) listed.push(info.storageClass)
    expect(listed).toEqual([RGW_COLD_CLASS])
    const raw = await client.send(new HeadObjectCommand({ Bucket: settings.bucket, Key: 'cold/1.mp4' }))
    expect(raw.ContentType).toBe('video/mp4')
  })

  test('a body of several parts that breaks or is aborted leaves no part behind', async () => {
    const stop = new AbortController()
    const endless = (async function* () {
      for (let n = 0; ; n += 1) {
        if (n === 12) stop.abort(new Error('enough'))
        yield randomBytes(2 ** 20)
      }
    })()
    await expect(store.put(key('big'), endless, { ...put, signal: stop.signal })).rejects.toThrow('enough')
    const broken = (async function* () {
      for (let n = 0; n < 12; n += 1) yield randomBytes(2 ** 20)
      throw new Error('the disk broke')
    })()
    await expect(store.put(key('big'), broken, put)).rejects.toThrow('the disk broke')
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: settings.bucket }))
    expect(Uploads ?? []).toEqual([])
    expect(await store.head(key('big'), { signal })).toBeNull()
  })

  test('a store that is cut off in the middle of every upload is unavailable, and no part of an object shows', async () => {
    await using proxy = await FaultProxy.start(settings.endpoint ?? '', seededRandom(1))
    await proxy.turn({ cutPercent: 100, cutAfterBytes: 100_000 })
    await using cut = openS3Store({ ...settings, endpoint: `http://127.0.0.1:${proxy.port}` }, options)
    await expect(cut.put(key('cut'), randomBytes(1_000_000), put)).rejects.toMatchObject({
      code: 'store_unavailable',
      details: { reason: 'no_answer', attempts: 5 },
    })
    expect(await store.head(key('cut'), { signal })).toBeNull()
    await proxy.turn({ dead: 'refuse' })
    await expect(cut.head(key('cut'), { signal })).rejects.toMatchObject({ details: { reason: 'refused' } })
    await proxy.turn({})
    expect(await cut.put(key('cut'), randomBytes(1_000_000), put)).toMatchObject({ sizeBytes: 1_000_000 })
  })

  test('a creator whose answer was lost learns that it has won', async () => {
    await using proxy = await FaultProxy.start(settings.endpoint ?? '', seededRandom(1))
    await using lossy = openS3Store({ ...settings, endpoint: `http://127.0.0.1:${proxy.port}` }, options)
    await lossy.put(key('warm-up'), Buffer.from('1'), { ...put, ifAbsent: true })
    await proxy.turn({ lostAnswerPercent: 100 })
    const creating = lossy.put(key('lost'), Buffer.from('mine'), { ...put, ifAbsent: true })
    while (proxy.done.lostAnswers === 0 || (await store.head(key('lost'), { signal })) === null) {
      await new Promise(setImmediate)
    }
    await proxy.turn({})
    expect(await creating).toMatchObject({ key: 'lost', sizeBytes: 4 })
    expect(await lossy.put(key('lost'), Buffer.from('yours'), { ...put, ifAbsent: true })).toBeNull()
  })

  test.each([
    ['a bucket that does not exist', { bucket: 'mirror-nowhere' }, 'bucket_missing'],
    ['an access key that nobody knows', { credentials: { accessKey: 'nobody', secretKey: 'x' } }, 'credentials'],
    ['a wrong secret key', { credentials: { accessKey: 'mirror-test', secretKey: 'wrong' } }, 'credentials'],
    ['an address where nobody listens', { endpoint: 'http://127.0.0.1:9' }, 'refused'],
  ] as const)('%s is named', async (_, wrong, reason) => {
    await using other = openS3Store({ ...settings, ...wrong }, options)
    const failure = { code: 'store_unavailable', details: { reason } }
    await expect(other.put(key('a'), Buffer.from('1'), put)).rejects.toMatchObject(failure)
    await expect(other.list('', { signal }).next()).rejects.toMatchObject(failure)
  })

  test('a missing bucket is no missing object', async () => {
    await using other = openS3Store({ ...settings, bucket: 'mirror-nowhere' }, options)
    await expect(other.head(key('a'), { signal })).rejects.toMatchObject({ details: { reason: 'bucket_missing' } })
    await expect(other.get(key('a'), { signal })).rejects.toMatchObject({ details: { reason: 'bucket_missing' } })
  })

  test('a conditional body that could only go up in parts is refused where the end of an upload knows no condition', async () => {
    const large = (async function* () {
      for (let n = 0; n < 65; n += 1) yield new Uint8Array(2 ** 20)
    })()
    await expect(store.put(key('large'), large, { ...put, ifAbsent: true })).rejects.toMatchObject({
      code: 'store_cannot',
    })
    expect(await store.head(key('large'), { signal })).toBeNull()
  })
})

// Uploads that go past Mirror into the bucket, over the API and a real S3 server.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AssetView } from '../../src/api/asset-contract.ts'
import type { DirectPartsView, DirectUploadView } from '../../src/api/direct-upload-contract.ts'
import type { JobView } from '../../src/api/job-contract.ts'
import { ADOPT_OBJECT_JOB, adoptObjectJob, dropAdopted } from '../../src/library/assets/adopt-object-job.ts'
import { AssetShelf } from '../../src/library/assets/asset-shelf.ts'
import { TIDY_DIRECT_JOB, tidyDirectJob } from '../../src/library/assets/tidy-direct-job.ts'
import { type DirectUploads, openDirectUploads } from '../../src/storage/direct-uploads.ts'
import { openS3Store, type S3Store } from '../../src/storage/s3-store.ts'
import { ADMIN_TOKEN, NO_LIMITS, startTestApi, type TestApi } from '../support/api-server.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

const MAX_BYTES = 2 ** 22
const BASE = '/api/v1/uploads/direct'
const codeOf = async (response: Response) => [response.status, ((await response.json()) as { code?: string }).code]

test('a folder takes no uploads past Mirror, and says what to use instead', async () => {
  await using folder = await startTestApi({ limits: NO_LIMITS })
  const response = await folder.request(BASE, { method: 'POST', body: { name: 'a', sizeBytes: 1 } })
  const problem = (await response.json()) as { readonly code: string; readonly advice: string }
  expect([response.status, problem.code]).toEqual([409, 'direct_upload_unsupported'])
  expect(problem.advice).toContain('/api/v1/uploads')
})

describe.skipIf(rgwMissing() !== null)('a bucket', () => {
  let api: TestApi
  let store: S3Store
  let direct: DirectUploads

  beforeAll(async () => {
    const settings = await createTestBucket('rgw')
    store = openS3Store(settings, { randomId: randomUUID, nowMs: Date.now })
    const opened = await openDirectUploads({ kind: 's3', settings }, { nowMs: Date.now })
    if (opened === null) throw new Error('no uploads')
    direct = opened
    api = await startTestApi({ store, direct, limits: NO_LIMITS }, ({ catalog, news, jobs, now }) => {
      const shelf = new AssetShelf({ assets: catalog.assets, store, jobs, news, now })
      const host = { assets: catalog.assets, shelf, store, direct, now, maxBytes: MAX_BYTES }
      return { [ADOPT_OBJECT_JOB]: adoptObjectJob(host), [TIDY_DIRECT_JOB]: tidyDirectJob(host) }
    })
    api.options.jobs.onChange((job) => void dropAdopted(store, job).catch(() => {}))
  }, 90_000)

  afterAll(async () => {
    await api?.[Symbol.asyncDispose]()
    await direct?.[Symbol.asyncDispose]()
    await store?.[Symbol.asyncDispose]()
  })

  const post = async <T>(path: string, body: unknown) => await api.json<T>(`${BASE}${path}`, { method: 'POST', body })
  const begin = async (body: Readonly<Record<string, unknown>>) => await post<DirectUploadView>('', body)
  const put = async (url: string | null | undefined, body: Uint8Array<ArrayBuffer>) =>
    (await fetch(url ?? '', { method: 'PUT', body })).status
  const keys = async (prefix: string) => {
    const found: string[] = []
    for await (const { key } of store.list(prefix, { signal: AbortSignal.timeout(5000) })) found.push(key)
    return found
  }
  async function completed(ticket: string): Promise<JobView> {
    const { id } = await post<JobView>('/complete', { ticket })
    const job = async () => await api.json<JobView>(`/api/v1/jobs/${id}`)
    await expect.poll(async () => (await job()).state).toMatch(/^(?:done|failed)$/)
    return await job()
  }

  test('what is put there becomes an asset, once it is completed, and nothing else is left', async () => {
    const bytes = new Uint8Array(randomBytes(300_000))
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const order = { name: '../../Düne.bin', folder: 'in', tags: ['x'], sizeBytes: bytes.byteLength, sha256 }
    const { ticket, url, parts } = await begin(order)
    expect(parts).toBeNull()
    expect(await put(url, bytes)).toBe(200)
    const { result } = await completed(ticket)
    const asset = await api.json<AssetView>(`/api/v1/assets/${String(result?.['asset'])}`)
    expect(asset).toMatchObject({ name: 'Düne.bin', folder: 'in', tags: ['x'], sha256, sizeBytes: bytes.byteLength })
    const original = await api.request(`/api/v1/assets/${asset.id}/original`)
    expect(
      createHash('sha256')
        .update(new Uint8Array(await original.arrayBuffer()))
        .digest('hex'),
    ).toBe(sha256)
    // The address still works, but what it writes is nobody's.
    expect(await put(url, new Uint8Array(300_000))).toBe(200)
    const again = await api.request(`/api/v1/assets/${asset.id}/original`)
    expect(
      createHash('sha256')
        .update(new Uint8Array(await again.arrayBuffer()))
        .digest('hex'),
    ).toBe(sha256)
    await api.request(`${BASE}/abort`, { method: 'POST', body: { ticket } })
    expect(await keys('direct/')).toEqual([])
    const second = await begin({ name: 'b.bin', sizeBytes: bytes.byteLength })
    await put(second.url, bytes)
    expect((await completed(second.ticket)).result).toMatchObject({ asset: asset.id, duplicate: true })
  })

  test('in parts it is the same', async () => {
    const bytes = new Uint8Array(randomBytes(200_000))
    const { ticket, url, parts } = await begin({ name: 'p.bin', sizeBytes: bytes.byteLength, parts: true })
    expect([url, parts?.count, parts?.first.map(({ number, sizeBytes }) => [number, sizeBytes])]).toEqual([
      ...[null, 1, [[1, 200_000]]],
    ])
    const fresh = await post<DirectPartsView>('/parts', { ticket, from: 1 })
    expect(await put(fresh.parts[0]?.url, bytes)).toBe(200)
    const { id, result } = await completed(ticket)
    expect(result).toMatchObject({ outcome: 'stored', duplicate: false })
    await expect.poll(async () => await keys('direct/')).toEqual([])
    // The answer to the first was lost.
    expect(await completed(ticket)).toMatchObject({ id, result })
  })

  test('what never came, came altered or has no end is told by its cause, and leaves nothing', async () => {
    const missing = await begin({ name: 'm.bin', sizeBytes: 10 })
    expect((await completed(missing.ticket)).failure?.code).toBe('direct_upload_missing')
    const parts = await begin({ name: 'm.bin', sizeBytes: 10, parts: true })
    expect((await completed(parts.ticket)).failure?.code).toBe('direct_upload_missing')
    const altered = await begin({ name: 'x.bin', sizeBytes: 10, sha256: 'ab'.repeat(32) })
    expect(await put(altered.url, new Uint8Array(10))).toBe(200)
    expect((await completed(altered.ticket)).failure?.code).toBe('content_checksum_wrong')
    const longer = await begin({ name: 'y.bin', sizeBytes: 10 })
    expect(await put(longer.url, new Uint8Array(11))).toBe(403)
    expect(await keys('direct/')).toEqual([])
    await post('/abort', { ticket: parts.ticket }).catch(() => {})
  })

  test.each([
    [{ name: 'a', sizeBytes: 0 }, 400, 'invalid_request'],
    [{ name: 'a', sizeBytes: MAX_BYTES + 1 }, 413, 'payload_too_large'],
    [{ name: 'a', sizeBytes: 1, folder: '../b' }, 400, 'invalid_request'],
    [{ name: 'a', sizeBytes: 1, sha256: 'XX' }, 400, 'invalid_request'],
    [{ name: 'a', sizeBytes: 1, expiresIn: 86_400 }, 400, 'invalid_request'],
    [{ sizeBytes: 1 }, 400, 'invalid_request'],
  ])('%j is refused with %i %s', async (body, status, code) => {
    expect(await codeOf(await api.request(BASE, { method: 'POST', body }))).toEqual([status, code])
  })

  test('a ticket that was altered, or is too old, opens nothing', async () => {
    const { ticket } = await begin({ name: 'a', sizeBytes: 1 })
    for (const path of ['/complete', '/abort']) {
      const altered = await api.request(`${BASE}${path}`, {
        method: 'POST',
        body: { ticket: `${ticket.slice(0, 30)}${ticket[30] === 'A' ? 'B' : 'A'}${ticket.slice(31)}` },
      })
      expect(await codeOf(altered)).toEqual([400, 'upload_ticket_invalid'])
    }
    api.clock.skipMs += 48 * 3_600_000
    const late = await api.request(`${BASE}/complete`, { method: 'POST', body: { ticket } }).finally(() => {
      api.clock.skipMs -= 48 * 3_600_000
    })
    expect(await codeOf(late)).toEqual([400, 'upload_ticket_invalid'])
  })

  test('nobody begins one without a key, or with one that may only read', async () => {
    const { key } = await api.json<{ key: string }>('/api/v1/api-keys', {
      method: 'POST',
      body: { name: 'r', role: 'viewer' },
    })
    const body = { name: 'a', sizeBytes: 1, ticket: 'x', from: 1 }
    for (const path of ['', '/parts', '/complete', '/abort']) {
      const ask = async (bearer: string | null) =>
        await api.request(`${BASE}${path}`, { method: 'POST', key: bearer, body })
      expect([(await ask(null)).status, (await ask(key)).status, (await ask(ADMIN_TOKEN)).status]).toEqual([
        401, 403, 400,
      ])
    }
  })

  test('what nobody completes in two days goes a day later', async () => {
    const { url } = await begin({ name: 'old.bin', sizeBytes: 5 })
    await put(url, new Uint8Array(5))
    await begin({ name: 'old.bin', sizeBytes: 5, parts: true })
    const tidy = async () => {
      const { job } = await api.options.jobs.add({ kind: TIDY_DIRECT_JOB, payload: {} })
      await expect.poll(async () => (await api.json<JobView>(`/api/v1/jobs/${job.id}`)).state).toBe('done')
      return (await api.json<JobView>(`/api/v1/jobs/${job.id}`)).result
    }
    expect(await tidy()).toEqual({ objects: 0, uploads: 0 })
    api.clock.skipMs += 73 * 3_600_000
    expect(await tidy()).toMatchObject({ objects: 1 })
    api.clock.skipMs -= 73 * 3_600_000
    expect(await keys('direct/')).toEqual([])
  })
})

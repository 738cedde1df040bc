import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openCatalog } from '../../catalog/open-catalog.ts'
import type { Catalog } from '../../catalog/types.ts'
import { MirrorError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { waitsForRoom } from '../../jobs/after-failure.ts'
import type { JobRow } from '../../jobs/types.ts'
import { collect } from '../../storage/collect.ts'
import { toStoreError } from '../../storage/folder-errors.ts'
import { assetOriginalKey, parseObjectKey } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { SNIFF_BYTES } from '../intake/sniff.ts'
import type { AssetRow } from './asset.ts'
import { ASSET_JOB, assetJobs, failWithJob } from './asset-job.ts'
import { AssetNews } from './asset-news.ts'
import { AssetShelf } from './asset-shelf.ts'
import { tidyAssetsJob } from './tidy-assets.ts'

const signal = new AbortController().signal
const DAY_MS = 86_400_000

let folder: string
let photo: Buffer
let catalog: Catalog
let store: ObjectStore
let nowMs: number
let told: string[]
let failPutsOf: string | null
let isDiskFull: boolean

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-assets-'))
  const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const
  photo = await sharp({ create: { width: 200, height: 120, channels: 3, background: '#000', noise } })
    .jpeg()
    .toBuffer()
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  catalog = await openCatalog(
    { kind: 'sqlite', path: join(folder, `${randomUUID()}.sqlite`) },
    { log: silentLog, signal },
  )
  store = createMemoryStore({ nowMs: () => nowMs })
  nowMs = 1_795_200_000_000
  told = []
  failPutsOf = null
  isDiskFull = false
})

afterEach(() => catalog[Symbol.asyncDispose]())

function parts() {
  const news = new AssetNews()
  news.on((kind, { step }) => told.push(kind === 'progress' ? `${step?.name}` : kind))
  const put: ObjectStore['put'] = async (key, body, call) => {
    if (failPutsOf !== null && key.includes(failPutsOf)) throw new MirrorError('store_unavailable', 'it is away')
    if (isDiskFull)
      throw toStoreError('/data/store', Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' }))
    return await store.put(key, body, call)
  }
  const jobs = () => ({
    add: async (job: object) =>
      await catalog.jobs.add({ id: randomUUID(), ...job } as Parameters<Catalog['jobs']['add']>[0], nowMs),
  })
  const now = () => nowMs
  const bound = { get: store.get.bind(store), head: store.head.bind(store), delete: store.delete.bind(store) }
  const watched = { ...bound, put }
  const scratchDir = join(folder, 'scratch')
  const media = { maxDurationSec: 60, stepMs: 60_000, threads: 1 }
  const host = { ...{ assets: catalog.assets, store: watched, news, now, scratchDir, spawn }, log: silentLog }
  const disk = { freeBytes: async () => 2 ** 40, keepFreeBytes: 0, copies: 1 as const }
  const kind = assetJobs({ ...host, converter: null, disk, ffmpegPath: 'ffmpeg', media })[ASSET_JOB]
  const shelf = new AssetShelf({ assets: catalog.assets, store, jobs, news, now })
  const tidy = tidyAssetsJob({ assets: catalog.assets, store, jobs, news, now, trashMs: DAY_MS })
  return { kind, shelf, tidy, news, now }
}

/** As an upload does it. */
async function upload(shelf: AssetShelf, bytes: Buffer, name: string, tenantId = 'default') {
  const id = randomUUID()
  await store.put(assetOriginalKey(tenantId, id), bytes, { signal, contentType: 'x/y' })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const intake = { sizeBytes: bytes.length, sha256, head: bytes.subarray(0, SNIFF_BYTES) }
  return await shelf.create({ id, tenantId, name, folder: '', tags: [], metadata: {}, intake })
}

/** One attempt at the next job, as the runner does it. */
async function attempt({ kind }: ReturnType<typeof parts>): Promise<{ readonly job: JobRow; readonly ended: unknown }> {
  const job = await catalog.jobs.claim({ kinds: [ASSET_JOB], owner: 'me', nowMs, leaseMs: 1000 })
  if (job === null) throw new Error('no job is due')
  const claim = { id: job.id, fence: job.fence }
  const ended: unknown = await kind.run({ job, claim, signal, progress() {} }).catch((error: unknown) => error)
  if (ended instanceof MirrorError)
    await catalog.jobs.fail(
      claim,
      { code: ended.code, message: '' },
      { nowMs, retryAtMs: nowMs, isCounted: !waitsForRoom(ended) },
    )
  else await catalog.jobs.finish(claim, {}, nowMs)
  return { job, ended }
}

const keys = async () => {
  const found: string[] = []
  for await (const { key } of store.list('assets/', { signal })) found.push(key)
  return found
}

const current = async ({ asset: { tenantId, id } }: { readonly asset: AssetRow }) =>
  (await catalog.assets.get(tenantId, id)) ?? expect.fail('it is gone')

test('a picture is described, its renditions lie under keys of their own bytes, and nothing is left on the disk', async () => {
  const all = parts()
  const created = await upload(all.shelf, photo, 'C:\\Urlaub\\Foto.JPG')
  const { id } = created.asset
  expect(created.asset).toMatchObject({ status: 'pending', name: 'Foto.JPG', extension: 'jpg', kind: 'image' })
  expect((await attempt(all)).ended).toEqual({ outcome: 'ready' })
  const ready = await current(created)
  expect(ready).toMatchObject({ status: 'ready', step: null, failure: null, processedAtMs: nowMs })
  expect(ready.facts).toMatchObject({ format: 'jpeg', width: 200, height: 120, blurhash: expect.any(String) })
  const renditions = await catalog.assets.renditions('default', [id])
  expect(renditions.map(({ name, width, height }) => [name, width, height])).toEqual([
    ...[
      ['avif', 200, 120],
      ['medium', 200, 120],
      ['thumbnail', 150, 90],
      ['webp', 200, 120],
    ],
  ])
  for (const { objectKey, sha256, name, sizeBytes, contentType } of renditions) {
    expect(objectKey).toContain(`assets/default/${id}/${name}-${sha256.slice(0, 12)}/${name}.`)
    const body = await store.get(parseObjectKey(objectKey) ?? expect.fail(objectKey), { signal })
    const bytes = await collect(body?.chunks ?? expect.fail(objectKey))
    expect([bytes.byteLength, createHash('sha256').update(bytes).digest('hex')]).toEqual([sizeBytes, sha256])
    expect((await sharp(bytes).metadata()).mediaType).toBe(contentType)
  }
  expect(await keys()).toHaveLength(5)
  expect(told).toEqual([
    'created',
    'identify',
    'metadata',
    'placeholder',
    'thumbnail',
    'medium',
    'webp',
    'avif',
    'ready',
  ])
  expect(await readdir(join(folder, 'scratch'))).toEqual([])
})

test('the same bytes are the same asset of a tenant: no second object, and out of the trash if it lies there', async () => {
  const all = parts()
  const first = await upload(all.shelf, photo, 'a.jpg')
  await all.shelf.trash('default', first.asset.id)
  const again = await upload(all.shelf, photo, 'b.jpg')
  expect(again).toMatchObject({ isDuplicate: true, asset: { id: first.asset.id, name: 'a.jpg', deletedAtMs: null } })
  expect((await upload(all.shelf, photo, 'c.jpg', 'other')).isDuplicate).toBe(false)
  expect(await keys()).toHaveLength(2)
  expect(told).toEqual(['created', 'deleted', 'restored', 'created'])
})

test('a step that failed is begun again, and those before it are not', async () => {
  const all = parts()
  const created = await upload(all.shelf, photo, 'a.jpg')
  failPutsOf = '/medium-'
  expect((await attempt(all)).ended).toMatchObject({ code: 'store_unavailable' })
  expect(await current(created)).toMatchObject({
    ...{ status: 'processing', step: { name: 'medium', index: 5, count: 7 } },
    failure: { step: 'medium', code: 'store_unavailable' },
  })
  failPutsOf = '/thumbnail-'
  expect((await attempt(all)).ended).toEqual({ outcome: 'ready' })
  expect(await current(created)).toMatchObject({ status: 'ready', failure: null })
  expect(await catalog.assets.renditions('default', [created.asset.id])).toHaveLength(4)
})

test('what no attempt can mend fails once, by its step and cause, and the original stays', async () => {
  const all = parts()
  const cut = await upload(all.shelf, photo.subarray(0, 3000), 'cut.jpg')
  const page = await upload(all.shelf, Buffer.from('<!doctype html><html><script>x</script></html>'), 'page.png')
  const drawing = await upload(
    all.shelf,
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'),
    'a.svg',
  )
  for (let n = 0; n < 3; n += 1) expect((await attempt(all)).ended).toMatchObject({ outcome: 'failed' })
  const cause = async (created: typeof cut) => {
    const { status, failure } = await current(created)
    return [status, failure?.step, failure?.code]
  }
  expect(await cause(cut)).toEqual(['failed', 'placeholder', 'content_damaged'])
  expect(await cause(page)).toEqual(['failed', 'identify', 'content_unsupported'])
  expect((await current(page)).failure?.message).toBe('it is named .png, but its bytes are text/html')
  expect(await cause(drawing)).toEqual(['failed', 'identify', 'content_unsupported'])
  expect(await keys()).toHaveLength(3)
  const { asset } = cut
  expect(await all.shelf.process('default', asset.id, { fromStart: false })).toMatchObject({
    status: 'pending',
    failure: null,
  })
  await expect(all.shelf.process('default', asset.id, { fromStart: false })).rejects.toMatchObject({
    code: 'asset_busy',
  })
})

test('an asset for which the disk has no room says so, waits beyond its attempts, and is ready when there is room', async () => {
  const all = parts()
  const created = await upload(all.shelf, photo, 'a.jpg')
  isDiskFull = true
  for (let n = 0; n < 8; n += 1) expect((await attempt(all)).ended).toMatchObject({ code: 'scratch_full' })
  expect(await current(created)).toMatchObject({
    ...{ status: 'processing', processedAtMs: null },
    failure: {
      step: 'thumbnail',
      code: 'scratch_full',
      message: expect.stringMatching(/^The disk is full .*when there is room$/),
    },
  })
  expect(told).not.toContain('failed')
  isDiskFull = false
  expect((await attempt(all)).ended).toEqual({ outcome: 'ready' })
  expect(await current(created)).toMatchObject({ status: 'ready', failure: null })
})

test('an asset whose job ended without a word fails with it', async () => {
  const all = parts()
  const created = await upload(all.shelf, photo, 'a.jpg')
  const job = await catalog.jobs.claim({ kinds: [ASSET_JOB], owner: 'me', nowMs, leaseMs: 1000 })
  const failure = { code: 'job_abandoned', message: 'its workers died' }
  const host = { assets: catalog.assets, news: all.news, now: all.now }
  await failWithJob(host, { ...(job ?? expect.fail()), state: 'failed', failure })
  expect(await current(created)).toMatchObject({ status: 'failed', failure: { step: 'identify', ...failure } })
})

test('the housekeeping takes up what has no job, and empties the trash with every object when its time is over', async () => {
  const all = parts()
  const run = async () => await all.tidy.run({ job: {} as JobRow, claim: { id: '', fence: 0 }, signal, progress() {} })
  const created = await upload(all.shelf, photo, 'a.jpg')
  await attempt(all)
  await catalog.assets.advance(created.asset, { status: 'pending' }, { nowMs })
  nowMs += 120_000
  expect(await run()).toEqual({ purged: 0, taken: 1 })
  expect(await run()).toEqual({ purged: 0, taken: 0 })
  await attempt(all)
  await all.shelf.trash('default', created.asset.id)
  nowMs += DAY_MS
  expect(await run()).toEqual({ purged: 0, taken: 0 })
  nowMs += 1
  expect(await run()).toEqual({ purged: 1, taken: 0 })
  expect(await keys()).toEqual([])
  expect(await catalog.assets.get('default', created.asset.id)).toBeNull()
  expect((await upload(all.shelf, photo, 'a.jpg')).isDuplicate).toBe(false)
})

test('another tenant finds nothing, and changes nothing', async () => {
  const { shelf } = parts()
  const { id } = (await upload(shelf, photo, 'a.jpg')).asset
  const calls = [
    () => shelf.get('other', id),
    () => shelf.trash('other', id),
    () => shelf.restore('other', id),
    () => shelf.edit('other', id, { name: 'x' }),
    () => shelf.process('other', id, { fromStart: true }),
  ]
  for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'asset_not_found' })
  expect(await shelf.get('default', id)).toMatchObject({ name: 'a.jpg', deletedAtMs: null, status: 'pending' })
})

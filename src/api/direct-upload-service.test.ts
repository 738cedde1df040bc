import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCatalog } from '../catalog/open-catalog.ts'
import type { Catalog } from '../catalog/types.ts'
import { silentLog } from '../core/log.ts'
import { JobService } from '../jobs/job-service.ts'
import type { JobRow } from '../jobs/types.ts'
import { ADOPT_OBJECT_JOB, adoptObjectJob, dropAdopted } from '../library/assets/adopt-object-job.ts'
import { AssetNews } from '../library/assets/asset-news.ts'
import { AssetShelf } from '../library/assets/asset-shelf.ts'
import type { DirectUploads } from '../storage/direct-uploads.ts'
import { DIRECT_PREFIX, directUploadKey } from '../storage/keys.ts'
import { createMemoryStore } from '../storage/memory-store.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { createDirectUploadService, type DirectUploadService } from './direct-upload-service.ts'

const signal = new AbortController().signal
const never = () => Promise.reject(new Error('nobody asks for that'))
const direct: DirectUploads = {
  ...{ putUrl: async () => 'https://bucket.example/', begin: never, partUrl: never, finish: never, abandon: never },
  ...{ sweep: never, [Symbol.asyncDispose]: async () => {} },
}

let folder: string
let catalog: Catalog
let store: ObjectStore
let jobs: JobService
let uploads: DirectUploadService
let attempt: ReturnType<typeof adoptObjectJob>['run']
let nextId: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-direct-'))
  catalog = await openCatalog({ kind: 'sqlite', path: join(folder, 'catalog.sqlite') }, { log: silentLog, signal })
  store = createMemoryStore({ nowMs: Date.now })
  const shelf = new AssetShelf({
    assets: catalog.assets,
    store,
    jobs: () => jobs,
    news: new AssetNews(),
    now: Date.now,
  })
  const kind = adoptObjectJob({ assets: catalog.assets, shelf, store, direct, maxBytes: 100 })
  attempt = kind.run
  jobs = new JobService({
    ...{ jobs: catalog.jobs, kinds: { [ADOPT_OBJECT_JOB]: kind }, schedules: [], owner: 'me', now: Date.now },
    ...{ random: () => 0, randomId: randomUUID, log: silentLog },
  })
  jobs.onChange((job) => void dropAdopted(store, job))
  uploads = createDirectUploadService({
    ...{ direct, store, jobs, maxBytes: 100, newId: () => nextId, clock: Date.now },
    secrets: { seal: (text) => text, open: (text) => text },
  })
})

afterEach(async () => {
  await jobs[Symbol.asyncDispose]()
  await catalog[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function begun(sha256?: string): Promise<{ readonly ticket: string; put(text: string): Promise<void> }> {
  const id = randomUUID()
  nextId = id
  const order = { name: 'a.txt', folder: '', tags: [], metadata: {}, sizeBytes: 4, parts: false, expiresIn: 60 }
  const { ticket } = await uploads.begin('default', { ...order, sha256 })
  const put = async (text: string) =>
    void (await store.put(directUploadKey('default', id), Buffer.from(text), { contentType: 'text/plain', signal }))
  return { ticket, put }
}

const complete = async (ticket: string) => await uploads.complete('default', ticket)

async function ended(ticket: string): Promise<JobRow> {
  const { id } = await complete(ticket)
  await expect.poll(async () => (await jobs.get('default', id)).state).toMatch(/^(?:done|failed)$/)
  return await jobs.get('default', id)
}

async function left(): Promise<number> {
  let count = 0
  for await (const _ of store.list(DIRECT_PREFIX, { signal })) count += 1
  return count
}

test('whoever completes again gets the job that is there, while it waits and when it is done', async () => {
  const { ticket, put } = await begun()
  await put('text')
  const [first, second] = await Promise.all([complete(ticket), complete(ticket)])
  expect(second.id).toBe(first.id)
  await jobs.start()
  const done = await ended(ticket)
  expect(done).toMatchObject({ id: first.id, state: 'done', result: { outcome: 'stored', duplicate: false } })
  await expect.poll(left).toBe(0)
  expect(await complete(ticket)).toEqual(done)
})

test('a duplicate is known by the attempt after one that died before its result was written', async () => {
  await jobs.start()
  const original = await begun()
  await original.put('text')
  const asset = (await ended(original.ticket)).result?.['asset']
  await jobs[Symbol.asyncDispose]()

  const { ticket, put } = await begun()
  await put('text')
  const job = await complete(ticket)
  for (const fence of [1, 2]) {
    const claim = { id: job.id, fence }
    const result = await attempt({ job, claim, signal, progress() {} })
    expect(result).toMatchObject({ asset, duplicate: true })
  }
})

test('what was completed too early, or came altered, is completed again when it has come', async () => {
  await jobs.start()
  const early = await begun()
  expect((await ended(early.ticket)).failure?.code).toBe('direct_upload_missing')
  await early.put('text')
  expect(await ended(early.ticket)).toMatchObject({ state: 'done', result: { outcome: 'stored' } })

  const altered = await begun('ab'.repeat(32))
  await altered.put('news')
  const failed = await ended(altered.ticket)
  expect([failed.failure?.code, await complete(altered.ticket)]).toEqual(['content_checksum_wrong', failed])
})

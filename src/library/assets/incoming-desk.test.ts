import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openCatalog } from '../../catalog/open-catalog.ts'
import type { Catalog } from '../../catalog/types.ts'
import { MirrorError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import type { JobRow } from '../../jobs/types.ts'
import { parseObjectKey } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { ADOPT_OBJECT_JOB, adoptObjectJob } from './adopt-object-job.ts'
import { AssetNews } from './asset-news.ts'
import { AssetShelf } from './asset-shelf.ts'
import { IncomingDesk } from './incoming-desk.ts'

const signal = new AbortController().signal
const NOW_MS = 1_795_200_000_000

let folder: string
let catalog: Catalog
let store: ObjectStore

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-incoming-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(async () => {
  const path = join(folder, `${randomUUID()}.sqlite`)
  catalog = await openCatalog({ kind: 'sqlite', path }, { log: silentLog, signal })
  store = createMemoryStore({ nowMs: () => NOW_MS - 1 })
})
afterEach(() => catalog[Symbol.asyncDispose]())

function parts(change: Partial<Pick<ObjectStore, 'get' | 'delete'>> = {}) {
  const now = () => NOW_MS
  const jobs = () => ({
    add: async (job: object) =>
      await catalog.jobs.add({ id: randomUUID(), ...job } as Parameters<Catalog['jobs']['add']>[0], NOW_MS),
  })
  const watched = { put: store.put, get: store.get, head: store.head, delete: store.delete, ...change }
  const shelf = new AssetShelf({ assets: catalog.assets, store, jobs, news: new AssetNews(), now })
  const kind = adoptObjectJob({ assets: catalog.assets, shelf, store: watched, direct: null, maxBytes: 100 })
  const desk = new IncomingDesk({
    ...{ incoming: catalog.incoming, store, jobs, now, prefix: 'incoming/', settleMs: 0, isKept: false },
  })
  return { desk, kind }
}

/** One attempt, as the runner does it; how it ended. `isLast`: it is not tried again. */
async function attempt({ desk, kind }: ReturnType<typeof parts>, isLast: boolean): Promise<unknown> {
  const job = await catalog.jobs.claim({ kinds: [ADOPT_OBJECT_JOB], owner: 'me', nowMs: NOW_MS, leaseMs: 1000 })
  if (job === null) throw new Error('no job is due')
  const claim = { id: job.id, fence: job.fence }
  const tell = async (change: Partial<JobRow>) => await desk.forgetWithJob({ ...job, ...change })
  try {
    const result = await kind.run({ job, claim, signal, progress() {} })
    await catalog.jobs.finish(claim, result, NOW_MS)
    await tell({ state: 'done', result })
    return result
  } catch (error) {
    if (!(error instanceof MirrorError)) throw error
    const failure = { code: error.code, message: error.message }
    await catalog.jobs.fail(claim, failure, { nowMs: NOW_MS, retryAtMs: isLast ? null : NOW_MS })
    if (isLast) await tell({ state: 'failed', failure })
    return error.code
  }
}

const KEY = parseObjectKey('incoming/default/a.txt') ?? expect.fail()
const drop = async (text: string) => await store.put(KEY, Buffer.from(text), { contentType: 'text/plain', signal })
const isThere = async () => (await store.head(KEY, { signal })) !== null
const taken = async ({ desk }: ReturnType<typeof parts>) => (await desk.scan(signal)).taken
const away = async () => await Promise.reject(new MirrorError('store_unavailable', 'it is away'))

test('what could not be taken because the store was away is found by the next scan', async () => {
  await drop('text')
  const cut = parts({ get: away })
  expect(await taken(cut)).toBe(1)
  expect(await attempt(cut, true)).toBe('store_unavailable')
  const well = parts()
  expect(await taken(well)).toBe(1)
  expect(await attempt(well, true)).toMatchObject({ outcome: 'stored', duplicate: false })
  expect([await isThere(), await taken(well)]).toEqual([false, 0])
})

test('what is wrong with the bytes is no news until they change', async () => {
  await drop('')
  const all = parts()
  expect(await taken(all)).toBe(1)
  expect(await attempt(all, true)).toBe('upload_empty')
  expect([await isThere(), await taken(all)]).toEqual([true, 0])
  await drop('text')
  expect(await taken(all)).toBe(1)
})

test.each([
  ['goes with the next attempt', 'text', false],
  ['stays, and is taken next, when something else came in its place', 'news', true],
])('what was taken by a worker that died before it went %s', async (_title, then, stays) => {
  await drop('text')
  const cut = parts({ delete: away })
  expect(await taken(cut)).toBe(1)
  expect(await attempt(cut, false)).toBe('store_unavailable')
  await drop(then)
  const well = parts()
  expect(await attempt(well, true)).toMatchObject({ outcome: 'stored', duplicate: false })
  expect([await isThere(), await taken(well)]).toEqual([stays, stays ? 1 : 0])
})

// What others put below a watched prefix: files in a folder, and what a bucket tells of.
import { randomUUID } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AssetPageView, AssetView } from '../../src/api/asset-contract.ts'
import type { JobPageView, JobView } from '../../src/api/job-contract.ts'
import { ADOPT_OBJECT_JOB, adoptObjectJob } from '../../src/library/assets/adopt-object-job.ts'
import { AssetShelf } from '../../src/library/assets/asset-shelf.ts'
import { IncomingDesk, SCAN_INCOMING_JOB, scanIncomingJob } from '../../src/library/assets/incoming-desk.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { parseObjectKey } from '../../src/storage/keys.ts'
import type { TieredStore } from '../../src/storage/tiers.ts'
import { NO_LIMITS, startTestApi, type TestApi } from '../support/api-server.ts'
import { createMemoryTiers } from '../support/memory-tiers.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const MAX_BYTES = 1000
const SETTLE_MS = 30_000

interface Watched {
  readonly api: TestApi
  readonly desk: IncomingDesk
  readonly switches: { isKept: boolean }
  /** Looks once; how many were taken, when their jobs have ended. */
  scan(): Promise<unknown>
  assets(): Promise<readonly AssetView[]>
  jobs(): Promise<JobPageView['jobs']>
}

async function watch(store: TieredStore): Promise<Watched> {
  const switches = { isKept: false }
  let desk: IncomingDesk | null = null
  const found = () => {
    if (desk === null) throw new Error('not yet')
    return desk
  }
  const watched = {
    bucket: 'media',
    keyPrefix: 'mirror/',
    desk: { notice: (...of: Parameters<IncomingDesk['notice']>) => found().notice(...of) },
  }
  const api = await startTestApi({ store, incoming: watched, limits: NO_LIMITS }, ({ catalog, news, jobs, now }) => {
    const shelf = new AssetShelf({ assets: catalog.assets, store, jobs, news, now })
    const opened = new IncomingDesk({
      ...{ incoming: catalog.incoming, store, jobs, now, prefix: 'incoming/', settleMs: SETTLE_MS },
      get isKept() {
        return switches.isKept
      },
    })
    desk = opened
    const host = { assets: catalog.assets, shelf, store, direct: null, maxBytes: MAX_BYTES }
    return { [SCAN_INCOMING_JOB]: scanIncomingJob(opened), [ADOPT_OBJECT_JOB]: adoptObjectJob(host) }
  })
  const jobs = async () => (await api.json<JobPageView>(`/api/v1/jobs?kind=${ADOPT_OBJECT_JOB}&limit=100`)).jobs
  return {
    ...{ api, desk: found(), switches, jobs },
    async scan() {
      const { job } = await api.options.jobs.add({ kind: SCAN_INCOMING_JOB, payload: {} })
      const seen = async () => await api.json<JobView>(`/api/v1/jobs/${job.id}`)
      await expect.poll(async () => (await seen()).state).toBe('done')
      const isOver = async () => (await jobs()).every(({ state }) => /^(?:done|failed)$/.test(state))
      await expect.poll(isOver).toBe(true)
      return (await seen()).result
    },
    assets: async () => (await api.json<AssetPageView>('/api/v1/assets?limit=100')).assets,
  }
}

describe('a folder', () => {
  let folder: string
  let inbox: string
  let watched: Watched

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mirror-incoming-'))
    inbox = join(folder, 'incoming', 'default')
    watched = await watch(await openFolderStore(folder, { randomId: randomUUID }))
  })
  beforeEach(async () => {
    await rm(join(folder, 'incoming'), { recursive: true, force: true })
    await mkdir(join(inbox, 'camera 1'), { recursive: true })
    watched.switches.isKept = false
  })
  afterAll(async () => {
    await watched?.api[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  async function drop(name: string, text: string = randomUUID()): Promise<string> {
    const file = join(inbox, name)
    await writeFile(file, text)
    const longAgo = new Date(Date.now() - 2 * SETTLE_MS)
    await utimes(file, longAgo, longAgo)
    return text
  }
  const names = async () => (await watched.assets()).map(({ name }) => name)

  test('what was left there for a while becomes an asset in its folder, and is there no more', async () => {
    const text = await drop('camera 1/Düne 7.txt')
    expect(await watched.scan()).toEqual({ taken: 1, waiting: 0 })
    const asset = (await watched.assets()).find(({ name }) => name === 'Düne 7.txt')
    expect(asset).toMatchObject({ folder: 'camera 1', sizeBytes: text.length })
    expect(await (await watched.api.request(`/api/v1/assets/${asset?.id}/original`)).text()).toBe(text)
    // The place stays, whatever else was empty.
    expect(await readdir(inbox)).toEqual(['put-files-here.tmp'])
    expect(await watched.scan()).toEqual({ taken: 0, waiting: 0 })
    expect(await watched.api.catalog.incoming.list({ prefix: 'incoming/', after: '', limit: 9 })).toEqual([])
  })

  test('what is being written waits: by its age, or by its name until it has its last one', async () => {
    await drop('growing.txt')
    await appendFile(join(inbox, 'growing.txt'), ' more')
    await drop('half.txt.part')
    await drop('.hidden.txt')
    expect(await watched.scan()).toEqual({ taken: 0, waiting: 1 })
    await rename(join(inbox, 'half.txt.part'), join(inbox, 'half.txt'))
    expect(await watched.scan()).toEqual({ taken: 1, waiting: 1 })
    expect(await names()).toContain('half.txt')
    expect(await names()).not.toContain('growing.txt')
  })

  test('what is kept there is taken once, and again when it has changed', async () => {
    watched.switches.isKept = true
    await drop('kept.txt', 'one')
    expect(await watched.scan()).toEqual({ taken: 1, waiting: 0 })
    expect(await watched.scan()).toEqual({ taken: 0, waiting: 0 })
    expect(await readdir(inbox)).toContain('kept.txt')
    await drop('kept.txt', 'two!')
    expect(await watched.scan()).toEqual({ taken: 1, waiting: 0 })
    expect((await names()).filter((name) => name === 'kept.txt')).toHaveLength(2)
  })

  test('what is refused stays where it is, is told by its cause, and is not tried again and again', async () => {
    await drop('empty.txt', '')
    await drop('large.txt', 'x'.repeat(MAX_BYTES + 1))
    expect(await watched.scan()).toEqual({ taken: 2, waiting: 0 })
    const codes = (await watched.jobs()).flatMap(({ failure }) => (failure === null ? [] : [failure.code]))
    expect(codes.toSorted()).toEqual(['payload_too_large', 'upload_empty'])
    expect((await readdir(inbox)).toSorted()).toEqual(['camera 1', 'empty.txt', 'large.txt', 'put-files-here.tmp'])
    expect(await watched.scan()).toEqual({ taken: 0, waiting: 0 })
  })

  test('nothing of tenants that do not exist is taken', async () => {
    await mkdir(join(folder, 'incoming', 'other'), { recursive: true })
    await drop('../other/theirs.txt')
    expect(await watched.scan()).toEqual({ taken: 0, waiting: 0 })
  })
})

describe('a bucket that tells', () => {
  let watched: Watched
  const store = createMemoryTiers()

  beforeAll(async () => {
    watched = await watch(store)
  })
  afterAll(async () => await watched?.api[Symbol.asyncDispose]())

  async function put(name: string, text: string = randomUUID()): Promise<void> {
    const key = parseObjectKey(`incoming/default/${name}`)
    if (key === null) throw new Error(name)
    await store.put(key, Buffer.from(text), { contentType: 'text/plain', signal: AbortSignal.timeout(5000) })
  }
  const record = (key: string, sequencer: string, bucket = 'media') => ({
    ...{ eventSource: 'aws:s3', eventName: 'ObjectCreated:Put' },
    s3: { bucket: { name: bucket }, object: { key, size: 1, eTag: 'x', sequencer } },
  })
  const tell = async (...Records: object[]) => {
    const told = await watched.api.json('/api/v1/incoming/s3-events', { method: 'POST', body: { Records } })
    await expect.poll(async () => (await watched.jobs()).every(({ state }) => state === 'done')).toBe(true)
    return told
  }

  test('what it tells of becomes an asset at once, however often and in whatever order it tells', async () => {
    await put('a b ü.txt', 'first')
    const event = record('mirror/incoming/default/a+b+%C3%BC.txt', '0005')
    expect(await tell(event, event)).toEqual({ taken: 1, ignored: 1 })
    expect(await tell(event)).toEqual({ taken: 0, ignored: 1 })
    expect((await watched.assets()).map(({ name }) => name)).toEqual(['a b ü.txt'])
    watched.switches.isKept = true
    await put('c.txt', 'one')
    expect(await tell(record('mirror/incoming/default/c.txt', '0006'))).toEqual({ taken: 1, ignored: 0 })
    await put('c.txt', 'two')
    expect(await tell(record('mirror/incoming/default/c.txt', '0006'))).toEqual({ taken: 0, ignored: 1 })
    expect(await tell(record('mirror/incoming/default/c.txt', '00060'))).toEqual({ taken: 0, ignored: 1 })
    expect(await tell(record('mirror/incoming/default/c.txt', '00061'))).toEqual({ taken: 1, ignored: 0 })
    expect(await watched.assets()).toHaveLength(3)
  })

  test('what lies elsewhere, or nowhere, is ignored', async () => {
    await put('d.txt')
    expect(
      await tell(
        record('mirror/incoming/default/d.txt', '1', 'other'),
        record('incoming/default/d.txt', '1'),
        record('mirror/assets/default/x/original', '1'),
        record('mirror/incoming/default/none.txt', '1'),
        record('mirror/incoming/default/../../assets/x', '1'),
      ),
    ).toEqual({ taken: 0, ignored: 5 })
  })

  test('an operator’s key is needed, in the header or in the address', async () => {
    const { api } = watched
    const key = async (role: string) =>
      (await api.json<{ key: string }>('/api/v1/api-keys', { method: 'POST', body: { name: role, role } })).key
    const ask = async (query: string, body: unknown = { Records: [] }) =>
      (await api.request(`/api/v1/incoming/s3-events${query}`, { method: 'POST', key: null, body })).status
    expect([await ask(''), await ask('?key=mk_wrong'), await ask(`?key=${await key('viewer')}`)]).toEqual([
      401, 401, 403,
    ])
    expect(await ask(`?key=${await key('operator')}`)).toBe(202)
    expect(await ask(`?key=${await key('operator')}`, { hello: 1 })).toBe(400)
  })
})

test('Mirror makes the place, and looks there by itself', async () => {
  const env = { MIRROR_INCOMING_PREFIX: 'inbox/', MIRROR_INCOMING_EVERY: '5s', MIRROR_INCOMING_SETTLE: '0s' }
  await using mirror = await MirrorProcess.start({ env })
  const inbox = join(mirror.dataDir, 'store', 'hot', 'inbox', 'default')
  const files = async () => await readdir(inbox).catch(() => [])
  await expect.poll(files, { timeout: 30_000 }).toEqual(['put-files-here.tmp'])
  await writeFile(join(inbox, 'scan.txt.part'), 'seven b')
  await rename(join(inbox, 'scan.txt.part'), join(inbox, 'scan.txt'))
  const found = async () => (await mirror.api<AssetPageView>('GET', '/assets')).assets.map(({ name }) => name)
  await expect.poll(found, { timeout: 30_000 }).toEqual(['scan.txt'])
  await expect.poll(files).toEqual(['put-files-here.tmp'])
})

test('where nothing is watched, notifications are refused in words', async () => {
  await using api = await startTestApi({ limits: NO_LIMITS })
  const response = await api.request('/api/v1/incoming/s3-events', { method: 'POST', body: { Records: [] } })
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([409, 'incoming_disabled'])
})

// Content that Mirror fetches from an address: what comes, what is refused, what is seen meanwhile.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AssetPageView, AssetView } from '../../src/api/asset-contract.ts'
import type { JobView } from '../../src/api/job-contract.ts'
import { AssetShelf } from '../../src/library/assets/asset-shelf.ts'
import { PULL_ASSET_JOB, pullAssetJob } from '../../src/library/assets/pull-asset-job.ts'
import { pullerFor } from '../../src/library/intake/pull.ts'
import { toStoreError } from '../../src/storage/folder-errors.ts'
import type { TieredStore } from '../../src/storage/tiers.ts'
import { NO_LIMITS, startTestApi, type TestApi } from '../support/api-server.ts'
import { adminEnvironment, runCommand } from '../support/command-line.ts'
import { createMemoryTiers } from '../support/memory-tiers.ts'

const MAX_BYTES = 100_000

let api: TestApi
let source: Server
let base: string
let isDiskFull = false
/** Puts that found it full. */
let refused = 0
let freeBytes = 2 ** 40
let hung: ServerResponse | null = null
const store = createMemoryTiers()
const put: TieredStore['put'] = store.put.bind(store)

beforeAll(async () => {
  source = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://source')
    const text = url.searchParams.get('text') ?? 'hello'
    if (url.pathname === '/hang') {
      hung = response
      response.writeHead(200, { 'content-length': '1000' }).write('x'.repeat(10))
    } else if (url.pathname === '/short') {
      response.writeHead(200, { 'content-length': '1000' }).write('x')
      setImmediate(() => response.destroy())
    } else if (url.pathname === '/private') response.writeHead(302, { location: 'http://10.0.0.1/' }).end()
    else if (url.pathname === '/missing') response.writeHead(404).end()
    else if (url.pathname === '/large') response.writeHead(200).end(Buffer.alloc(MAX_BYTES + 1))
    else if (url.pathname === '/sized') response.writeHead(200, { 'content-length': text.length }).end(text)
    else response.writeHead(200).end(url.pathname === '/empty' ? '' : text)
  })
  source.listen(0, '127.0.0.1')
  await once(source, 'listening')
  base = `http://127.0.0.1:${(source.address() as AddressInfo).port}`
  store.put = async (...call) => {
    if (!isDiskFull) return await put(...call)
    refused += 1
    throw toStoreError('/data/store', Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write' }))
  }
  api = await startTestApi({ store, limits: NO_LIMITS }, ({ catalog, news, jobs, now }) => {
    const shelf = new AssetShelf({ assets: catalog.assets, store, jobs, news, now })
    return {
      [PULL_ASSET_JOB]: pullAssetJob({
        ...{ assets: catalog.assets, shelf, store, maxBytes: MAX_BYTES, pull: pullerFor('127.0.0.1') },
        disk: { freeBytes: async () => freeBytes, keepFreeBytes: 1000, copies: 2 },
        openSealed: (sealed) => api.options.secrets.open(sealed),
      }),
    }
  })
})

afterAll(async () => {
  await api?.[Symbol.asyncDispose]()
  source?.closeAllConnections()
  source?.close()
})

const ask = async (body: unknown) => await api.request('/api/v1/assets', { method: 'POST', body })
const job = async (id: string) => await api.json<JobView>(`/api/v1/jobs/${id}`)
async function pulled(body: Readonly<Record<string, unknown>>): Promise<JobView> {
  const begun = (await (await ask(body)).json()) as JobView
  await expect.poll(async () => (await job(begun.id)).state).toMatch(/^(?:done|failed)$/)
  return await job(begun.id)
}

test('a file is fetched, named as its address ends, and is an asset', async () => {
  const text = randomUUID()
  const response = await ask({ url: `${base}/a/Fj%C3%B6rd.txt?text=${text}&token=hush`, folder: 'in', tags: ['See'] })
  const begun = (await response.json()) as JobView
  expect([response.status, response.headers.get('location')]).toEqual([202, `/api/v1/jobs/${begun.id}`])
  expect(begun).toMatchObject({ kind: PULL_ASSET_JOB, input: { folder: 'in' } })
  expect(JSON.stringify(begun)).not.toMatch(/hush|sealed/)
  await expect.poll(async () => (await job(begun.id)).state).toBe('done')
  const { result } = await job(begun.id)
  const asset = await api.json<AssetView>(`/api/v1/assets/${String(result?.['asset'])}`)
  expect(asset).toMatchObject({ name: 'Fjörd.txt', folder: 'in', tags: ['See'], sizeBytes: text.length })
  expect(await (await api.request(`/api/v1/assets/${asset.id}/original`)).text()).toBe(text)
  const again = await pulled({ url: `${base}/elsewhere?text=${text}`, name: 'b.txt' })
  expect(again.result).toMatchObject({ asset: asset.id, duplicate: true })
  const metrics = await (await api.request('/metrics')).text()
  expect(metrics).toMatch(/^uploads_total\{kind="[a-z]+",result="duplicate"\} 1$/m)
})

test.each([
  ['/empty', 'upload_empty'],
  ['/large', 'pull_too_large'],
])('%s is refused once and for all as %s, and nothing is kept', async (path, code) => {
  const ended = await pulled({ url: `${base}${path}` })
  expect([ended.state, ended.failure?.code, ended.attempt]).toEqual(['failed', code, 1])
})

test('an address that is not public is refused, also behind a redirect', async () => {
  const direct = await pulled({ url: 'http://169.254.169.254/latest/meta-data/' })
  expect(direct.failure?.code).toBe('pull_address_forbidden')
  expect((await pulled({ url: `${base}/private` })).failure?.code).toBe('pull_address_forbidden')
})

test.each([
  ['/missing', 'pull_status'],
  ['/short', 'pull_truncated'],
])('%s is tried again, and says %s meanwhile', async (path, code) => {
  const begun = (await (await ask({ url: `${base}${path}` })).json()) as JobView
  await expect.poll(async () => (await job(begun.id)).failure?.code).toBe(code)
  expect((await job(begun.id)).state).toBe('waiting')
  await api.request(`/api/v1/jobs/${begun.id}/cancel`, { method: 'POST' })
})

test('a disk that is full is the cause that is told, uses up no attempt, and the file comes when there is room', async () => {
  const before = { skipMs: api.clock.skipMs, refused }
  isDiskFull = true
  const begun = (await (await ask({ url: `${base}/a?text=${randomUUID()}` })).json()) as JobView
  // More often than a job is tried.
  for (let n = 1; n <= begun.maxAttempts + 2; n += 1) {
    await expect.poll(() => refused - before.refused).toBe(n)
    await expect.poll(async () => (await job(begun.id)).state).toBe('waiting')
    api.clock.skipMs += 20 * 60_000
  }
  expect(await job(begun.id)).toMatchObject({
    failure: { code: 'scratch_full', message: expect.stringMatching(/^The disk is full .*when there is room$/) },
  })
  isDiskFull = false
  await expect.poll(async () => (await job(begun.id)).state).toBe('done')
  api.clock.skipMs = before.skipMs
})

test('what the disk has no room for is not fetched, and is fetched when there is', async () => {
  const { skipMs } = api.clock
  freeBytes = 1010
  const begun = (await (await ask({ url: `${base}/sized?text=${randomUUID()}` })).json()) as JobView
  await expect.poll(async () => (await job(begun.id)).failure?.message).toContain('36 bytes are needed in the store')
  expect((await job(begun.id)).state).toBe('waiting')
  freeBytes = 2 ** 40
  api.clock.skipMs += 20 * 60_000
  await expect.poll(async () => (await job(begun.id)).state).toBe('done')
  api.clock.skipMs = skipMs
})

test('how much has come is seen, and a cancelled pull ends without an asset', async () => {
  const begun = (await (await ask({ url: `${base}/hang` })).json()) as JobView
  await expect.poll(() => hung).not.toBeNull()
  await api.request(`/api/v1/jobs/${begun.id}/cancel`, { method: 'POST' })
  await expect.poll(async () => (await job(begun.id)).state).toBe('cancelled')
})

test('a name is never a path', async () => {
  const ended = await pulled({ url: `${base}/x%2F..%2F..%2Fetc%2Fpasswd?text=${randomUUID()}` })
  const asset = await api.json<AssetView>(`/api/v1/assets/${String(ended.result?.['asset'])}`)
  expect([asset.name, asset.folder]).toEqual(['passwd', ''])
})

test.each([
  [{ url: 'file:///etc/passwd' }, 'http'],
  [{ url: 'http://a.example/', folder: '../x' }, 'folder'],
  [{ url: 'http://a.example/', surprise: 1 }, 'surprise'],
  [{}, 'url'],
])('%j is refused in words', async (body, words) => {
  const response = await ask(body)
  expect(response.status).toBe(400)
  expect(JSON.stringify(await response.json())).toContain(words)
})

test('the command waits for the file, or does not', async () => {
  const mirror = async (...args: string[]) =>
    await runCommand(['asset', 'pull', ...args], { env: adminEnvironment(api) })
  const text = randomUUID()
  expect((await mirror(`${base}/c.txt?text=${text}`, '--folder', 'cli')).stdout).toMatch(/^Asset \S+ is there\.\n$/)
  expect((await mirror(`${base}/c.txt?text=${text}`)).stdout).toContain('was there already')
  expect((await mirror(`${base}/c.txt?text=${randomUUID()}`, '--no-wait')).stdout).toContain('fetched by the job')
  expect((await mirror(`${base}/empty`)).code).toBe(1)
  const { assets } = await api.json<AssetPageView>('/api/v1/assets?folder=cli')
  expect(assets.map(({ name }) => name)).toEqual(['c.txt'])
})

test('nothing that was refused is left in the store', async () => {
  const { assets } = await api.json<AssetPageView>('/api/v1/assets?limit=100')
  const kept = assets.map(({ id }) => `assets/default/${id}/original`)
  const found: string[] = []
  for await (const { key } of store.list('assets/', { signal: AbortSignal.timeout(5000) })) found.push(key)
  expect(found.filter((key) => key.endsWith('/original')).toSorted()).toEqual(kept.toSorted())
})

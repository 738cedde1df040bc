// Stores that are attached, shown, probed and removed, by the API and by the command line; on folders and on a real S3 server.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventPageView } from '../../src/api/event-contract.ts'
import type { AddStoreBody, StoreListView, StoreView } from '../../src/api/store-contract.ts'
import type { Problem } from '../../src/api/system-contract.ts'
import { notRun } from '../not-run.ts'
import { startTestApi, type TestApi } from '../support/api-server.ts'
import { adminEnvironment, runCommand } from '../support/command-line.ts'
import { FaultProxy, seededRandom } from '../support/fault-proxy.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

const noServer = rgwMissing()
if (noServer !== null) notRun('attaching a bucket', noServer)

const KEYS = { accessKey: 'AK', secretKey: 'SK' }

let api: TestApi
let folder: string

beforeAll(async () => {
  api = await startTestApi()
  folder = await mkdtemp(join(tmpdir(), 'mirror-stores-'))
})

afterAll(async () => {
  await api?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('a folder is probed and attached, shown with what it can do, and removed without its objects', async () => {
  const path = join(folder, 'attic')
  await mkdir(path)
  const response = await api.request('/api/v1/stores', { method: 'POST', body: { name: 'attic', folder: { path } } })
  expect(response.status).toBe(201)
  expect(response.headers.get('location')).toBe('/api/v1/stores/attic')
  const added = (await response.json()) as StoreView
  expect(added).toMatchObject({
    ...{ name: 'attic', source: 'catalog', place: path, folder: { path }, s3: null },
    roles: ['originals', 'raw', 'renditions', 'analytics', 'backup'],
    probe: { usable: true, arbiter: true, advice: [] },
  })
  expect(added.probe?.capabilities.find(({ id }) => id === 'write')).toMatchObject({ outcome: 'yes' })
  expect(await api.json<StoreView>('/api/v1/stores/attic')).toEqual(added)

  await writeFile(join(path, 'object'), 'kept')
  const probed = await api.json<StoreView>('/api/v1/stores/attic/probe', { method: 'POST' })
  expect(Date.parse(probed.probe?.at ?? '')).toBeGreaterThanOrEqual(Date.parse(added.probe?.at ?? ''))
  expect((await api.request('/api/v1/stores/attic', { method: 'DELETE' })).status).toBe(204)
  expect(await problemOf('/api/v1/stores/attic')).toMatchObject({ status: 404, code: 'store_not_found' })
  expect(await readdir(path)).toContain('object')
  await expect.poll(() => eventsOf('attic')).toEqual(['store.removed', 'store.probed', 'store.added'])
})

test('what cannot be attached is refused with what to correct, and nothing is kept of it', async () => {
  const [taken, file] = [join(folder, 'taken'), join(folder, 'file')]
  await mkdir(taken)
  await writeFile(file, '')
  await add({ name: 'taken', folder: { path: taken } })
  const cases: [object, number, string, RegExp][] = [
    [{ name: 'taken', folder: { path: join(folder, 'x') } }, 409, 'store_exists', /store taken already/],
    [{ name: 'inside', folder: { path: join(taken, 'x') } }, 409, 'store_overlaps', /store taken lies there/],
    [{ name: 'around', folder: { path: api.dataDir } }, 409, 'store_overlaps', /store default lies there/],
    [{ name: 'typo', folder: { path: join(folder, 'typo') } }, 422, 'store_unusable', /no such folder: make it/],
    [{ name: 'file', folder: { path: file } }, 422, 'store_unusable', /it is a file/],
    [{ name: 'default', folder: { path: folder } }, 400, 'invalid_request', /store of the configuration/],
    [{ name: 'No Name', folder: { path: folder } }, 400, 'invalid_request', /lower-case letters/],
    [{ name: 'relative', folder: { path: 'srv' } }, 400, 'invalid_request', /absolute path/],
    [{ name: 'nothing' }, 400, 'invalid_request', /either "folder" or "s3"/],
    [{ name: 'both', folder: { path: folder }, s3: { bucket: 'media' } }, 400, 'invalid_request', /either/],
    [{ name: 'key', s3: { bucket: 'media', endpoint: 'https://a:b@s3.example' } }, 400, 'invalid_request', /password/],
    [
      { name: 'port', s3: { bucket: 'media', endpoint: 'http://127.0.0.1:9', credentials: KEYS } },
      422,
      'store_unusable',
      /nothing listens/,
    ],
  ]
  for (const [body, status, code, says] of cases) {
    expect(await problemOf('/api/v1/stores', { method: 'POST', body }), JSON.stringify(body)).toMatchObject({
      ...{ status, code, detail: expect.stringMatching(says) },
    })
  }
  const { stores } = await api.json<StoreListView>('/api/v1/stores')
  expect(stores.map(({ name }) => name)).toEqual(['default', 'taken'])
  expect((await readdir(folder)).filter((name) => name === 'typo')).toEqual([])
})

test('of two that are attached to one place at once one is refused', async () => {
  const path = join(folder, 'wanted')
  await mkdir(path)
  const bodies = ['one', 'two'].map((name) => ({ name, folder: { path } }))
  const answers = await Promise.all(bodies.map((body) => api.request('/api/v1/stores', { method: 'POST', body })))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409])
})

test('the store of the configuration is listed first, can be probed, and is not changed here', async () => {
  const own = await startTestApi()
  await using _closed = own
  await mkdir(join(own.dataDir, 'store', 'hot'), { recursive: true })
  const [unprobed] = (await own.json<StoreListView>('/api/v1/stores')).stores
  expect(unprobed).toMatchObject({ name: 'default', source: 'configuration', addedAt: null, probe: null })
  const probed = await own.json<StoreView>('/api/v1/stores/default/probe', { method: 'POST' })
  expect(probed).toMatchObject({ name: 'default', probe: { usable: true } })
  // Kept in the store itself.
  expect(await own.json<StoreView>('/api/v1/stores/default')).toEqual(probed)
  const response = await own.request('/api/v1/stores/default', { method: 'DELETE' })
  expect(await response.json()).toMatchObject({ status: 409, code: 'store_fixed' })
})

test('viewers see stores, operators probe them, only admins attach and remove them', async () => {
  const keys = await Promise.all(
    (['viewer', 'operator'] as const).map(async (role) => {
      const body = { name: role, role }
      return (await api.json<{ key: string }>('/api/v1/api-keys', { method: 'POST', body })).key
    }),
  )
  const [viewer = '', operator = ''] = keys
  expect((await api.request('/api/v1/stores', { key: viewer })).status).toBe(200)
  expect((await api.request('/api/v1/stores', { key: null })).status).toBe(401)
  expect((await api.request('/api/v1/stores/nobody/probe', { method: 'POST', key: viewer })).status).toBe(403)
  expect((await api.request('/api/v1/stores/nobody/probe', { method: 'POST', key: operator })).status).toBe(404)
  const body = { name: 'mine', folder: { path: folder } }
  expect((await api.request('/api/v1/stores', { method: 'POST', key: operator, body })).status).toBe(403)
  expect((await api.request('/api/v1/stores/taken', { method: 'DELETE', key: operator })).status).toBe(403)
})

test.skipIf(noServer !== null)(
  'a bucket is attached, its credentials are kept sealed, and a probe tells when it is not what it was',
  async () => {
    const { endpoint, bucket, credentials } = await createTestBucket('rgw')
    await using proxy = await FaultProxy.start(endpoint ?? '', seededRandom(1))
    const s3 = { endpoint: `http://127.0.0.1:${proxy.port}/`, bucket, prefix: 'a', credentials }
    const added = await add({ name: 'far', s3, roles: ['backup'] })
    expect(added.s3).toEqual({
      ...{ endpoint: `http://127.0.0.1:${proxy.port}`, region: 'us-east-1', bucket, prefix: 'a/', pathStyle: true },
      ...{ storageClass: null, tls: false, credentials: 'kept' },
    })
    expect(added).toMatchObject({ roles: ['backup'], probe: { usable: true, arbiter: true } })

    const row = await api.catalog.stores.get('far')
    const secret = credentials?.secretKey ?? ''
    expect(JSON.stringify([row, added, await api.json('/api/v1/events?limit=50')])).not.toContain(secret)
    expect(api.options.secrets.open(row?.sealedCredentials ?? '')).toContain(secret)
    expect(
      await problemOf('/api/v1/stores', { method: 'POST', body: { name: 'in', s3: { ...s3, prefix: 'a/b' } } }),
    ).toMatchObject({ code: 'store_overlaps' })

    await proxy.turn({ dead: 'refuse' })
    const dead = await api.json<StoreView>('/api/v1/stores/far/probe', { method: 'POST' })
    expect(dead.probe).toMatchObject({ usable: false, arbiter: false })
    expect(dead.probe?.advice[0]).toMatch(/nothing listens/)
    expect(await api.json<StoreView>('/api/v1/stores/far')).toEqual(dead)
    await expect.poll(async () => (await lastEvent('far'))?.severity).toBe('error')

    // Under another installation secret they cannot be read, which is said, and nothing is asked of the store.
    const other = await startTestApi({
      catalog: api.catalog,
      secrets: { ...api.options.secrets, open: () => null },
    })
    await using _closed = other
    expect((await other.json<StoreView>('/api/v1/stores/far')).s3?.credentials).toBe('unreadable')
    const refused = await other.request('/api/v1/stores/far/probe', { method: 'POST' })
    expect(await refused.json()).toMatchObject({ status: 409, code: 'store_sealed' })
  },
  90_000,
)

test('the command line attaches, lists, shows, probes and removes', async () => {
  const path = join(folder, 'by-hand')
  await mkdir(path)
  expect(await mirror('store', 'add', 'by-hand', '--folder', path, '--role', 'raw', '--role', 'backup')).toMatchObject({
    ...{ code: 0, stderr: '', stdout: expect.stringMatching(/is attached[\s\S]*raw, backup[\s\S]*can keep objects/) },
  })
  expect((await mirror('store', 'list')).stdout).toMatch(
    /^NAME +PLACE +STATE +PROBED\ndefault .*\n[\s\S]*by-hand .*usable/,
  )
  expect((await mirror('store', 'show', 'by-hand')).stdout).toMatch(/yes {5}an object comes back as it was written/)
  expect(JSON.parse((await mirror('store', 'show', 'by-hand', '--json')).stdout)).toMatchObject({ name: 'by-hand' })
  expect(await mirror('store', 'probe', 'by-hand')).toMatchObject({ code: 0 })
  await rm(path, { recursive: true })
  expect(await mirror('store', 'probe', 'by-hand')).toMatchObject({
    ...{ code: 1, stdout: expect.stringContaining('no such folder: make it, or mount its disk') },
  })
  expect(await mirror('store', 'remove', 'by-hand')).toMatchObject({ code: 0 })
  expect(await mirror('store', 'show', 'by-hand')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('store list'),
  })
  expect(await mirror('store', 'add', 'x')).toMatchObject({ code: 1, stderr: expect.stringContaining('--folder') })
  const half = await mirror('store', 'add', 'x', '--s3', 'media', '--access-key', 'AK')
  expect(half).toMatchObject({ code: 1, stderr: expect.stringContaining('belong together') })
})

test('without a name and without a server the store of the configuration is probed, a folder, too', async () => {
  const data = join(folder, 'data')
  const env = { MIRROR_DATA: data, PATH: '' }
  expect(await runCommand(['store', 'probe'], { env })).toMatchObject({
    ...{ code: 1, stdout: expect.stringContaining('there is no such folder') },
  })
  await mkdir(join(data, 'store', 'hot'), { recursive: true })
  const { code, stdout } = await runCommand(['store', 'probe'], { env })
  expect(stdout).toContain('Origins can agree through it.')
  expect(code).toBe(0)
})

async function add(body: AddStoreBody): Promise<StoreView> {
  return await api.json<StoreView>('/api/v1/stores', { method: 'POST', body })
}

async function problemOf(path: string, init: { readonly method?: string; readonly body?: unknown } = {}) {
  return (await (await api.request(path, init)).json()) as Problem
}

async function eventsOf(store: string): Promise<readonly string[]> {
  const { events } = await api.json<EventPageView>('/api/v1/events?limit=200')
  return events.filter(({ details }) => details['store'] === store).map(({ type }) => type)
}

async function lastEvent(store: string) {
  const { events } = await api.json<EventPageView>('/api/v1/events?limit=200')
  return events.find(({ details }) => details['store'] === store)
}

async function mirror(...args: readonly string[]) {
  return await runCommand(args, { env: adminEnvironment(api) })
}

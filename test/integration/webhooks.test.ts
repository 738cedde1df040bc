// Webhooks from the event to the receiver: the receivers of the guide, the API, the command line, and a kill.
import { type ChildProcess, spawn } from 'node:child_process'
import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CreatedApiKeyView } from '../../src/api/access-contract.ts'
import type { AssetView, UploadedAssetView } from '../../src/api/asset-contract.ts'
import type {
  DeliveryPageView,
  DeliveryView,
  ReplayedView,
  WebhookListView,
  WebhookView,
  WebhookWithSecretView,
} from '../../src/api/webhook-contract.ts'
import { ADMIN_TOKEN, NO_LIMITS, startTestApi, type TestApi } from '../support/api-server.ts'
import { adminEnvironment, runCommand } from '../support/command-line.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

interface Received {
  readonly id: string
  readonly type: string
  readonly timestamp: string
  readonly data: { readonly details: Readonly<Record<string, unknown>>; readonly streamId: string | null }
  readonly signatures: readonly string[]
  readonly isGenuine: (secret: string) => boolean
}

/** Listens, and answers as told. */
class Receiver implements AsyncDisposable {
  readonly received: Received[] = []
  status = 204
  readonly #server: Server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) body += chunk
    const id = String(request.headers['webhook-id'])
    const signatures = String(request.headers['webhook-signature']).split(' ')
    const signed = `${id}.${request.headers['webhook-timestamp']}.${body}`
    this.received.push({
      ...(JSON.parse(body) as Received),
      ...{ id, signatures },
      isGenuine: (secret) => {
        const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
        return signatures.includes(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
      },
    })
    response.writeHead(this.status).end(`status ${this.status}`)
  })

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

let api: TestApi
let folder: string
let viewer: string
let operator: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-hooks-'))
  api = await startTestApi({ limits: NO_LIMITS })
  const key = async (role: string) => {
    const body = { name: role, role }
    return (await api.json<CreatedApiKeyView>('/api/v1/api-keys', { method: 'POST', body })).key
  }
  viewer = await key('viewer')
  operator = await key('operator')
})

afterAll(async () => {
  await api?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const add = async (body: unknown) => await api.json<WebhookWithSecretView>('/api/v1/webhooks', { method: 'POST', body })
const post = async <T>(path: string, body?: unknown) =>
  await api.json<T>(`/api/v1/webhooks/${path}`, { method: 'POST', ...(body === undefined ? {} : { body }) })
const view = async (id: string) => await api.json<WebhookView>(`/api/v1/webhooks/${id}`)
const deliveries = async (id: string, query = '') =>
  (await api.json<DeliveryPageView>(`/api/v1/webhooks/${id}/deliveries${query}`)).deliveries
const remove = async (id: string) => await api.request(`/api/v1/webhooks/${id}`, { method: 'DELETE' })
/** Creates a stream, which is an event. */
const happen = async (): Promise<string> => {
  const id = `s-${randomUUID().slice(0, 8)}`
  await api.json('/api/v1/streams', { method: 'POST', body: { id } })
  return id
}

test('an event arrives signed; the secret is shown once, and both sign while it is replaced', async () => {
  await using receiver = await new Receiver().listen()
  const { secret, id, url } = await add({ url: `${receiver.url}?token=hush`, types: ['stream.created'] })
  expect(url).toBe(`${receiver.url}?token=***`)
  expect(JSON.stringify([await view(id), await api.json<WebhookListView>('/api/v1/webhooks')])).not.toContain(secret)
  const stream = await happen()
  await expect.poll(() => receiver.received.length).toBe(1)
  const [first] = receiver.received
  expect(first).toMatchObject({ type: 'stream.created', data: { streamId: stream } })
  expect([first?.isGenuine(secret), first?.signatures.length]).toEqual([true, 1])

  const rotated = await post<WebhookWithSecretView>(`${id}/rotate`, { keepOldSec: 3600 })
  expect(rotated.secret).not.toBe(secret)
  await happen()
  await expect.poll(() => receiver.received.length).toBe(2)
  const [, second] = receiver.received
  expect([second?.isGenuine(secret), second?.isGenuine(rotated.secret), second?.signatures.length]).toEqual([
    ...[true, true, 2],
  ])
  const rows = await deliveries(id)
  expect(rows.map(({ state, status, attempts, response }) => [state, status, attempts, response])).toEqual([
    ...[
      ['delivered', 204, 1, ''],
      ['delivered', 204, 1, ''],
    ],
  ])
  expect(rows.map((row) => row.id)).toEqual([second?.id, first?.id])
  await remove(id)
})

test('what failed is shown, sent again by hand or all since a time, under the same ids', async () => {
  await using receiver = await new Receiver().listen()
  receiver.status = 500
  const { id } = await add({ url: receiver.url, types: ['stream.created'] })
  const first = await happen()
  await expect.poll(() => receiver.received.length).toBe(1)
  await expect.poll(async () => (await deliveries(id))[0]?.failure).toBe('It answered with status 500')
  const [waiting] = await deliveries(id, '?state=waiting')
  expect(waiting).toMatchObject({ attempts: 1, status: 500, response: 'status 500', finishedAt: null })
  expect((await view(id)).failingSince).not.toBeNull()
  receiver.status = 204
  await post<DeliveryView>(`${id}/deliveries/${waiting?.id}/replay`)
  await expect.poll(async () => (await deliveries(id))[0]?.state).toBe('delivered')
  expect(receiver.received.map((each) => each.id)).toEqual([waiting?.id, waiting?.id])

  await api.json(`/api/v1/webhooks/${id}`, { method: 'PATCH', body: { enabled: false } })
  const missed = await happen()
  await api.json('/api/v1/events') // Now it is stored, and was told to nobody.
  const refused = await api.request(`/api/v1/webhooks/${id}/replay`, { method: 'POST', body: { since: '-1h' } })
  expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([409, 'webhook_disabled'])
  await api.json(`/api/v1/webhooks/${id}`, { method: 'PATCH', body: { enabled: true } })
  const { replayed } = await post<ReplayedView>(`${id}/replay`, { since: '-1h' })
  await expect.poll(() => receiver.received.length).toBe(2 + replayed)
  const seen = receiver.received.slice(2).map(({ data }) => data.streamId)
  expect(seen).toEqual(expect.arrayContaining([first, missed]))
  expect(new Set(seen).size).toBe(replayed)
  await remove(id)
})

test('an endpoint that is gone is switched off, and others are told', async () => {
  await using gone = await new Receiver().listen()
  await using told = await new Receiver().listen()
  gone.status = 410
  const { id: watcher } = await add({ url: told.url, types: ['webhook.*'] })
  const { id } = await add({ url: gone.url, types: ['stream.*'] })
  await happen()
  // Of those that other tests removed it may hear, too.
  const about = () => told.received.filter(({ data }) => data.details['webhookId'] === id)
  await expect.poll(() => about().map(({ type }) => type)).toEqual(['webhook.added', 'webhook.disabled'])
  expect(about().at(-1)?.data.details).toMatchObject({ reason: 'gone' })
  expect(await view(id)).toMatchObject({ enabled: false, disabledReason: 'gone' })
  const metrics = await (await api.request('/metrics')).text()
  expect(metrics).toMatch(/^webhook_deliveries_total\{result="delivered"\} [1-9]/m)
  for (const each of [id, watcher]) await remove(each)
})

test.each([
  [{ url: 'ftp://shop.example/' }, 'must be an http:// or https:// address'],
  [{ url: 'http://169.254.169.254/latest' }, 'must be at a public address'],
  [{ url: 'http://[::ffff:10.0.0.1]/' }, 'must be at a public address'],
  [{ url: 'https://shop.example/', types: ['recordings'] }, 'must be a type of event'],
  [{ url: 'https://shop.example/', types: ['asset.progress'] }, 'must be a type of event'],
  [{ url: 'https://shop.example/', types: [] }, 'expected array to have >=1 items'],
  [{ url: 'https://shop.example/', secret: 'mine' }, 'unknown key'],
])('%j is refused in words', async (body, words) => {
  const response = await api.request('/api/v1/webhooks', { method: 'POST', body })
  expect(response.status).toBe(400)
  expect(JSON.stringify(await response.json())).toContain(words)
})

describe('who may do what', () => {
  const ROUTES = [
    ['GET', '', 'operator'],
    ['POST', '', 'admin'],
    ['GET', '/:id', 'operator'],
    ['PATCH', '/:id', 'admin'],
    ['DELETE', '/:id', 'admin'],
    ['POST', '/:id/rotate', 'admin'],
    ['POST', '/:id/test', 'operator'],
    ['POST', '/:id/replay', 'operator'],
    ['GET', '/:id/deliveries', 'operator'],
    ['GET', '/:id/deliveries/:deliveryId', 'operator'],
    ['POST', '/:id/deliveries/:deliveryId/replay', 'operator'],
  ] as const

  test('the routes below are all there are', () => {
    const found = api.server.routes
      .filter(({ url, method }) => url.startsWith('/api/v1/webhooks') && method !== 'HEAD')
      .map(({ method, url, access }) => `${method} ${url.slice('/api/v1/webhooks'.length)} ${access}`)
    expect(found.sort()).toEqual(ROUTES.map((route) => route.join(' ')).sort())
  })

  test.each(ROUTES)(
    '%s /webhooks%s: nobody below its role, and none of another tenant',
    async (method, route, access) => {
      const others = {
        tenantId: 'other',
        description: '',
        types: ['*'],
        enabled: true,
        disabledReason: null,
        sealed: 'x',
      }
      const times = { failingSinceMs: null, lastSuccessAtMs: null, lastFailure: null, createdAtMs: 1, updatedAtMs: 1 }
      if ((await api.catalog.webhooks.get('other', 'theirs')) === null)
        await api.catalog.webhooks.create({ id: 'theirs', ...others, ...times })
      const path = `/api/v1/webhooks${route.replace(':id', 'theirs').replace(':deliveryId', 'd')}`
      const bodies: Readonly<Record<string, unknown>> = {
        '/:id/replay': { since: '-1h' },
        '/:id': { description: 'mine' },
      }
      const body = method === 'GET' || method === 'DELETE' ? undefined : bodies[route]
      const status = async (key: string | null) =>
        (await api.request(path, { method, key, ...(body === undefined ? {} : { body }) })).status
      expect([await status(null), await status(viewer)]).toEqual([401, 403])
      if (access === 'admin') expect(await status(operator)).toBe(403)
      if (route === '') return
      expect(await status(ADMIN_TOKEN)).toBe(404)
      expect(await api.catalog.webhooks.get('other', 'theirs')).toMatchObject({ description: '', sealed: 'x' })
    },
  )

  test('no list shows those of another tenant', async () => {
    const { webhooks } = await api.json<WebhookListView>('/api/v1/webhooks')
    expect(webhooks.map(({ id }) => id)).not.toContain('theirs')
  })
})

test('the command adds, tests, lists, replays, switches and removes', async () => {
  await using receiver = await new Receiver().listen()
  const mirror = async (...args: string[]) => await runCommand(['webhook', ...args], { env: adminEnvironment(api) })
  const { stdout } = await mirror('add', receiver.url, '--type', 'stream.created', 'asset.*', '--json')
  const { id, secret } = JSON.parse(stdout) as WebhookWithSecretView
  expect((await mirror('test', id)).stdout).toMatch(/^It arrived: status 204/)
  expect(receiver.received.map(({ type, isGenuine }) => [type, isGenuine(secret)])).toEqual([['webhook.test', true]])
  receiver.status = 301
  const failed = await mirror('test', id)
  expect([failed.code, failed.stdout]).toEqual([1, expect.stringContaining('redirects are not followed')])
  receiver.status = 200
  expect((await mirror('list')).stdout).toContain('stream.created asset.*')
  await happen()
  await expect.poll(() => receiver.received.length).toBe(3)
  await expect
    .poll(async () => (await mirror('deliveries', id, '--state', 'delivered')).stdout)
    .toContain('stream.created')
  expect((await mirror('replay', id)).stderr).toContain('Which messages?')
  expect((await mirror('replay', id, '--since', '-1h')).stdout).toMatch(/^[1-9]\d* messages are sent again/)
  const last = receiver.received.at(-1)?.id ?? ''
  expect((await mirror('replay', id, last)).stdout).toBe('It is sent again.\n')
  expect((await mirror('rotate', id)).stdout).toContain('whsec_')
  expect((await mirror('disable', id)).stdout).toBe('The webhook is off.\n')
  expect((await mirror('replay', id, last)).stderr).toContain('switched off')
  expect((await mirror('enable', id)).stdout).toBe('The webhook is on.\n')
  expect((await mirror('show', id)).stdout).toMatch(/state +on/)
  expect((await mirror('remove', id)).stdout).toBe('The webhook was removed.\n')
  expect((await mirror('show', id)).stderr).toContain('There is no webhook')
})

describe.each([
  ['js', 'receiver.mjs', process.execPath],
  ['python', 'receiver.py', 'python3'],
] as const)('the receiver of the guide in %s', (language, file, program) => {
  let child: ChildProcess
  let id: string
  let url: string
  const said: string[] = []

  beforeAll(async () => {
    const guide = await readFile(new URL('../../docs/guide/webhooks.md', import.meta.url), 'utf8')
    const code = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(guide)?.[1] ?? ''
    await writeFile(join(folder, file), code)
    const added = await add({ url: 'http://127.0.0.1:9/', types: ['stream.created'] })
    id = added.id
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, PORT: '0', WEBHOOK_SECRET: added.secret }
    child = spawn(program, [join(folder, file)], { env, stdio: ['ignore', 'pipe', 'ignore'] })
    if (child.stdout === null) throw new Error('no output')
    const lines = createInterface({ input: child.stdout })
    lines.on('line', (line) => said.push(line))
    await once(lines, 'line')
    url = `http://127.0.0.1:${said[0]?.replace('listening ', '')}/`
    await api.json(`/api/v1/webhooks/${id}`, { method: 'PATCH', body: { url } })
  })
  afterAll(async () => {
    child.kill()
    await remove(id)
  })

  test('takes what Mirror sends, once, and refuses what is altered or old', async () => {
    expect(await post<DeliveryView>(`${id}/test`)).toMatchObject({ state: 'delivered', status: 204 })
    await happen()
    await expect.poll(async () => (await deliveries(id, '?state=delivered')).length).toBe(2)
    const [delivery] = await deliveries(id)
    await post<DeliveryView>(`${id}/deliveries/${delivery?.id}/replay`)
    await expect.poll(async () => (await deliveries(id, '?state=delivered')).length).toBe(2)
    await expect.poll(() => said.slice(1)).toEqual(['webhook.test', 'stream.created'])
    const headers = { 'webhook-id': 'x', 'webhook-signature': 'v1,AAAA' }
    const forged = { ...headers, 'webhook-timestamp': String(Math.floor(Date.now() / 1000)) }
    expect((await fetch(url, { method: 'POST', headers: forged, body: '{}' })).status).toBe(401)
    api.clock.skipMs -= 3_600_000
    const old = await post<DeliveryView>(`${id}/test`).finally(() => {
      api.clock.skipMs += 3_600_000
    })
    expect(old).toMatchObject({ state: 'failed', status: 401 })
  })
})

test('killed while content comes in, Mirror loses no event of it, and tells of each asset in order', async () => {
  await using receiver = await new Receiver().listen()
  await using mirror = await MirrorProcess.start({ env: { MIRROR_PULL_ALLOW: '127.0.0.1' } })
  const { secret } = await mirror.api<WebhookWithSecretView>('POST', '/webhooks', {
    url: receiver.url,
    types: ['asset.*'],
  })
  const acknowledged: string[] = []
  const upload = async (lane: number) => {
    for (let n = 0; ; n += 1) {
      const form = new FormData()
      form.append('file', new Blob([`${lane} ${n} ${randomUUID()}`]), `${lane}-${n}.txt`)
      const headers = { authorization: `Bearer ${mirror.apiKey}` }
      const response = await fetch(`${mirror.consoleUrl}/api/v1/assets`, { method: 'POST', headers, body: form })
      acknowledged.push(((await response.json()) as UploadedAssetView).asset.id)
      if (acknowledged.length === 20) await mirror.kill()
    }
  }
  await Promise.allSettled([0, 1, 2].map(upload))
  expect(acknowledged.length).toBeGreaterThanOrEqual(20)
  await mirror.start()
  const typesOf = (asset: string) => {
    const about = receiver.received.filter(({ data }) => data.details['assetId'] === asset)
    // The first time that each id came.
    return about.filter(({ id }, n) => about.findIndex((each) => each.id === id) === n).map(({ type }) => type)
  }
  const ended = async (asset: string) => (await mirror.api<AssetView>('GET', `/assets/${asset}`)).status
  for (const asset of acknowledged) {
    await expect.poll(() => ended(asset), { timeout: 60_000 }).toMatch(/^(?:ready|failed)$/)
    const type = `asset.${await ended(asset)}`
    await expect.poll(() => typesOf(asset), { timeout: 60_000 }).toEqual(['asset.created', type])
  }
  expect(receiver.received.filter(({ isGenuine }) => !isGenuine(secret))).toEqual([])
})

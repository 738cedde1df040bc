// Every route of the library and of its jobs × who asks: the owner, somebody for what another tenant owns, nobody, somebody whose key
// may too little, and somebody with a link in place of a key, or with one whose time is over.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventOfJob } from '../../src/api/job-view.ts'
import { callRecordingPartKey, parseObjectKey } from '../../src/storage/keys.ts'
import { asset, rendition } from '../contract/assets.ts'
import { recordingPolicy } from '../contract/recording-policies.ts'
import { callRecording } from '../contract/recordings.ts'
import { webhook } from '../contract/webhooks.ts'
import { ADMIN_TOKEN, NO_LIMITS, startTestApi, type TestApi } from '../support/api-server.ts'
import { createMemoryTiers } from '../support/memory-tiers.ts'

const LIBRARY = /^\/(?:api\/v1\/(?:assets|recordings|uploads|webhooks|incoming|jobs|events)|links)(?:\/|$)/
const TUS = { 'tus-resumable': '1.0.0' }
const PART = { ...TUS, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }

/** What one tenant owns. */
interface Owned {
  readonly tenant: string
  readonly asset: string
  readonly recording: string
  readonly upload: string
  readonly webhook: string
  readonly delivery: string
  readonly job: string
}

interface Row {
  /** Status that the owner gets. */
  readonly own: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Of the answer to whoever names what another tenant owns; omitted: nothing can be named. */
  readonly foreign?: string
  /** It lists: nothing of another tenant is in the answer, what is one's own is. */
  readonly lists?: keyof Owned
}

const NO_ASSET = 'asset_not_found'
const NO_RECORDING = 'call_recording_not_found'
const NO_UPLOAD = 'upload_not_found'
const NO_WEBHOOK = 'webhook_not_found'
const NO_JOB = 'job_not_found'
const POLICY = { hotToWarmDays: 7, warmToColdDays: 30, retentionDays: 90 }
const HOOK = { url: 'https://shop.example/hook' }
const WAVEFORM = {
  version: 1,
  durationSec: 1,
  sampleRateHz: 8,
  channels: 1,
  samplesPerPeak: 8,
  length: 1,
  data: [0, 1],
}
const PULL = { url: 'https://camera.example/7.mp4' }

/** A route that is not here fails the first test. */
const ROUTES: Readonly<Record<string, Row>> = {
  'POST /api/v1/assets': { own: 202, body: PULL },
  'GET /api/v1/assets': { own: 200, lists: 'asset' },
  'GET /api/v1/assets/labels': { own: 200 },
  'GET /api/v1/assets/:id': { own: 200, foreign: NO_ASSET },
  'PATCH /api/v1/assets/:id': { own: 200, body: { name: 'b' }, foreign: NO_ASSET },
  'DELETE /api/v1/assets/:id': { own: 200, foreign: NO_ASSET },
  'POST /api/v1/assets/:id/restore': { own: 200, foreign: NO_ASSET },
  'POST /api/v1/assets/:id/process': { own: 202, body: {}, foreign: NO_ASSET },
  // A picture has none; what a video takes, test/integration/added-subtitles.test.ts asks.
  'PUT /api/v1/assets/:id/subtitles/:language': {
    own: 415,
    body: 'x',
    headers: { 'content-type': 'text/vtt' },
    foreign: NO_ASSET,
  },
  'DELETE /api/v1/assets/:id/subtitles/:language': { own: 415, foreign: NO_ASSET },
  'GET /api/v1/assets/:id/url': { own: 200, foreign: NO_ASSET },
  'GET /api/v1/assets/:id/original': { own: 200, foreign: NO_ASSET },
  'GET /api/v1/assets/:id/renditions/:rendition': { own: 200, foreign: NO_ASSET },
  'GET /links/assets/:tenant/:id/original': { own: 200, foreign: 'link_invalid' },
  'GET /links/assets/:tenant/:id/renditions/:rendition': { own: 200, foreign: 'link_invalid' },
  'POST /api/v1/recordings/upload': { own: 202, body: { ...PULL, callId: 'c' } },
  'GET /api/v1/recordings': { own: 200, lists: 'recording' },
  'POST /api/v1/recordings/backfill': { own: 202, body: {} },
  'GET /api/v1/recordings/policy': { own: 200, lists: 'recording' },
  'PUT /api/v1/recordings/policy': { own: 200, body: POLICY },
  'DELETE /api/v1/recordings/policy': { own: 200 },
  'GET /api/v1/recordings/:id': { own: 200, foreign: NO_RECORDING },
  'GET /api/v1/recordings/:id/url': { own: 200, foreign: NO_RECORDING },
  'GET /api/v1/recordings/:id/stream': { own: 302, foreign: NO_RECORDING },
  'GET /api/v1/recordings/:id/waveform': { own: 200, foreign: NO_RECORDING },
  'POST /api/v1/recordings/:id/backfill': { own: 202, foreign: NO_RECORDING },
  'DELETE /api/v1/recordings/:id': { own: 204, foreign: NO_RECORDING },
  'GET /links/recordings/:tenant/:id/original': { own: 200, foreign: 'link_invalid' },
  'POST /api/v1/uploads': { own: 201, headers: { ...TUS, 'upload-length': '3' } },
  'GET /api/v1/uploads': { own: 200, lists: 'upload' },
  'OPTIONS /api/v1/uploads': { own: 204 },
  'OPTIONS /api/v1/uploads/:id': { own: 204 },
  'GET /api/v1/uploads/:id': { own: 200, foreign: NO_UPLOAD },
  'HEAD /api/v1/uploads/:id': { own: 200, headers: TUS, foreign: NO_UPLOAD },
  'PATCH /api/v1/uploads/:id': { own: 204, headers: PART, body: 'abc', foreign: NO_UPLOAD },
  'POST /api/v1/uploads/:id': {
    ...{ own: 204, headers: { ...PART, 'x-http-method-override': 'PATCH' }, body: 'abc', foreign: NO_UPLOAD },
  },
  'DELETE /api/v1/uploads/:id': { own: 204, headers: TUS, foreign: NO_UPLOAD },
  // The store of this test is no bucket; whose ticket it is, test/integration/direct-uploads.test.ts asks.
  'POST /api/v1/uploads/direct': { own: 409, body: { name: 'a', sizeBytes: 1 } },
  'POST /api/v1/uploads/direct/parts': { own: 409, body: { ticket: 'x', from: 1 } },
  'POST /api/v1/uploads/direct/complete': { own: 409, body: { ticket: 'x' } },
  'POST /api/v1/uploads/direct/abort': { own: 409, body: { ticket: 'x' } },
  'POST /api/v1/incoming/s3-events': { own: 409, body: { Records: [] } },
  'GET /api/v1/webhooks': { own: 200, lists: 'webhook' },
  'POST /api/v1/webhooks': { own: 201, body: HOOK },
  'GET /api/v1/webhooks/:id': { own: 200, foreign: NO_WEBHOOK },
  'PATCH /api/v1/webhooks/:id': { own: 200, body: { description: 'b' }, foreign: NO_WEBHOOK },
  'DELETE /api/v1/webhooks/:id': { own: 204, foreign: NO_WEBHOOK },
  'POST /api/v1/webhooks/:id/rotate': { own: 200, body: {}, foreign: NO_WEBHOOK },
  'POST /api/v1/webhooks/:id/test': { own: 200, foreign: NO_WEBHOOK },
  'POST /api/v1/webhooks/:id/replay': { own: 202, body: { since: '-1s' }, foreign: NO_WEBHOOK },
  'GET /api/v1/webhooks/:id/deliveries': { own: 200, lists: 'delivery', foreign: NO_WEBHOOK },
  'GET /api/v1/webhooks/:id/deliveries/:deliveryId': { own: 200, foreign: NO_WEBHOOK },
  'POST /api/v1/webhooks/:id/deliveries/:deliveryId/replay': { own: 202, foreign: NO_WEBHOOK },
  'GET /api/v1/jobs': { own: 200, lists: 'job' },
  'POST /api/v1/jobs': { own: 202, body: { kind: 'fsck' } },
  'GET /api/v1/jobs/:id': { own: 200, foreign: NO_JOB },
  'POST /api/v1/jobs/:id/cancel': { own: 200, foreign: NO_JOB },
  'GET /api/v1/events': { own: 200, lists: 'job' },
}

let api: TestApi
let theirs: Owned
const store = createMemoryTiers()
const keys: Record<string, string> = {}

beforeAll(async () => {
  api = await startTestApi({ store, limits: NO_LIMITS })
  for (const role of ['viewer', 'operator']) {
    const body = { name: role, role }
    keys[role] = (await api.json<{ key: string }>('/api/v1/api-keys', { method: 'POST', body })).key
  }
  theirs = await own('other', SUBJECTS)
})
afterAll(async () => await api?.[Symbol.asyncDispose]())

async function put(text: string, body = 'bytes'): Promise<void> {
  const key = parseObjectKey(text)
  if (key === null) throw new Error(text)
  await store.put(key, Buffer.from(body), { contentType: 'text/plain', signal: AbortSignal.timeout(5000) })
}

/** What a route is about: nothing else is made for it. */
type Subject = 'assets' | 'recordings' | 'uploads' | 'webhooks' | 'jobs' | 'events'
const SUBJECTS = ['assets', 'recordings', 'uploads', 'webhooks', 'jobs', 'events'] as const

/** Anew each time, so that no route sees what another has done. */
async function own(tenant: string, subjects: readonly Subject[]): Promise<Owned> {
  const id = randomUUID()
  const owned = { tenant, asset: id, recording: id, upload: id, webhook: id, delivery: id, job: id }
  for (const subject of subjects) await MAKE[subject](tenant, id)
  if (!subjects.includes('uploads')) return owned
  const order = { tenantId: tenant, owner: id, lengthBytes: 3, metadata: {} }
  return { ...owned, upload: (await api.options.uploads.create(order)).id }
}

async function ownFor(route: string): Promise<Owned> {
  return await own(
    'default',
    SUBJECTS.filter((subject) => route.includes(`/${subject}`)),
  )
}

const MAKE: Readonly<Record<Subject, (tenant: string, id: string) => Promise<void>>> = {
  async assets(tenant, id) {
    const { assets } = api.catalog
    await assets.add(asset(id, { tenantId: tenant, sizeBytes: 5, status: 'ready' }))
    const objectKey = `assets/${tenant}/${id}/thumbnail-1/thumbnail.jpg`
    await assets.saveRendition(rendition(id, 'thumbnail', { tenantId: tenant, objectKey, sizeBytes: 5 }), null)
    await put(`assets/${tenant}/${id}/original`)
    await put(objectKey)
  },
  async recordings(tenant, id) {
    await api.catalog.recordingPolicies.set(recordingPolicy(id, { tenantId: tenant }), () => [])
    const waveformKey = callRecordingPartKey(tenant, id, 'waveform.json')
    const objectKey = `recordings/${tenant}/${id}/original`
    const facts = { status: 'COMPLETED', sizeBytes: 5, sha256: 'x', waveformKey, createdAtMs: Date.now() } as const
    await api.catalog.recordings.add(callRecording(id, { tenantId: tenant, objectKey, ...facts }))
    await put(objectKey)
    await put(waveformKey, JSON.stringify(WAVEFORM))
  },
  uploads: async () => {},
  async jobs(tenantId, id) {
    await api.catalog.jobs.add({ id, kind: 'asset-pull', tenantId, payload: { tenant: tenantId } }, Date.now())
  },
  async events(tenantId, id) {
    const job = { id, kind: 'asset-pull', tenantId, payload: {} }
    const { job: begun } = await api.catalog.jobs.add({ ...job, id: `${id}-told` }, Date.now())
    const event = eventOfJob({ ...begun, id, state: 'running' }, Date.now())
    if (event !== null) api.server.events.publish(event)
  },
  async webhooks(tenant, id) {
    const { webhooks } = api.catalog
    for (const before of await webhooks.list(tenant)) await webhooks.remove(tenant, before.id)
    const secrets = { url: 'http://127.0.0.1:1/', secret: 'whsec_AAAA', previous: null }
    const sealed = api.options.secrets.seal(JSON.stringify(secrets))
    await webhooks.create(webhook(id, { tenantId: tenant, sealed, types: ['store.probed'] }))
    await webhooks.addClaimed({
      ...{ id, webhookId: id, tenantId: tenant, type: 'store.probed', object: null, body: '{}', state: 'delivered' },
      ...{ attempt: 1, fence: 1, leaseUntilMs: null, nextAtMs: 0, giveUpAtMs: 0, atMs: 0, finishedAtMs: Date.now() },
      ...{ status: 204, failure: null, response: null, tookMs: 1 },
    })
  },
}

function pathOf(route: string, owned: Owned): string {
  const path = route.slice(route.indexOf(' ') + 1)
  const id = path.includes('/uploads') ? owned.upload : owned.asset
  const named = path.replace(':tenant', owned.tenant).replace(':deliveryId', owned.delivery)
  return named.replace(':rendition', 'thumbnail').replace(':language', 'de').replace(':id', id)
}

async function ask(route: string, path: string, key: string | null): Promise<readonly [number, string]> {
  const { body, headers = {} } = ROUTES[route] ?? { own: 0 }
  const response = await fetch(`${api.url}${path}`, {
    method: route.slice(0, route.indexOf(' ')),
    redirect: 'manual',
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return [response.status, await response.text()]
}

function codeOf([status, text]: readonly [number, string]): readonly [number, string | null] {
  return [status, text.startsWith('{') ? ((JSON.parse(text) as { readonly code?: string }).code ?? null) : null]
}

const sign = (path: string, atMs = Date.now() + 60_000) => api.options.secrets.links.sign(path, atMs)
const isLink = (route: string) => route.includes(' /links/')
const accessOf = (route: string) =>
  api.server.routes.find(({ method, url }) => `${method} ${url}` === route)?.access ?? 'open'
const isOpen = (route: string) => accessOf(route) === 'open' && !isLink(route)

test('the routes of this table are those of the library', () => {
  const found = api.server.routes.filter(({ url }) => LIBRARY.test(url)).map(({ method, url }) => `${method} ${url}`)
  // Fastify answers HEAD as it answers GET.
  const isShadow = (route: string) => route.startsWith('HEAD ') && ROUTES[route] === undefined
  expect(found.filter((route) => !isShadow(route)).toSorted()).toEqual(Object.keys(ROUTES).toSorted())
  for (const shadow of found.filter(isShadow)) expect(found).toContain(shadow.replace('HEAD', 'GET'))
})

describe.each(Object.entries(ROUTES))('%s', (route, { own: status, foreign, lists }) => {
  test('serves its owner, and shows nothing of others', async () => {
    const mine = await ownFor(route)
    const path = pathOf(route, mine)
    const answer = await ask(route, isLink(route) ? sign(path) : path, isLink(route) ? null : ADMIN_TOKEN)
    expect([answer[0], codeOf(answer)[1]]).toEqual([status, status < 400 ? null : expect.any(String)])
    expect(answer[1]).not.toContain(theirs.asset)
    expect(answer[1]).not.toContain(theirs.upload)
    if (lists !== undefined) expect(answer[1]).toContain(mine[lists])
  })

  test('knows nothing of what another tenant owns, and leaves it as it is', async () => {
    if (foreign === undefined) return
    const mine = await ownFor(route)
    const { catalog, options } = api
    const seen = async () => ({
      asset: await catalog.assets.get('other', theirs.asset),
      recording: await catalog.recordings.get('other', theirs.recording),
      policy: await catalog.recordingPolicies.current('other'),
      upload: options.uploads.get('other', theirs.upload),
      webhook: await catalog.webhooks.get('other', theirs.webhook),
      job: await catalog.jobs.get(theirs.job),
      delivery: await catalog.webhooks.delivery('other', theirs.webhook, theirs.delivery),
    })
    const before = await seen()
    const path = pathOf(route, theirs)
    // A link of one's own opens no path of another tenant.
    const { search } = new URL(sign(pathOf(route, mine)), api.url)
    const answer = await ask(route, isLink(route) ? `${path}${search}` : path, isLink(route) ? null : ADMIN_TOKEN)
    const expected = isLink(route) ? 403 : 404
    expect(route.startsWith('HEAD ') ? answer[0] : codeOf(answer)).toEqual(
      route.startsWith('HEAD ') ? expected : [expected, foreign],
    )
    expect(await seen()).toEqual(before)
  })

  test('tells nobody anything without a key, with a wrong one, or with a link in its place', async () => {
    if (isOpen(route)) return
    const path = pathOf(route, await ownFor(route))
    const refused = isLink(route) ? 403 : 401
    expect((await ask(route, path, null))[0]).toBe(refused)
    expect((await ask(route, path, 'mk_nobody'))[0]).toBe(refused)
    if (isLink(route)) expect((await ask(route, path, ADMIN_TOKEN))[0]).toBe(refused)
    else expect((await ask(route, sign(path), null))[0]).toBe(401)
  })

  test('opens nothing by a link whose time is over', async () => {
    if (isOpen(route)) return
    const late = sign(pathOf(route, await ownFor(route)), Date.now() - 1)
    const answer = await ask(route, late, null)
    if (isLink(route)) expect(codeOf(answer)).toEqual([403, 'link_expired'])
    else expect(answer[0]).toBe(401)
  })

  test('does nothing for a key that may too little', async () => {
    const access = accessOf(route)
    const weaker = access === 'admin' ? ['viewer', 'operator'] : access === 'operator' ? ['viewer'] : []
    const path = pathOf(route, await ownFor(route))
    for (const role of weaker) expect((await ask(route, path, keys[role] ?? null))[0], role).toBe(403)
  })
})

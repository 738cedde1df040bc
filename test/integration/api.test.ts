import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { CreatedApiKeyView, MeView } from '../../src/api/access-contract.ts'
import type { DateRangeView } from '../../src/api/date-range-contract.ts'
import type { DvrRecordingDetailView, DvrRecordingPage, DvrRecordingView } from '../../src/api/dvr-contract.ts'
import type { EventPageView } from '../../src/api/event-contract.ts'
import { ensureFirstLogin } from '../../src/api/login-links.ts'
import { DEFAULT_RATE_LIMITS } from '../../src/api/rate-limit.ts'
import { DEFAULT_SOCKET_LIMITS } from '../../src/api/sockets.ts'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { registerStreams } from '../../src/api/stream-service.ts'
import type { Problem, SystemView } from '../../src/api/system-contract.ts'
import type { Role } from '../../src/catalog/types.ts'
import { credentialsPath, writeCliCredentials } from '../../src/cli/credentials-file.ts'
import { runCli } from '../../src/cli/run-cli.ts'
import { deriveKey, lookupOf } from '../../src/core/secrets.ts'
import type { MirrorEvent } from '../../src/live/events.ts'
import { ADMIN_TOKEN, NO_LIMITS, startTestApi, type TestApi } from '../support/api-server.ts'
import { runCommand } from '../support/command-line.ts'
import { createFakeLive } from '../support/fake-live.ts'

const GENEROUS = { perSec: 1000, burst: 1000 }

let api: TestApi
beforeAll(async () => {
  api = await startTestApi({ limits: NO_LIMITS })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

async function createStream(id: string, body: object = {}): Promise<StreamView> {
  return await api.json<StreamView>('/api/v1/streams', { method: 'POST', body: { id, ...body } })
}

async function createKey(role: Role): Promise<CreatedApiKeyView> {
  return await api.json('/api/v1/api-keys', { method: 'POST', body: { name: `test ${role}`, role } })
}

async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
  const problem = (await response.json()) as Problem
  expect(problem.status).toBe(response.status)
  return problem
}

describe('streams', () => {
  test('a created stream comes with every address ready to paste, and the media plane knows its key', async () => {
    const response = await api.request('/api/v1/streams', { method: 'POST', body: { id: 'Studio-1', name: 'Studio' } })
    expect(response.status).toBe(201)
    expect(response.headers.get('location')).toBe('/api/v1/streams/Studio-1')
    const stream = (await response.json()) as StreamView
    const key = stream.publishKey
    expect(key).toMatch(/^[a-z0-9]{20,}$/)
    expect(stream.ingest).toEqual({
      rtmp: `rtmp://127.0.0.1:1935/live/Studio-1?key=${key}`,
      rtmpServer: 'rtmp://127.0.0.1:1935/live',
      rtmpKey: `Studio-1?key=${key}`,
      srt: `srt://127.0.0.1:6000?streamid=publish:Studio-1:${key}`,
      cmaf: `http://127.0.0.1:8888/ingest/Studio-1?key=${key}`,
    })
    expect(stream.playback.hls).toBe('http://127.0.0.1:8888/stream/Studio-1/playlist.m3u8')
    const lookup = lookupOf(key ?? '', deriveKey(new Uint8Array(32), 'publish-key-lookup'))
    expect(api.live.registered.get('Studio-1')?.keyLookups).toEqual([lookup])
    expect(await api.json('/api/v1/streams/Studio-1')).toEqual(stream)
  })

  test('settings change one by one, reach the media plane, and impossible ones are refused by name', async () => {
    await createStream('patched', { settings: { segment: '4s' } })
    const changed = await api.json<StreamView>('/api/v1/streams/patched', {
      method: 'PATCH',
      body: { name: 'New', settings: { part: '500ms' } },
    })
    expect(changed).toMatchObject({ name: 'New', settings: { segment: '4s', part: '500ms', window: '30s' } })
    expect(api.live.registered.get('patched')?.settings).toMatchObject({ segmentMs: 4000, partMs: 500 })
    const refused = await api.request('/api/v1/streams/patched', {
      method: 'PATCH',
      body: { settings: { segment: '400ms' } },
    })
    expect((await problemOf(refused)).errors).toEqual([
      { path: 'settings.part', message: 'A part cannot be longer than its segment' },
    ])
  })

  test('a second stream of the same id is a conflict, a deleted one is gone everywhere', async () => {
    await createStream('twice')
    const again = await api.request('/api/v1/streams', { method: 'POST', body: { id: 'twice' } })
    expect(await problemOf(again)).toMatchObject({ status: 409, code: 'stream_exists' })
    expect((await api.request('/api/v1/streams/twice', { method: 'DELETE' })).status).toBe(204)
    expect([api.live.registered.has('twice'), api.live.isSynced]).toEqual([false, true])
    expect(await problemOf(await api.request('/api/v1/streams/twice'))).toMatchObject({ code: 'stream_not_found' })
  })

  test('rotating a key ends the old one, adding one keeps it, and the only key stays', async () => {
    const { publishKey } = await createStream('keyed')
    const added = await api.json<{ id: string; key: string }>('/api/v1/streams/keyed/keys', { method: 'POST' })
    const { keys } = await api.json<{ keys: { id: string; key: string }[] }>('/api/v1/streams/keyed/keys')
    expect(keys.map(({ key }) => key)).toEqual([added.key, publishKey])
    const rotated = await api.json<{ id: string; key: string }>('/api/v1/streams/keyed/keys', {
      method: 'POST',
      body: { rotate: true },
    })
    expect(api.live.registered.get('keyed')?.keyLookups).toHaveLength(1)
    expect((await api.json<StreamView>('/api/v1/streams/keyed')).publishKey).toBe(rotated.key)
    const refused = await api.request(`/api/v1/streams/keyed/keys/${rotated.id}`, { method: 'DELETE' })
    expect(refused.status).toBe(400)
  })

  test('restart, inputs, test source and figures reach the media plane', async () => {
    await createStream('tested')
    await api.json('/api/v1/streams/tested/restart', { method: 'POST' })
    expect(api.live.restarted).toContain('tested')
    const live = await api.json<StreamView>('/api/v1/streams/tested/test-source', { method: 'POST' })
    expect(live.status).toBe('live')
    expect(await api.json('/api/v1/streams/tested/inputs')).toMatchObject({
      inputs: [{ protocol: 'test', id: 'test-1', role: 'active', health: 'healthy', configured: false }],
    })
    const inputs = '/api/v1/streams/tested/inputs'
    expect(await api.json(`${inputs}/test-1/activate`, { method: 'POST' })).toEqual({ active: 'test-1' })
    await expect(api.json(`${inputs}/udp-1/activate`, { method: 'POST' })).rejects.toThrow(/409.*input_not_ready/)
    api.live.setStatus('tested', { switches: { silent: 2 } })
    const metrics = await (await api.request('/metrics')).text()
    expect(metrics).toContain('stream_input_healthy{stream_id="tested",input="test-1"} 1')
    expect(metrics).toContain('stream_input_switches_total{stream_id="tested",reason="silent"} 2')
    api.live.setStatus('tested', { latencyMs: { p50: 300, p95: 400 }, drops: { late: 2, garbage: 1 }, bitrateBps: 5e6 })
    const { streams } = await api.json<{ streams: { id: string }[] }>('/api/v1/metrics/streams')
    expect(streams.find(({ id }) => id === 'tested')).toMatchObject({ latency_p50: 300, drops: 3, bitrate_bps: 5e6 })
    expect((await api.request('/api/v1/streams/tested/test-source', { method: 'DELETE' })).status).toBe(204)
  })

  test('configured inputs are put in an order that names each of them once', async () => {
    await createStream('ordered')
    const inputs = '/api/v1/streams/ordered/inputs'
    for (const port of [5104, 5106]) await api.json(inputs, { method: 'POST', body: { kind: 'udp', port } })
    const patch = (order: readonly string[]) => api.json(inputs, { method: 'PATCH', body: { order } })
    expect(await patch(['udp-2', 'udp-1'])).toMatchObject({ configured: [{ id: 'udp-2' }, { id: 'udp-1' }] })
    expect(await api.json(inputs)).toMatchObject({ configured: [{ id: 'udp-2' }, { id: 'udp-1' }] })
    for (const order of [['udp-1'], ['udp-1', 'udp-1'], ['udp-1', 'udp-2', 'udp-3']]) {
      await expect(patch(order), String(order)).rejects.toThrow(/400.*invalid_request/)
    }
  })

  test('a slate is what was uploaded, within limits, and the media plane learns of it', async () => {
    await createStream('always')
    const path = '/api/v1/streams/always/slate'
    const put = (bytes: Uint8Array<ArrayBuffer>) =>
      fetch(`${api.url}${path}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'image/png' },
        body: bytes,
      })
    const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3])
    expect((await api.request(path)).status).toBe(404)
    expect(await (await put(Uint8Array.from([1, 2, 3]))).json()).toMatchObject({ code: 'slate_unreadable' })
    expect((await put(new Uint8Array(21 * 1024 * 1024))).status).toBe(413)
    expect(await (await put(png)).json()).toMatchObject({ slate: { kind: 'png', sizeBytes: 11 } })
    expect(api.live.registered.get('always')?.settings.slate).toMatchObject({ kind: 'png', sizeBytes: 11 })
    const got = await api.request(path)
    expect([got.headers.get('content-type'), new Uint8Array(await got.arrayBuffer())]).toEqual(['image/png', png])
    await api.json('/api/v1/streams/always', { method: 'PATCH', body: { settings: { grace: '1m' } } })
    expect(api.live.registered.get('always')?.settings.slate).not.toBeNull()
    expect((await api.request(path, { method: 'DELETE' })).status).toBe(204)
    expect(api.live.registered.get('always')?.settings.slate).toBeNull()
  })

  test('the demo starts once, however often it is asked for', async () => {
    const first = await api.json<StreamView>('/api/v1/demo', { method: 'POST' })
    expect(first).toMatchObject({ id: 'demo', status: 'live', settings: { segment: '1s', gop: 'fixed' } })
    expect((await api.json<StreamView>('/api/v1/demo', { method: 'POST' })).publishKey).toBe(first.publishKey)
  })

  test('after a restart the media plane learns of every stream in the catalog', async () => {
    const { publishKey } = await createStream('kept')
    const live = createFakeLive()
    await registerStreams(api.catalog, live, Date.now())
    const lookup = lookupOf(publishKey ?? '', deriveKey(new Uint8Array(32), 'publish-key-lookup'))
    expect(live.registered.get('kept')?.keyLookups).toEqual([lookup])
  })
})

async function expectProblem(answer: Promise<Response>, status: number, code: string): Promise<void> {
  expect(await problemOf(await answer)).toMatchObject({ status, code })
}

describe('date ranges', () => {
  const path = '/api/v1/streams/ads/dateranges'
  const post = (body: object) => api.json<DateRangeView>(path, { method: 'POST', body })
  const registered = () => api.live.registered.get('ads')?.dateRanges ?? []

  test('one is added, announced, ended and only then removed', async () => {
    await createStream('ads')
    const added = await post({
      id: 'ad-1',
      class: 'ads',
      scte35Out: '0xFC002F',
      attributes: { 'X-COM-EXAMPLE': 'a b' },
    })
    expect(added).toMatchObject({
      id: 'ad-1',
      endDate: null,
      scte35Out: '0xFC002F',
      attributes: { 'X-COM-EXAMPLE': 'a b' },
    })
    expect(registered().map(({ id }) => id)).toEqual(['ad-1'])
    const ended = await api.json<DateRangeView>(`${path}/ad-1`, { method: 'PATCH', body: { endDate: 'now' } })
    expect(Date.parse(ended.endDate ?? '')).toBeGreaterThanOrEqual(Date.parse(added.startDate))
    expect(registered()).toMatchObject([{ id: 'ad-1', endMs: Date.parse(ended.endDate ?? '') }])
    expect(await api.json(path)).toMatchObject({ dateRanges: [{ id: 'ad-1', endDate: ended.endDate }] })
    await api.json('/api/v1/streams/ads/test-source', { method: 'POST' })
    await expectProblem(api.request(`${path}/ad-1`, { method: 'DELETE' }), 409, 'daterange_listed')
    await api.request('/api/v1/streams/ads/test-source', { method: 'DELETE' })
  })

  test('what makes no sense is refused by name and changes nothing', async () => {
    const before = await api.json(path)
    await expectProblem(api.request(path, { method: 'POST', body: { id: 'ad-1' } }), 409, 'daterange_exists')
    await expectProblem(
      api.request(`${path}/ad-1`, { method: 'PATCH', body: { class: 'other' } }),
      409,
      'daterange_fixed',
    )
    await expectProblem(api.request(`${path}/none`, { method: 'DELETE' }), 404, 'daterange_not_found')
    const wrong = [
      { id: 'x', startDate: 'tomorrow' },
      { id: 'x"y' },
      { id: 'x', endDate: '2020-01-01T00:00:00Z' },
      { id: 'x', endOnNext: true },
      { id: 'x', scte35Out: 'FC00' },
      { id: 'x', attributes: { 'COM-EXAMPLE': 1 } },
    ]
    for (const body of wrong) await expectProblem(api.request(path, { method: 'POST', body }), 400, 'invalid_request')
    expect(await api.json(path)).toEqual(before)
  })
})

describe('recordings that are asked for', () => {
  const post = (action: 'start' | 'stop', body: object = {}) =>
    api.request(`/api/v1/streams/match/dvr/${action}`, { method: 'POST', body })
  const registered = () => api.live.registered.get('match')

  test('one runs from start to stop, is kept by the media plane, and goes when it is deleted', async () => {
    await createStream('match')
    expect(registered()).toMatchObject({ settings: { dvr: { isEnabled: false } }, holds: [] })
    await expectProblem(post('stop'), 409, 'recording_inactive')
    const response = await post('start', { title: 'First half' })
    expect(response.status).toBe(201)
    const started = (await response.json()) as DvrRecordingView
    expect(started).toMatchObject({ streamId: 'match', title: 'First half', state: 'interrupted', endedAt: null })
    const startMs = Date.parse(started.startedAt)
    expect(started.playlist).toMatch(new RegExp(`/stream/match/playlist\\.m3u8\\?start=${startMs}$`))
    expect(registered()).toMatchObject({
      settings: { dvr: { isEnabled: true } },
      holds: [{ fromMs: startMs, toMs: null }],
    })
    await expectProblem(post('start'), 409, 'recording_active')
    await expectProblem(
      api.request(`/api/v1/dvr/recordings/${started.id}`, { method: 'DELETE' }),
      409,
      'recording_active',
    )
    await expectProblem(api.request('/api/v1/streams/match', { method: 'DELETE' }), 409, 'stream_recorded')

    const media = [{ fromMs: startMs - 1000, toMs: startMs + 3000 }]
    const track = { trackId: 'v0', media, gaps: [], segments: 2, bytes: 1000 }
    api.live.setArchive({ kind: 'ranges', tracks: [track, { ...track, trackId: 'a0', bytes: 10 }] })
    const stopped = (await (await post('stop')).json()) as DvrRecordingDetailView
    expect(stopped).toMatchObject({
      id: started.id,
      state: 'complete',
      cause: null,
      bytes: 1010,
      segments: 4,
      gaps: [],
    })
    const endMs = Date.parse(stopped.endedAt ?? '')
    expect(stopped.durationSec).toBeLessThanOrEqual((endMs - startMs) / 1000)
    expect(stopped.playlist).toMatch(new RegExp(`start=${startMs}&end=${endMs}$`))
    expect(registered()).toMatchObject({
      settings: { dvr: { isEnabled: false } },
      holds: [{ fromMs: startMs, toMs: endMs }],
    })
    expect(await api.json(`/api/v1/dvr/recordings/${started.id}`)).toEqual(stopped)
    expect(await api.json('/api/v1/dvr/recordings?stream=match')).toMatchObject({
      recordings: [{ id: started.id }],
      nextBefore: null,
    })
    expect((await api.request(`/api/v1/dvr/recordings/${started.id}`, { method: 'DELETE' })).status).toBe(204)
    expect(registered()?.holds).toEqual([])
    await expectProblem(api.request(`/api/v1/dvr/recordings/${started.id}`), 404, 'recording_unknown')
  })

  test('one of which nothing was live has failed, and holds nothing', async () => {
    api.live.setArchive({ kind: 'ranges', tracks: [] })
    await post('start')
    const stopped = (await (await post('stop')).json()) as DvrRecordingDetailView
    expect(stopped).toMatchObject({
      state: 'failed',
      cause: expect.stringContaining('nothing was live'),
      playlist: null,
    })
    expect(registered()?.holds).toEqual([])
  })

  test('while the archive cannot answer, a recording is not ended by mistake', async () => {
    await post('start')
    api.live.setArchive({ kind: 'failed', code: 'store_unavailable', message: 'away' })
    await expectProblem(post('stop'), 503, 'store_unavailable')
    expect(registered()?.holds).toMatchObject([{ toMs: null }])
    api.live.setArchive({ kind: 'missing' })
    expect((await post('stop')).status).toBe(200)
  })

  test('they are listed page by page', async () => {
    const first = await api.json<DvrRecordingPage>('/api/v1/dvr/recordings?stream=match&limit=1')
    expect(first.recordings).toHaveLength(1)
    const second = await api.json<DvrRecordingPage>(
      `/api/v1/dvr/recordings?stream=match&limit=5&before=${first.nextBefore}`,
    )
    expect(second).toMatchObject({ recordings: [{ state: 'failed' }], nextBefore: null })
  })
})

describe('who may do what', () => {
  const OPEN = [
    'GET /health',
    'GET /ready',
    'GET /metrics',
    'GET /api/v1/openapi.json',
    // The signature of the link is the right.
    'GET /links/assets/:tenant/:id/original',
    'GET /links/assets/:tenant/:id/renditions/:rendition',
    'GET /links/recordings/:tenant/:id/original',
    'POST /api/v1/auth/login',
    'POST /api/v1/auth/login-link',
    'POST /api/v1/auth/logout',
    'OPTIONS /api/v1/uploads',
    'OPTIONS /api/v1/uploads/:id',
  ]

  test('every route is authorised, except the open ones on this list', async () => {
    const routes = api.server.routes.filter(({ method }) => method !== 'HEAD')
    expect(
      routes
        .filter(({ access }) => access === 'open')
        .map(({ method, url }) => `${method} ${url}`)
        .sort(),
    ).toEqual(OPEN.toSorted())
    for (const { method, url, access } of routes) {
      if (access === 'open') continue
      const path = url.replaceAll(/:\w+/g, 'x')
      const response = await api.request(path, { method, key: null })
      expect([`${method} ${url}`, response.status]).toEqual([`${method} ${url}`, 401])
    }
  })

  test('each role reaches exactly the routes of its rank', async () => {
    const ranks: Role[] = ['viewer', 'operator', 'admin']
    for (const role of ranks) {
      const { key } = await createKey(role)
      for (const { method, url, access } of api.server.routes) {
        if (access === 'open' || method === 'HEAD' || url === '/api/v1/demo') continue
        const path = url.replaceAll(/:\w+/g, 'no-such-id')
        const response = await api.request(path, { method, key, ...(method === 'GET' ? {} : { body: {} }) })
        const mustPass = ranks.indexOf(role) >= ranks.indexOf(access)
        const isOwnPassword = url === '/api/v1/auth/password'
        if (!isOwnPassword) expect([role, method, url, response.status !== 403]).toEqual([role, method, url, mustPass])
        await response.arrayBuffer()
      }
    }
  })

  test('a viewer sees no key and no ingest address', async () => {
    await createStream('secretive')
    const { key } = await createKey('viewer')
    const seen = await api.json<StreamView>('/api/v1/streams/secretive', { key })
    expect(seen).toMatchObject({ publishKey: null, ingest: null })
    const { streams } = await api.json<{ streams: StreamView[] }>('/api/v1/streams', { key })
    expect(streams.every(({ publishKey, ingest }) => publishKey === null && ingest === null)).toBe(true)
  })

  test('an API key is shown once and stops working when it is deleted', async () => {
    const { id, key } = await createKey('operator')
    expect(JSON.stringify(await api.json('/api/v1/api-keys'))).not.toContain(key)
    expect((await api.request('/api/v1/streams', { key })).status).toBe(200)
    expect((await api.request(`/api/v1/api-keys/${id}`, { method: 'DELETE' })).status).toBe(204)
    const refused = await api.request('/api/v1/streams', { key })
    expect(refused.headers.get('www-authenticate')).toContain('Bearer')
    expect(await problemOf(refused)).toMatchObject({ code: 'unauthorized' })
  })
})

describe('problems', () => {
  test('every wrong field is named with its path, unknown ones too', async () => {
    const response = await api.request('/api/v1/streams', {
      method: 'POST',
      body: { id: 'not valid!', settings: { segment: '1ms', colour: 'red' }, nmae: 'x' },
    })
    const problem = await problemOf(response)
    expect(problem).toMatchObject({ status: 400, code: 'invalid_request' })
    expect(problem.errors?.map(({ path }) => path).sort()).toEqual([
      'id',
      'nmae',
      'settings.colour',
      'settings.segment',
    ])
  })

  test('malformed JSON, a missing body, a foreign type and a bad query are the caller’s fault', async () => {
    for (const init of [{ body: '{"id":' }, {}, { body: 'id=1', headers: { 'content-type': 'text/plain' } }]) {
      const response = await api.request('/api/v1/streams', { method: 'POST', ...init })
      expect(await problemOf(response)).toMatchObject({ status: 400, code: 'invalid_request' })
    }
    const query = await api.request('/api/v1/events?limit=9999')
    expect((await problemOf(query)).errors?.[0]?.path).toBe('query.limit')
    const url = await api.request('/api/v1/streams/%E0%A4%A')
    expect(await problemOf(url)).toMatchObject({ status: 400 })
  })

  test('a body beyond the limit and an unknown address have their own codes', async () => {
    const body = JSON.stringify({ id: 'x', name: 'x'.repeat(1_100_000) })
    const large = await api.request('/api/v1/streams', { method: 'POST', body })
    expect(await problemOf(large)).toMatchObject({ status: 413, code: 'payload_too_large' })
    for (const path of ['/api/v1/nothing', '/nothing']) {
      expect(await problemOf(await api.request(path))).toMatchObject({ status: 404, code: 'route_not_found' })
    }
  })

  test('a fault inside says nothing about the inside', async () => {
    const catalog = {
      ...api.catalog,
      apiKeys: { ...api.catalog.apiKeys, list: () => Promise.reject(new Error('at /srv/secret')) },
    }
    await using broken = await startTestApi({ catalog })
    const response = await broken.request('/api/v1/api-keys')
    const text = JSON.stringify(await problemOf(response))
    expect(text).toContain('"code":"internal"')
    expect(text).not.toContain('secret')
  })
})

describe('console sessions', () => {
  async function logIn(test: TestApi): Promise<string> {
    const path = await ensureFirstLogin(test.options)
    const token = new URLSearchParams(path?.split('?')[1]).get('token')
    const response = await test.request('/api/v1/auth/login-link', { method: 'POST', key: null, body: { token } })
    expect(response.status).toBe(200)
    return response.headers.get('set-cookie') ?? ''
  }

  test('the first-login link works once, then a password replaces it', async () => {
    await using fresh = await startTestApi()
    const path = await ensureFirstLogin(fresh.options)
    expect(path).toMatch(/^\/login-link\?token=\w{20,}$/)
    const body = { token: path?.split('=')[1] }
    const first = await fresh.request('/api/v1/auth/login-link', { method: 'POST', key: null, body })
    expect(((await first.json()) as MeView).passwordMissing).toBe(true)
    const second = await fresh.request('/api/v1/auth/login-link', { method: 'POST', key: null, body })
    expect(await problemOf(second)).toMatchObject({ status: 401, code: 'login_link_invalid' })

    const cookie = (first.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    const headers = { cookie, origin: fresh.url }
    const set = { name: 'Ada', password: 'correct horse battery' }
    const me = await fresh.json<MeView>('/api/v1/auth/password', { method: 'POST', key: null, headers, body: set })
    expect(me).toMatchObject({ kind: 'user', name: 'Ada', role: 'admin', passwordMissing: false })
    expect(await ensureFirstLogin(fresh.options)).toBeNull()
    const wrong = await fresh.request('/api/v1/auth/login', {
      method: 'POST',
      key: null,
      body: { ...set, password: 'no' },
    })
    expect(await problemOf(wrong)).toMatchObject({ status: 401, code: 'login_failed' })
    const right = await fresh.request('/api/v1/auth/login', {
      method: 'POST',
      key: null,
      body: { ...set, name: 'ada' },
    })
    expect(right.status).toBe(200)
  })

  test('a link is void after a day', async () => {
    await using fresh = await startTestApi()
    const path = await ensureFirstLogin(fresh.options)
    fresh.clock.skipMs = 24 * 3_600_000 + 1
    const body = { token: path?.split('=')[1] }
    const late = await fresh.request('/api/v1/auth/login-link', { method: 'POST', key: null, body })
    expect((await problemOf(late)).code).toBe('login_link_invalid')
  })

  test('the cookie is out of reach for scripts and other sites, and is prolonged while it is used', async () => {
    await using fresh = await startTestApi()
    const setCookie = await logIn(fresh)
    expect(setCookie).toMatch(/HttpOnly/)
    expect(setCookie).toMatch(/SameSite=Strict/)
    expect(setCookie).not.toMatch(/Secure/)
    const cookie = setCookie.split(';')[0] ?? ''
    const ask = () => fresh.request('/api/v1/auth/me', { key: null, headers: { cookie } })
    expect((await ask()).headers.get('set-cookie')).toBeNull()
    fresh.clock.skipMs = 2 * 86_400_000
    const later = await Promise.all([ask(), ask(), ask()])
    expect(later.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(later.some((response) => response.headers.get('set-cookie')?.includes('Max-Age=2592000'))).toBe(true)
    fresh.clock.skipMs = 31 * 86_400_000
    expect((await ask()).status).toBe(200)
    fresh.clock.skipMs = 62 * 86_400_000
    expect((await ask()).status).toBe(401)
  })

  test('a cookie changes nothing from another site or from nowhere, and nothing after logging out', async () => {
    await using fresh = await startTestApi()
    const cookie = (await logIn(fresh)).split(';')[0] ?? ''
    const create = (id: string, headers: Record<string, string>) =>
      fresh.request('/api/v1/streams', { method: 'POST', key: null, body: { id }, headers: { cookie, ...headers } })
    expect((await problemOf(await create('a', { origin: 'http://evil.test' }))).code).toBe('forbidden')
    expect((await problemOf(await create('b', {}))).code).toBe('forbidden')
    expect((await create('c', { origin: fresh.url })).status).toBe(201)
    const out = { method: 'POST', key: null, headers: { cookie, origin: fresh.url } }
    expect((await fresh.request('/api/v1/auth/logout', out)).status).toBe(204)
    expect((await fresh.request('/api/v1/auth/me', { key: null, headers: { cookie } })).status).toBe(401)
  })

  test('behind a TLS proxy on this machine the cookie is Secure', async () => {
    await using fresh = await startTestApi()
    const path = await ensureFirstLogin(fresh.options)
    const response = await fresh.request('/api/v1/auth/login-link', {
      method: 'POST',
      key: null,
      body: { token: path?.split('=')[1] },
      headers: { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.5' },
    })
    expect(response.headers.get('set-cookie')).toMatch(/; Secure/)
    expect(response.headers.get('strict-transport-security')).not.toBeNull()
  })
})

describe('limits', () => {
  test('guessing passwords is slowed down per address, with Retry-After', async () => {
    await using fresh = await startTestApi({ limits: { ...DEFAULT_RATE_LIMITS, anonymous: GENEROUS } })
    const body = { name: 'admin', password: 'guess' }
    const statuses: number[] = []
    for (let n = 0; n < 6; n += 1) {
      statuses.push((await fresh.request('/api/v1/auth/login', { method: 'POST', key: null, body })).status)
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429])
    const refused = await fresh.request('/api/v1/auth/login', { method: 'POST', key: null, body })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await problemOf(refused)).toMatchObject({ code: 'rate_limited' })
    const elsewhere = { method: 'POST', key: null, body, headers: { 'x-forwarded-for': '203.0.113.9' } }
    expect((await fresh.request('/api/v1/auth/login', elsewhere)).status).toBe(401)
  })

  test('requests without a credential are limited, those with one are not affected', async () => {
    const limits = { ...NO_LIMITS, anonymous: { perSec: 0.001, burst: 2 } }
    await using fresh = await startTestApi({ limits })
    const ask = async (key: string | null) => (await fresh.request('/api/v1/streams', { key })).status
    expect([await ask(null), await ask('wrong'), await ask(null)]).toEqual([401, 401, 429])
    expect(await ask(ADMIN_TOKEN)).toBe(200)
    expect((await fresh.request('/health', { key: null })).status).toBe(200)
  })
})

describe('operation', () => {
  test('readiness names its reasons, health does not depend on them', async () => {
    await using fresh = await startTestApi()
    expect((await fresh.request('/ready', { key: null })).status).toBe(200)
    fresh.live.setHealth({ ready: false, problems: [{ code: 'port_taken', message: 'Port 1935 is in use' }] })
    const response = await fresh.request('/ready', { key: null })
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ ready: false, problems: [{ code: 'port_taken' }] })
    expect((await fresh.request('/health', { key: null })).status).toBe(200)
  })

  test('metrics are readable text with the promised names', async () => {
    await createStream('measured')
    api.live.setStatus('measured', { status: 'live', viewers: 7, bitrateBps: 4e6, drops: { late: 3 } })
    api.live.observe({ streamId: 'measured', stage: 'e2e', valuesSec: [0.4, 0.9] })
    const text = await (await api.request('/metrics', { key: null })).text()
    for (const line of text.split('\n').filter((each) => each !== '')) {
      expect(line).toMatch(
        /^(#( HELP| TYPE) .+|[a-zA-Z_:][\w:]*(\{.*\})? [-+\d.eE]+|[a-zA-Z_:][\w:]*(\{.*\})? (Nan|[+-]Inf))$/,
      )
    }
    expect(text).toContain('stream_status{stream_id="measured",status="live"} 1')
    expect(text).toContain('stream_status{stream_id="measured",status="offline"} 0')
    expect(text).toContain('stream_viewer_count{stream_id="measured"} 7')
    expect(text).toContain('stream_bitrate_bps{stream_id="measured"} 4000000')
    expect(text).toContain('stream_drops_total{stream_id="measured",cause="late"} 3')
    expect(text).toContain('stream_e2e_latency_bucket{le="0.5",stream_id="measured"} 1')
    expect(text).toContain('process_cpu_seconds_total')
    for (const name of ['stream_segment_latency', 'ingestion_latency', 'packaging_latency']) {
      expect(text).toContain(`# TYPE ${name} histogram`)
    }
  })

  test('an overdue backup of the catalog is a problem, an event and a figure', async () => {
    const told = new Set<(trouble: string | null) => void>()
    const backups = {
      newest: { name: '2026-11-21T10-23-00Z-1a2b', atMs: Date.now() - 3 * 3_600_000, sizeBytes: 18_204 },
      trouble: 'The newest backup is old',
      onTrouble: (listener: (trouble: string | null) => void) => {
        told.add(listener)
        return () => void told.delete(listener)
      },
    }
    await using fresh = await startTestApi({ backups })
    const system = await fresh.json<SystemView>('/api/v1/system')
    expect(system.catalogBackup).toEqual({
      ...{ name: backups.newest.name, at: new Date(backups.newest.atMs).toISOString(), sizeBytes: 18_204 },
    })
    const problem = { code: 'catalog_backup_overdue', message: expect.stringContaining(backups.trouble) }
    expect(system.problems).toEqual([problem])
    const ready = await fresh.request('/ready', { key: null })
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, problems: [problem] }])
    const metrics = await (await fresh.request('/metrics', { key: null })).text()
    expect(Number(/^catalog_backup_age_seconds (\S+)$/m.exec(metrics)?.[1])).toBeCloseTo(10_800, -2)
    expect(metrics).toContain(`catalog_backup_last_success_timestamp_seconds ${backups.newest.atMs / 1000}`)
    for (const listener of told) {
      listener(backups.trouble)
      listener(null)
    }
    await fresh.server.events.flush()
    const { events } = await fresh.json<EventPageView>('/api/v1/events')
    expect(events.map(({ code, severity }) => [code, severity])).toEqual([
      ['catalog_backup_resumed', 'info'],
      ['catalog_backup_overdue', 'warning'],
    ])
    // Without a backup there is no age, not even one of zero.
    expect(await (await api.request('/metrics', { key: null })).text()).not.toMatch(/^catalog_backup_age_seconds /m)
  })

  test('a taken port is named, and nothing is left open', async () => {
    await expect(startTestApi({ port: api.server.port })).rejects.toMatchObject({ code: 'port_taken' })
  })

  test('behind a proxy metrics want a key', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.5' }
    expect((await api.request('/metrics', { key: null, headers })).status).toBe(401)
    expect((await api.request('/metrics', { headers })).status).toBe(200)
  })

  test('events are paged newest first, per stream and in all', async () => {
    await createStream('eventful')
    const event = (n: number): MirrorEvent => ({
      type: 'stream.warning',
      severity: 'warning',
      streamId: 'eventful',
      atMs: n,
      code: 'discontinuity',
      message: `number ${n}`,
      details: { n },
    })
    for (let n = 1; n <= 5; n += 1) api.live.emit(event(n))
    await api.server.events.flush()
    const first = await api.json<EventPageView>('/api/v1/streams/eventful/events?limit=2')
    expect(first.events.map(({ message }) => message)).toEqual(['number 5', 'number 4'])
    const rest = await api.json<EventPageView>(`/api/v1/streams/eventful/events?before=${first.nextBefore}`)
    expect(rest.events.map(({ type }) => type)).toEqual([...Array(3).fill('stream.warning'), 'stream.created'])
    expect(rest.nextBefore).toBeNull()
    expect((await api.json<EventPageView>('/api/v1/events?limit=1')).events[0]?.details).toEqual({ n: 5 })
  })
})

describe('OpenAPI', () => {
  interface Operation {
    readonly operationId?: string
    readonly summary?: string
    readonly security?: readonly unknown[]
    readonly responses: Record<string, { content?: Record<string, { schema?: object }> }>
  }
  interface OpenApi {
    readonly openapi: string
    readonly paths: Record<string, Record<string, Operation>>
    readonly components: { readonly schemas: object; readonly securitySchemes: object }
  }

  test('every route is described: summary, operation id, answers, problems, security', async () => {
    const document = await api.json<OpenApi>('/api/v1/openapi.json', { key: null })
    expect(document.openapi).toMatch(/^3\.1\./)
    expect(Object.keys(document.components.securitySchemes)).toEqual(['apiKey', 'session'])
    const ids = new Set<string>()
    for (const { method, url, access } of api.server.routes) {
      if (method === 'HEAD') continue
      const operation = document.paths[url.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]
      const where = `${method} ${url}`
      expect(operation?.summary, where).toMatch(/^[A-Z]/)
      expect(operation?.operationId, where).toMatch(/^[a-z]\w+$/)
      ids.add(operation?.operationId ?? '')
      expect(access === 'open' && url !== '/metrics', where).toBe(operation?.security?.length === 0)
      const responses = Object.entries(operation?.responses ?? {})
      const success = responses.find(([status]) => /^[23]/.test(status))
      expect(success, where).toBeDefined()
      if (!['204', '302'].includes(success?.[0] ?? '')) {
        expect(Object.values(success?.[1].content ?? {})[0]?.schema, where).toBeDefined()
      }
      const problem = operation?.responses['4XX']?.content?.['application/problem+json']?.schema
      if (url !== '/ready') expect(problem, where).toEqual({ $ref: '#/components/schemas/Problem' })
    }
    expect(ids.size).toBe(api.server.routes.filter(({ method }) => method !== 'HEAD').length)
    expect(JSON.stringify(document)).not.toContain('Default Response')
    const names = new Set(Object.keys(document.components.schemas))
    for (const [, name = ''] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(names).toContain(name)
    }
  })
})

describe('console', () => {
  test('its files are served, its addresses lead to the start page, and its policy lets hls.js work', async () => {
    const consoleDir = await mkdtemp(join(tmpdir(), 'mirror-console-'))
    await mkdir(join(consoleDir, 'assets'))
    await writeFile(join(consoleDir, 'index.html'), '<!doctype html><meta name="csp-nonce" content="__CSP_NONCE__">')
    await writeFile(join(consoleDir, 'assets', 'app-1234.js'), 'export {}')
    await using fresh = await startTestApi({ consoleDir })
    const page = { key: null, headers: { accept: 'text/html' } }
    for (const path of ['/', '/streams/studio-1?tab=events']) {
      const response = await fresh.request(path, page)
      expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-cache'])
      const policy = response.headers.get('content-security-policy') ?? ''
      expect(policy).toContain("media-src 'self' blob: http://127.0.0.1:8888")
      expect(policy).toContain("worker-src 'self' blob:")
      expect(policy).toContain("connect-src 'self' http://127.0.0.1:8888")
      expect(policy).not.toContain('unsafe')
      const nonce = /'nonce-([\w-]+)'/.exec(policy)?.[1]
      expect(await response.text()).toContain(`content="${nonce}"`)
    }
    const script = await fresh.request('/assets/app-1234.js', { key: null })
    expect(script.headers.get('cache-control')).toContain('immutable')
    expect(script.headers.get('content-type')).toContain('javascript')
    for (const path of ['/assets/gone.js', '/api/v1/gone', '/..%2f..%2fetc%2fpasswd']) {
      expect((await fresh.request(path, { key: null })).status, path).not.toBe(200)
    }
    await rm(consoleDir, { recursive: true })
  })
})

describe('WebSocket', () => {
  /** Collects messages, and waits for one. */
  async function connect(test: TestApi, protocols: string[] = [], headers: Record<string, string> = {}) {
    const socket = new WebSocket(`${test.url.replace('http', 'ws')}/api/v1/ws`, protocols, { headers })
    const messages: { type: string; data: Record<string, unknown> }[] = []
    const waiting = new Set<() => void>()
    socket.on('message', (data) => {
      messages.push(JSON.parse(String(data)))
      for (const wake of waiting) wake()
    })
    const closed = new Promise<number>((resolve) => socket.on('close', (code) => resolve(code)))
    await new Promise<void>((resolve, reject) => {
      socket.on('open', resolve)
      socket.on('error', reject)
      socket.on('unexpected-response', (_request, response) => reject(new Error(`status ${response.statusCode}`)))
    })
    const next = (type: string) =>
      new Promise<Record<string, unknown>>((resolve) => {
        const look = () => {
          const found = messages.findIndex((message) => message.type === type)
          if (found === -1) return
          waiting.delete(look)
          resolve(messages.splice(found, 1)[0]?.data ?? {})
        }
        waiting.add(look)
        look()
      })
    const send = (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message))
    const subscribe = (...topics: string[]) => send({ type: 'subscribe', data: { topics } })
    return { socket, messages, next, send, subscribe, closed, [Symbol.dispose]: () => socket.terminate() }
  }

  const failed: MirrorEvent = {
    type: 'stream.error',
    severity: 'error',
    streamId: 'pushed',
    atMs: 0,
    code: 'ingest_malformed',
    message: 'garbage from 10.1.2.3',
    details: {},
  }

  test('an operator hears events and figures of the streams it follows, at once', async () => {
    await createStream('pushed')
    await createStream('other')
    using client = await connect(api, ['bearer', (await createKey('operator')).key])
    expect(client.socket.protocol).toBe('bearer')
    expect(await client.next('hello')).toEqual({ role: 'operator' })
    client.subscribe('stream.pushed', 'system', 'nonsense')
    expect(await client.next('subscribed')).toEqual({ topics: ['stream.pushed', 'system'], refused: ['nonsense'] })
    expect(await client.next('stream.status')).toMatchObject({ id: 'pushed', status: 'offline' })
    api.live.emit({ ...failed, streamId: 'other' })
    api.live.emit(failed)
    expect(await client.next('stream.error')).toMatchObject({ streamId: 'pushed', code: 'ingest_malformed' })
    api.live.setStatus('pushed', { status: 'live', bitrateBps: 3e6 })
    expect(await client.next('stream.status')).toMatchObject({ status: 'live', live: { bitrateBps: 3e6 } })
    client.send({ type: 'unsubscribe', data: { topics: ['stream.pushed'] } })
    client.send({ type: 'ping' })
    await client.next('pong')
    api.live.emit(failed)
    client.send({ type: 'ping' })
    await client.next('pong')
    expect(client.messages).toEqual([])
  })

  test('a stranger follows existing streams only, and hears neither faults nor figures', async () => {
    await createStream('public')
    using client = await connect(api)
    expect(await client.next('hello')).toEqual({ role: null })
    client.subscribe('stream.public', 'stream.missing', 'streams', 'system')
    expect(await client.next('subscribed')).toEqual({
      topics: ['stream.public'],
      refused: ['stream.missing', 'streams', 'system'],
    })
    await client.next('stream.status')
    api.live.emit({ ...failed, streamId: 'public' })
    api.live.emit({ ...failed, streamId: 'public', type: 'stream.started', details: { address: '10.1.2.3' } })
    expect(JSON.stringify(await client.next('stream.started'))).not.toContain('10.1.2.3')
    api.live.setStatus('public', { status: 'live', bitrateBps: 3e6, viewers: 2 })
    expect(await client.next('stream.status')).toMatchObject({ live: { viewers: 2, bitrateBps: 0, tracks: [] } })
    expect(client.messages).toEqual([])
  })

  test('a wrong key is refused in the handshake, a cookie from another site counts as nobody', async () => {
    await expect(connect(api, ['bearer', 'wrong'])).rejects.toThrow('status 401')
    await using fresh = await startTestApi()
    const path = await ensureFirstLogin(fresh.options)
    const body = { token: path?.split('=')[1] }
    const response = await fresh.request('/api/v1/auth/login-link', { method: 'POST', key: null, body })
    const cookie = (response.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    using own = await connect(fresh, [], { cookie, origin: fresh.url })
    expect(await own.next('hello')).toEqual({ role: 'admin' })
    using foreign = await connect(fresh, [], { cookie, origin: 'http://evil.test' })
    expect(await foreign.next('hello')).toEqual({ role: null })
    await fresh.request('/api/v1/auth/logout', { method: 'POST', key: null, headers: { cookie, origin: fresh.url } })
    expect(await own.closed).toBe(1008)
  })

  test('deleting an API key ends its connections', async () => {
    const { id, key } = await createKey('viewer')
    using client = await connect(api, ['bearer', key])
    await client.next('hello')
    await api.request(`/api/v1/api-keys/${id}`, { method: 'DELETE' })
    expect(await client.closed).toBe(1008)
  })

  test('nonsense is answered, a huge message ends the connection, and too many connections are refused', async () => {
    const limits = { ...DEFAULT_SOCKET_LIMITS, connectionsPerAddress: 1 }
    await using fresh = await startTestApi({ socketLimits: limits })
    using client = await connect(fresh)
    client.send('not json')
    expect(await client.next('error')).toMatchObject({ code: 'invalid_request' })
    client.send({ type: 'subscribe', data: { topics: [], colour: 'red' } })
    expect(await client.next('error')).toMatchObject({ errors: [{ path: 'data.colour' }] })
    await expect(connect(fresh)).rejects.toThrow('status 429')
    client.send('x'.repeat(20_000))
    expect(await client.closed).toBe(1009)
  })

  test('a consumer that does not read is cut off, the others go on', async () => {
    const limits = { ...DEFAULT_SOCKET_LIMITS, bufferedBytes: 64 * 1024 }
    await using fresh = await startTestApi({ socketLimits: limits })
    using reader = await connect(fresh, ['bearer', ADMIN_TOKEN])
    using sleeper = await connect(fresh, ['bearer', ADMIN_TOKEN])
    for (const client of [reader, sleeper]) {
      client.subscribe('system')
      await client.next('subscribed')
    }
    sleeper.socket.pause()
    const big: MirrorEvent = { ...failed, type: 'system.warning', streamId: null, message: 'x'.repeat(60_000) }
    // The kernel's buffers take some megabytes before anything piles up here.
    for (let n = 0; n < 400 && (await openSockets(fresh)) > 1; n += 1) {
      fresh.live.emit(big)
      await reader.next('system.warning')
    }
    expect(await openSockets(fresh)).toBe(1)
  })

  async function openSockets(test: TestApi): Promise<number> {
    const text = await (await test.request('/metrics', { key: null })).text()
    return Number(/^websocket_connections (\d+)$/m.exec(text)?.[1])
  }
})

describe('command line', () => {
  async function mirror(args: string[], env: Record<string, string> = {}, signal?: AbortSignal) {
    return await runCommand(args, { env, ...(signal && { signal }) })
  }

  test('it finds the server by the data folder, whose credentials only the owner can read', async () => {
    const write = () => writeCliCredentials({ ...api.options, dataDir: api.dataDir, url: api.url })
    const first = await write()
    expect((await write()).apiKey).toBe(first.apiKey)
    expect((await stat(credentialsPath(api.dataDir))).mode & 0o777).toBe(0o600)
    expect(JSON.parse(await readFile(credentialsPath(api.dataDir), 'utf8'))).toEqual(first)

    const env = { MIRROR_DATA: api.dataDir }
    const created = await mirror(['stream', 'create', 'by-cli', '--name', 'From a shell'], env)
    expect(created).toMatchObject({ code: 0, stderr: '' })
    expect(created.stdout).toMatch(/rtmp:\/\/127\.0\.0\.1:1935\/live\/by-cli\?key=\w+/)
    expect((await mirror(['stream', 'list'], env)).stdout).toMatch(/^by-cli +offline/m)
    const { keys } = await api.json<{ keys: { key: string }[] }>('/api/v1/streams/by-cli/keys')
    expect((await mirror(['stream', 'key', 'by-cli'], env)).stdout).toBe(`${keys[0]?.key}\n`)
    const shown = await mirror(['stream', 'show', 'by-cli', '--json'], env)
    expect((JSON.parse(shown.stdout) as StreamView).name).toBe('From a shell')
    expect((await mirror(['stream', 'restart', 'by-cli'], env)).code).toBe(0)
    expect((await mirror(['demo'], env)).stdout).toContain('http://127.0.0.1:8888/watch/demo')
    expect((await mirror(['login-link'], env)).stdout).toMatch(/\/login-link\?token=\w+/)
    expect((await mirror(['stream', 'delete', 'by-cli'], env)).stderr).toContain('--yes')
    expect((await mirror(['stream', 'delete', 'by-cli', '--yes'], env)).code).toBe(0)
    expect((await mirror(['stream', 'show', 'by-cli'], env)).code).toBe(1)
  })

  test('it manages API keys and prints events', async () => {
    const env = { MIRROR_URL: api.url, MIRROR_ADMIN_TOKEN: ADMIN_TOKEN }
    const created = await mirror(['api-key', 'create', 'robot', '--role', 'viewer', '--json'], env)
    const { id, key } = JSON.parse(created.stdout) as CreatedApiKeyView
    expect((await mirror(['api-key', 'list'], env)).stdout).toContain('robot')
    const refused = await mirror(['stream', 'create', 'nope', '--url', api.url, '--api-key', key])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/Not allowed: .*operator.*\n.*role/)
    expect((await mirror(['api-key', 'delete', id], env)).code).toBe(0)
    expect((await mirror(['events', '--limit', '3'], env)).stdout.trim().split('\n')).toHaveLength(3)
  })

  test('it follows events until it is told to stop', async () => {
    const env = { MIRROR_URL: api.url, MIRROR_API_KEY: ADMIN_TOKEN }
    const stop = new AbortController()
    let isHeard: () => void = () => {}
    const heard = new Promise<void>((resolve) => {
      isHeard = resolve
    })
    const running = runCli(['events', '--follow', '--json', '--limit', '1'], {
      env,
      version: '1.2.3',
      fetch,
      stdout: (text) => {
        if (text.includes('seen from afar')) isHeard()
      },
      stderr: () => {},
      serve: async () => 0,
      isTerminal: false,
      signal: stop.signal,
    })
    const again = setInterval(() => {
      api.live.emit({ ...warning, message: 'seen from afar' })
    }, 20)
    await heard
    clearInterval(again)
    stop.abort()
    expect(await running).toBe(0)
  })

  const warning: MirrorEvent = {
    type: 'system.warning',
    severity: 'warning',
    streamId: null,
    atMs: 0,
    code: null,
    message: '',
    details: {},
  }

  test('it explains what is wrong: no server, no key, wrong usage', async () => {
    const nobody = await mirror(['stream', 'list', '--url', 'http://127.0.0.1:9'])
    expect(nobody.code).toBe(1)
    expect(nobody.stderr).toMatch(/No Mirror server answers at http:\/\/127\.0\.0\.1:9 .*\n.*mirror serve/)
    const keyless = await mirror(['stream', 'list', '--url', api.url])
    expect(keyless.stderr).toContain('--api-key')
    expect((await mirror(['stream', 'frobnicate'])).code).toBe(2)
    expect((await mirror(['stream', 'show'])).code).toBe(2)
    expect(await mirror(['--version'])).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' })
    expect((await mirror(['--help'])).code).toBe(0)
  })
})

// Who may do what with recordings of calls: every route, and every kind of asker.
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CreatedApiKeyView } from '../../src/api/access-contract.ts'
import type { RecordingLinkView, RecordingView } from '../../src/api/recording-contract.ts'
import { createMemoryTiers } from '../support/memory-tiers.ts'
import { type RecordingApi, startRecordingApi, wav } from '../support/recording-api.ts'

let api: RecordingApi
let id: string
let viewer: string
let link: RecordingLinkView

beforeAll(async () => {
  api = await startRecordingApi(createMemoryTiers())
  id = ((await (await api.send({ callId: 'one', file: wav(1) })).json()) as RecordingView).id
  await api.ended(id)
  const body = { name: 'reader', role: 'viewer' }
  viewer = (await api.json<CreatedApiKeyView>('/api/v1/api-keys', { method: 'POST', body })).key
  link = await api.json<RecordingLinkView>(`/api/v1/recordings/${id}/url?expiresIn=3600`)
})
afterAll(() => api[Symbol.asyncDispose]())

const ROUTES = [
  ['POST', '/upload', 'operator'],
  ['GET', '', 'viewer'],
  ['POST', '/backfill', 'operator'],
  ['GET', '/policy', 'viewer'],
  ['PUT', '/policy', 'admin'],
  ['DELETE', '/policy', 'admin'],
  ['GET', '/:id', 'viewer'],
  ['GET', '/:id/url', 'viewer'],
  ['GET', '/:id/stream', 'viewer'],
  ['GET', '/:id/waveform', 'viewer'],
  ['POST', '/:id/backfill', 'operator'],
  ['DELETE', '/:id', 'operator'],
] as const

test('the routes below are all there are', () => {
  const found = api.server.routes
    .filter(({ url, method }) => url.startsWith('/api/v1/recordings') && method !== 'HEAD')
    .map(({ method, url, access }) => `${method} ${url.slice('/api/v1/recordings'.length)} ${access}`)
  expect(found.sort()).toEqual(ROUTES.map((route) => route.join(' ')).sort())
})

describe.each(ROUTES)('%s /recordings%s', (method, route, access) => {
  const path = () => `/api/v1/recordings${route.replace(':id', id)}`
  const code = async (key: string | null) => {
    const response = await api.request(path(), { method, key })
    return [response.status, ((await response.json()) as { code?: string }).code]
  }

  test('nobody without a key', async () => {
    expect(await code(null)).toEqual([401, 'unauthorized'])
  })

  test('nobody with a key that does not exist', async () => {
    expect(await code('mk_nobody')).toEqual([401, 'unauthorized'])
  })

  if (access !== 'viewer') {
    test('nobody whose key may only read', async () => {
      expect(await code(viewer)).toEqual([403, 'forbidden'])
    })
  }

  if (access === 'viewer') {
    test('whoever may read', async () => {
      const response = await fetch(`${api.url}${path()}`, {
        ...{ method, redirect: 'manual', headers: { authorization: `Bearer ${viewer}` } },
      })
      expect(response.status).toBe(route === '/:id/stream' ? 302 : 200)
    })
  }

  test('a link opens no route of the API', async () => {
    const { search } = new URL(link.url)
    const response = await fetch(`${api.url}${path()}${search}`, { method })
    expect(response.status).toBe(401)
  })
})

describe('a link', () => {
  const ask = async (change: (path: string) => string = (path) => path, method = 'GET') => {
    const { pathname, search } = new URL(link.url)
    const response = await fetch(`${api.url}${change(pathname + search)}`, { method })
    const text = await response.text()
    return [response.status, text.startsWith('{') ? (JSON.parse(text) as { code: string }).code : text.length]
  }

  test('opens the recording for whoever has it', async () => {
    expect(await ask()).toEqual([200, wav(1).byteLength])
  })

  test.each([
    ['another recording', (path: string) => path.replace(id, `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`)],
    ['another tenant', (path: string) => path.replace('/default/', '/other/')],
    ['a longer time', (path: string) => path.replace(/expires=(\d+)/, (_, at) => `expires=${Number(at) + 1}`)],
    ['another signature', (path: string) => path.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'))],
    ['no signature', (path: string) => path.split('?')[0] ?? ''],
    ['a parameter more', (path: string) => `${path}&download=1`],
  ])('altered to %s opens nothing', async (_, change) => {
    expect(await ask(change)).toEqual([403, 'link_invalid'])
    expect((await ask(change, 'HEAD'))[0]).toBe(403)
  })

  test('opens nothing once its time is over', async () => {
    api.clock.skipMs += 3_600_000
    expect(await ask()).toEqual([403, 'link_expired'])
    api.clock.skipMs -= 3_600_000
  })

  test.each(['0', '-1', '604801', '1.5', 'x', ''])('is not made for %s seconds', async (expiresIn) => {
    const response = await api.request(`/api/v1/recordings/${id}/url?expiresIn=${expiresIn}`)
    expect(response.status).toBe(400)
  })

  test.each([1, 604_800])('is made for %i s, to the second', async (expiresIn) => {
    const before = Date.now()
    const made = await api.json<RecordingLinkView>(`/api/v1/recordings/${id}/url?expiresIn=${expiresIn}`)
    const lifeMs = Date.parse(made.expiresAt) - before
    expect(made.expiresIn).toBe(expiresIn)
    expect(lifeMs).toBeGreaterThanOrEqual(expiresIn * 1000)
    expect(lifeMs).toBeLessThan(expiresIn * 1000 + 10_000)
  })

  test('of the stream route lives 24 hours', async () => {
    const response = await fetch(`${api.url}/api/v1/recordings/${id}/stream`, {
      ...{ redirect: 'manual', headers: { authorization: `Bearer ${viewer}` } },
    })
    const location = response.headers.get('location') ?? ''
    const expires = Number(/expires=(\d+)/.exec(location)?.[1])
    expect(Math.abs(expires - Date.now() - 86_400_000)).toBeLessThan(10_000)
    expect((await fetch(`${api.url}${location}`)).status).toBe(200)
  })
})

test('who sends far too much hears why', async () => {
  const response = await api.send({ callId: 'huge', file: new Uint8Array(24 * 2 ** 20) })
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([413, 'payload_too_large'])
})

test('of many uploads at once those beyond the limit are told to come back, and places become free again', async () => {
  const { hostname, port } = new URL(api.url)
  const head = `POST /api/v1/recordings/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.options.adminToken}\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 999999\r\nExpect: 100-continue\r\n\r\n--B\r\n`
  const open = Array.from({ length: 16 }, () => connect(Number(port), hostname))
  // Each is told to go on when its request has begun.
  const begun = open.map(async (socket) => {
    socket.on('error', () => {})
    socket.write(head)
    return String((await once(socket, 'data'))[0])
  })
  expect((await Promise.all(begun)).every((text) => text.startsWith('HTTP/1.1 100'))).toBe(true)
  const send = async () => await api.send({ callId: 'late', file: wav(1) })
  await expect
    .poll(async () => {
      const refused = await send()
      return [refused.status, refused.headers.get('retry-after')]
    })
    .toEqual([503, '5'])
  for (const socket of open) socket.destroy()
  await expect.poll(async () => (await send()).status).toBe(201)
})

test('pages and cursors show every recording once, filters those that fit', async () => {
  const { recordings: others } = await api.json<{ recordings: RecordingView[] }>('/api/v1/recordings?limit=500')
  for (const other of others.filter((each) => each.id !== id)) {
    await api.request(`/api/v1/recordings/${other.id}`, { method: 'DELETE' })
  }
  for (const callId of ['a', 'b', 'c', 'd']) await api.send({ callId, file: wav(1) })
  const page = async (query: string) => {
    const found = await api.json<{
      recordings: RecordingView[]
      nextCursor: string | null
      total: number
      page: number
    }>(`/api/v1/recordings?${query}`)
    return { ...found, calls: found.recordings.map(({ callId }) => callId) }
  }
  expect(await page('limit=2')).toMatchObject({ calls: ['d', 'c'], total: 5, page: 1 })
  expect(await page('limit=2&page=3')).toMatchObject({ calls: ['one'], nextCursor: null })
  expect((await page('limit=2&page=9')).calls).toEqual([])
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const found = await page(`limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
    seen.push(...found.calls)
    cursor = found.nextCursor
  }
  expect(seen).toEqual(['d', 'c', 'b', 'a', 'one'])
  expect((await page('callId=b')).calls).toEqual(['b'])
  expect((await page('from=-1h&to=-30m')).calls).toEqual([])
  expect((await page('from=-1h')).total).toBe(5)
  await expect.poll(async () => (await page('status=PROCESSING')).total).toBe(0)
  expect((await page('status=COMPLETED')).total).toBe(5)
  for (const bad of ['cursor=zz', 'page=0', 'limit=501', 'status=DONE', 'from=yesterday']) {
    expect((await api.request(`/api/v1/recordings?${bad}`)).status, bad).toBe(400)
  }
})

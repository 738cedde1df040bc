// The API as the console sees it, without a Mirror behind it: for developing pages and for screenshots of states that
// are hard to reach. Serves the built pages too, under the same Content-Security-Policy as the real server.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type WebSocket, WebSocketServer } from 'ws'
import type { MeView } from '../../src/api/access-contract.ts'
import type { StreamView } from '../../src/api/stream-contract.ts'
import type { WsServerMessage } from '../../src/api/event-contract.ts'
import { MOCK_STREAMS, mockApiKeys, mockDvr, mockDvrOverview, mockEvents, mockSystem, RECORDED, renderMockLive, renderMockStream } from './mock-data.ts'
import { answerLibrary } from './mock-library-api.ts'
import type { MockMedia } from './mock-media.ts'

export type Scenario =
  | 'busy'
  /** No streams, no events. */
  | 'empty'
  /** Nobody is logged in. */
  | 'anonymous'
  /** Logged in by link, without a password; a capability is missing. */
  | 'fresh'
  /** Every list fails. */
  | 'failing'
  /** Every list takes forever. */
  | 'slow'
  /** The WebSocket falls silent after a few messages. */
  | 'silent'
  /** The WebSocket breaks and cannot be opened again. */
  | 'cut'
  | 'viewer'

export interface MockApi extends AsyncDisposable {
  readonly url: string
}

const DIST = fileURLToPath(new URL('../dist', import.meta.url))
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.m4s': 'video/mp4',
  '.mp4': 'video/mp4',
  '.m3u8': 'application/vnd.apple.mpegurl',
}
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; media-src 'self' blob:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'"

export async function startMockApi(options: {
  readonly scenario: Scenario
  readonly media: MockMedia | null
  readonly port?: number
}): Promise<MockApi> {
  const { scenario, media } = options
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  const sockets = new WebSocketServer({ noServer: true })
  let wasCut = false
  server.on('upgrade', (request, socket, head) => {
    if (wasCut) return void socket.destroy()
    sockets.handleUpgrade(request, socket, head, serveSocket)
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const role: MeView['role'] = scenario === 'viewer' ? 'viewer' : 'admin'
  const streams = scenario === 'empty' || scenario === 'fresh' ? [] : MOCK_STREAMS
  const extra: StreamView[] = []

  function serveSocket(socket: WebSocket): void {
    const send = (message: WsServerMessage): void => socket.send(JSON.stringify(message))
    send({ type: 'hello', data: { role } })
    let ticks = 0
    const tick = (atMs: number): void => {
      ticks += 1
      if (scenario === 'silent' && ticks > 3) return
      for (const stream of streams) {
        if (stream.status !== 'live' && stream.status !== 'interrupted') continue
        send({ type: 'stream.status', data: { id: stream.id, status: stream.status, live: renderMockLive(stream, atMs) } })
      }
    }
    const timer = setInterval(() => tick(Date.now()), 1000)
    if (scenario === 'cut') {
      setTimeout(() => {
        wasCut = true
        socket.terminate()
      }, 2500)
    }
    socket.on('message', (data) => {
      if (String(data).includes('"ping"')) send({ type: 'pong' })
    })
    socket.on('close', () => clearInterval(timer))
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', url).pathname
    if (path.startsWith('/api/v1/')) return answerApi(request, response, path.slice('/api/v1'.length))
    if (path.startsWith('/stream/')) return answerMedia(response, path)
    if (path.startsWith('/watch/')) return sendFile(response, 'watch/watch.html')
    if (path.startsWith('/watch-assets/')) return sendFile(response, `watch/${path.slice('/watch-assets/'.length)}`)
    const file = `console${normalize(path)}`
    return sendFile(response, extname(path) !== '' && existsSync(join(DIST, file)) ? file : 'console/index.html')
  }

  async function answerApi(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(body === null ? '' : JSON.stringify(body))
    }
    const problem = (status: number, code: string, title: string, detail: string, advice: string): void =>
      json(status, { type: `https://mirror.invalid/${code}`, title, status, detail, code, advice })
    const me: MeView = { kind: 'user', id: 'u1', name: 'admin', role, passwordMissing: scenario === 'fresh' }
    const nowMs = Date.now()
    const views = [...streams.map((stream) => renderMockStream(stream, url, nowMs, role !== 'viewer')), ...extra]
    const route = `${request.method ?? 'GET'} ${path}`

    if (route === 'GET /auth/me') {
      return scenario === 'anonymous'
        ? problem(401, 'unauthorized', 'Not logged in', 'Nobody is logged in', 'Log in to the console.')
        : json(200, me)
    }
    if (route === 'POST /auth/login') {
      return problem(401, 'login_failed', 'Wrong name or password', 'The name or the password is wrong', 'Try again, or print a new login link with "mirror login-link".')
    }
    if (route === 'POST /auth/login-link') {
      const body = await readBody(request)
      return body.includes('used')
        ? problem(401, 'login_link_invalid', 'This login link was used or has expired', 'This login link was used or has expired', 'Print a new one with "mirror login-link".')
        : json(200, { ...me, passwordMissing: true })
    }
    if (scenario === 'slow') return
    if (scenario === 'failing' && route !== 'GET /system') {
      return problem(503, 'database_unavailable', 'The database cannot be reached', 'The database did not answer within 5 s.', 'Check MIRROR_DATABASE_URL and that the server runs.')
    }
    if (route === 'GET /streams') return json(200, { streams: views })
    if (route === 'POST /streams') {
      const { id } = JSON.parse(await readBody(request)) as { id: string }
      const model = MOCK_STREAMS[5]
      if (model === undefined) return
      const created = renderMockStream({ ...model, id, name: '' }, url, nowMs, true)
      extra.push(created)
      return json(201, created)
    }
    if (route === 'GET /system') return json(200, mockSystem(url, scenario === 'fresh', nowMs))
    if (route === 'GET /events') return json(200, { events: streams.length === 0 ? [] : mockEvents(nowMs), nextBefore: null })
    if (route === 'GET /dvr') return json(200, mockDvrOverview(streams.length > 0))
    if (route === 'GET /api-keys') return json(200, { apiKeys: streams.length === 0 ? [] : mockApiKeys(nowMs) })
    if (route === 'POST /api-keys') {
      return json(201, { id: 'k9', name: 'new', role: 'operator', createdAt: new Date(nowMs).toISOString(), lastUsedAt: null, key: 'mk_8s7v2n4q9r1x5z3b6c0d7f8g2h4j6k' })
    }
    if (answerLibrary(request, response, path, streams.length === 0, { json, problem })) return
    const [, id, part] = /^\/streams\/([^/]+)(?:\/(.*))?$/.exec(path) ?? []
    const stream = views.find((each) => each.id === id)
    if (id === undefined || stream === undefined) {
      return problem(404, 'stream_not_found', 'There is no such stream', `There is no stream "${id ?? ''}"`, 'Check the id.')
    }
    if (request.method === 'DELETE') return json(204, null)
    if (part === undefined) return json(200, stream)
    if (part === 'events') {
      return json(200, { events: mockEvents(nowMs).filter((event) => event.streamId === id), nextBefore: null })
    }
    if (part === 'dvr') return json(200, mockDvr(id, nowMs))
    if (part === 'keys') {
      return json(200, {
        keys: [
          { id: 'p2', key: stream.publishKey ?? '', createdAt: new Date(nowMs - 3_600_000).toISOString() },
          { id: 'p1', key: 'k0ld6sb6kve4s34y32p7ng4r', createdAt: '2026-11-02T09:12:00.000Z' },
        ],
      })
    }
    return json(200, stream)
  }

  function answerMedia(response: ServerResponse, path: string): void {
    const [, , id, ...rest] = path.split('/')
    const stream = streams.find((each) => each.id === id)
    const hasPicture = media !== null && (stream?.status === 'live' || stream?.status === 'interrupted')
    if (stream === undefined || !hasPicture) {
      const code = stream === undefined ? 'stream_not_found' : 'stream_offline'
      response.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ code, status: 404 }))
      return
    }
    const name = rest.join('/')
    const body =
      name === 'playlist.m3u8'
        ? media.multivariant
        : name === 'v0/playlist.m3u8'
          ? media.mediaPlaylist(Date.now(), { hasGap: stream.id === 'studio-1', isRecorded: RECORDED.includes(stream.id) })
          : media.file(name.replace('v0/', ''))
    if (body === null) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream' }).end(body)
  }

  async function sendFile(response: ServerResponse, name: string): Promise<void> {
    const path = join(DIST, name)
    if (!existsSync(path)) return void response.writeHead(404).end('not built: npm run build -w web')
    response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream', 'content-security-policy': POLICY })
    response.end(await readFile(path))
  }

  return {
    url,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

// The media port: playback, player page, CMAF ingest. One server per media worker, all on one port (reusePort).
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { ConnectionGuard } from '../../core/connection-guard.ts'
import { ERRORS, toMirrorError } from '../../core/errors.ts'
import { carrierOf, GuardedConnections } from '../../core/guarded-connections.ts'
import type { SignedLinks } from '../../core/signed-link.ts'
import { isStreamId } from '../../core/stream-id.ts'
import { type PlaylistRequest, parsePlaylistName, parsePlaylistRequest } from '../../dvr/time-shift.ts'
import { TRACK_ID_PATTERN } from '../../media/track-id.ts'
import { type ArchiveHost, answerRecordedMultivariant, answerRecordedPlaylist } from './archive-routes.ts'
import type { FruitlessLimit } from './fruitless-limit.ts'
import { answerProblem, CORS_HEADERS } from './http-answer.ts'
import { answerIngest, type IngestRouteOptions } from './ingest-route.ts'
import {
  answerMediaFile,
  answerMediaPlaylist,
  answerMultivariant,
  type HoldLimit,
  type PlaylistKind,
} from './playback-routes.ts'
import type { Shelf } from './shelf.ts'
import type { ViewerCounter } from './viewer-counter.ts'
import { answerVod } from './vod-routes.ts'
import type { WatchPages } from './watch-route.ts'

/** A connection that neither sends nor takes anything for this long is cut; held requests are shorter. */
const SOCKET_IDLE_MS = 20_000
/** What is being sent when the server stops may still arrive. */
const LAST_ANSWERS_MS = 300
/** For the TLS handshake, and then for the headers of each request. */
const HEADERS_TIMEOUT_MS = 10_000
/** How often Node looks for connections whose headers take too long. */
const HEADERS_CHECK_MS = 2_000
const MAX_URL_LENGTH = 4096
/** HTTP/2: what one connection may ask at once, and what its protocol machinery may hold. */
const MAX_STREAMS_PER_SESSION = 100
const MAX_SESSION_MEMORY_MB = 8

const REFUSED: ReadonlySet<number> = new Set([401, 403, 404])
const FIXED_AREAS: ReadonlySet<string> = new Set(['watch', 'watch-assets', 'health'])

const PLAYLIST_NAMES: ReadonlyMap<string, PlaylistKind> = new Map([
  ['playlist.m3u8', 'playlist'],
  ['iframes.m3u8', 'iFrames'],
])

export interface OriginOptions extends IngestRouteOptions {
  readonly host: string
  readonly port: number
  readonly tls: { readonly cert: string; readonly key: string } | null
  readonly guard: ConnectionGuard
  readonly fruitless: FruitlessLimit
  readonly holds: HoldLimit
  readonly viewers: ViewerCounter
  readonly watch: WatchPages
  readonly shelf: (streamId: string) => Shelf | null
  readonly archive: ArchiveHost
  /** Signs addresses of assets. */
  readonly playback: SignedLinks
  readonly now: () => number
}

export async function startOriginServer(options: OriginOptions): Promise<AsyncDisposable> {
  const connections = new GuardedConnections(options.guard, { tellsRefused: options.tls === null })
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const carrier = carrierOf(request)
    const refusal = connections.refusalOf(carrier)
    if (refusal !== null) {
      response.shouldKeepAlive = false
      return answerProblem(response, refusal, ERRORS[refusal].title)
    }
    const place = connections.placeOf(carrier)
    const address = request.socket.remoteAddress ?? ''
    const about = aboutOf(options, request.url ?? '/')
    place?.begin()
    response.once('close', () => {
      place?.end()
      if (about === 'judged' && REFUSED.has(response.statusCode)) options.fruitless.charge(address)
    })
    const answer = () => {
      try {
        route(options, request, response)
      } catch (error) {
        answerProblem(response, toMirrorError(error).code, 'the origin failed on this request')
      }
    }
    if (about === 'known') return answer()
    const isSpent = options.fruitless.isSpent(address)
    if (about === 'guess') options.fruitless.charge(address)
    if (!isSpent) return answer()
    if (!options.fruitless.answerLater(address, response, answer)) carrier.destroy()
  }
  const server = makeServer(options, handle)
  connections.watch(server)
  server.on('secureConnection', (socket: TLSSocket) => connections.lift(socket, socket))
  server.on('session', (session: ServerHttp2Session) => connections.lift(session, session.socket))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.host, port: options.port, reusePort: true, backlog: 1024 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      if ('closeIdleConnections' in server) server.closeIdleConnections()
      const cut = setTimeout(() => connections.destroyAll(), LAST_ANSWERS_MS)
      await closed
      clearTimeout(cut)
    },
  }
}

/** Guesses are at streams that there are not, at keys and at signatures; of the last two only the answer tells. */
function aboutOf({ shelf }: Pick<OriginOptions, 'shelf'>, url: string): 'known' | 'guess' | 'judged' {
  const [, area = '', id = ''] = url.slice(0, MAX_URL_LENGTH).split(/[/?]/, 3)
  if (FIXED_AREAS.has(area)) return 'known'
  if (area === 'vod') return 'judged'
  if (!isStreamId(id) || shelf(id) === null) return 'guess'
  return area === 'ingest' ? 'judged' : 'known'
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

function makeServer(options: OriginOptions, handle: Handler): Server | Http2SecureServer {
  // A live ingest body never ends: no limit on the whole request, only on its headers and on silence.
  const http1 = {
    requestTimeout: 0,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: HEADERS_CHECK_MS,
    keepAliveTimeout: SOCKET_IDLE_MS,
    noDelay: true,
  }
  if (options.tls === null) {
    const server = createServer(http1, handle)
    server.timeout = SOCKET_IDLE_MS
    return server
  }
  const server = createSecureServer(
    {
      ...options.tls,
      allowHTTP1: true,
      http1Options: http1,
      handshakeTimeout: HEADERS_TIMEOUT_MS,
      maxSessionMemory: MAX_SESSION_MEMORY_MB,
      settings: { maxConcurrentStreams: MAX_STREAMS_PER_SESSION },
    },
    (request, response) => {
      // The compatibility API of node:http2 has the shape of node:http's for all that the origin uses.
      handle(request as unknown as IncomingMessage, response as unknown as ServerResponse)
    },
  )
  server.setTimeout(SOCKET_IDLE_MS)
  return server
}

function route(options: OriginOptions, request: IncomingMessage, response: ServerResponse): void {
  const url = request.url ?? '/'
  if (url.length > MAX_URL_LENGTH) return answerProblem(response, 'invalid_request', 'the address is too long')
  const question = url.indexOf('?')
  const segments = (question < 0 ? url : url.slice(0, question)).split('/').slice(1)
  const query = new URLSearchParams(question < 0 ? '' : url.slice(question + 1))
  const [area = '', id = '', third = '', fourth] = segments

  if (request.method === 'OPTIONS') {
    response.writeHead(204, {
      ...CORS_HEADERS,
      'Access-Control-Allow-Methods': 'GET, HEAD, OPTIONS',
      'Access-Control-Allow-Headers': '*',
      'Access-Control-Max-Age': '86400',
    })
    response.end()
    return
  }
  if (area === 'ingest' && (request.method === 'POST' || request.method === 'PUT') && segments.length <= 3) {
    const path = { streamId: id, track: segments.length === 3 && third !== '' ? third : null, query }
    answerIngest(options, request, response, path).catch((error: unknown) =>
      answerProblem(response, toMirrorError(error).code, 'the origin failed on this request'),
    )
    return
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return answerProblem(response, 'route_not_found', `${request.method ?? ''} is not understood here`)
  }
  if (area === 'stream' && isStreamId(id)) {
    const settle = (answering: Promise<void>) =>
      void answering.catch((error: unknown) =>
        answerProblem(response, toMirrorError(error).code, 'the recording cannot be read'),
      )
    const host = {
      shelf: options.shelf,
      holds: options.holds,
      archive: options.archive,
      onViewer: (from: IncomingMessage, streamId: string, trackId: string) =>
        options.viewers.note(from, query, streamId, trackId, options.now()),
    }
    const asked = segments.length === 3 ? askedFor(third, query, options.now()) : null
    if (asked?.kind === 'live') return answerMultivariant(host, request, response, id)
    if (asked !== null) return settle(answerRecordedMultivariant(options.archive, { request, response }, id, asked))
    if (segments.length === 4 && TRACK_ID_PATTERN.test(third) && fourth !== undefined) {
      const path = { streamId: id, trackId: third, query }
      const kind = PLAYLIST_NAMES.get(fourth)
      if (kind !== undefined) {
        const range = parsePlaylistRequest(query, options.now())
        if (range.kind === 'live') return answerMediaPlaylist(host, request, response, { ...path, kind })
        return settle(answerRecordedPlaylist(options.archive, { request, response }, path, range))
      }
      return answerMediaFile(host, request, response, { streamId: id, trackId: third, name: fourth })
    }
  }
  if (area === 'vod') return answerVod(options, request, response, segments.slice(1))
  if (area === 'watch' && segments.length === 2 && isStreamId(id)) return options.watch.answerPage(request, response)
  if (area === 'watch-assets') return options.watch.answerAsset(request, response, segments.slice(1).join('/'))
  if (area === 'health' && segments.length === 1) {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' })
    response.end('ok\n')
    return
  }
  answerProblem(response, 'route_not_found', 'there is nothing at this address')
}

/** What a playlist address below a stream asks for; null when it is no playlist. */
function askedFor(name: string, query: URLSearchParams, nowMs: number): PlaylistRequest | null {
  return name === 'playlist.m3u8' ? parsePlaylistRequest(query, nowMs) : parsePlaylistName(name, nowMs)
}

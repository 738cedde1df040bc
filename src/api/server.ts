// The API server: routes, console, WebSocket and metrics on one port.
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import cookie from '@fastify/cookie'
import swagger from '@fastify/swagger'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { ZodType } from 'zod'
import type { BackupWatch } from '../backup/backup-watch.ts'
import type { Catalog } from '../catalog/types.ts'
import { LocalConnectionCounts } from '../core/connection-counts.ts'
import { ConnectionGuard, type ConnectionLimits } from '../core/connection-guard.ts'
import { ERRORS, MirrorError } from '../core/errors.ts'
import { GuardedConnections } from '../core/guarded-connections.ts'
import type { HostSet } from '../core/host-set.ts'
import type { Log } from '../core/log.ts'
import type { JobService } from '../jobs/job-service.ts'
import { ADOPT_OBJECT_JOB } from '../library/assets/adopt-object-job.ts'
import type { AssetNews } from '../library/assets/asset-news.ts'
import type { AssetShelf } from '../library/assets/asset-shelf.ts'
import { PULL_ASSET_JOB } from '../library/assets/pull-asset-job.ts'
import type { SizeMaker } from '../library/assets/size-maker.ts'
import type { SubtitleDesk } from '../library/assets/subtitle-desk.ts'
import type { RecordingBook } from '../library/recordings/recording-book.ts'
import type { RecordingPolicies } from '../library/recordings/recording-policies.ts'
import type { UploadDesk } from '../library/uploads/upload-desk.ts'
import type { LiveControl } from '../live/control.ts'
import type { DirectUploads } from '../storage/direct-uploads.ts'
import type { TieredStore } from '../storage/tiers.ts'
import type { WebhookSender } from '../webhooks/webhook-sender.ts'
import type { Access } from './access.ts'
import type { ApiSecrets } from './api-secrets.ts'
import { createAssetService } from './asset-service.ts'
import { eventOfAsset } from './asset-view.ts'
import { createAuthenticator } from './authenticator.ts'
import { eventOfBackups } from './backup-view.ts'
import { limitBodyTime } from './body-deadline.ts'
import { type ConsoleFiles, registerConsole, wantsPage } from './console-files.ts'
import type { ApiApp, ApiContext, WatchedBucket } from './context.ts'
import { startDateRangeFeed } from './date-range-feed.ts'
import { createDateRangeService } from './date-range-service.ts'
import { createDirectUploadService } from './direct-upload-service.ts'
import { createDvrRecordingService } from './dvr-recording-service.ts'
import { createEventHub, type EventHub } from './event-hub.ts'
import { eventOfJob } from './job-view.ts'
import { createMetrics } from './metrics.ts'
import { createObjectService } from './object-service.ts'
import { openApiOptions } from './openapi.ts'
import { PROBLEM_TYPE, toProblem } from './problems.ts'
import { DEFAULT_RATE_LIMITS, type RateLimits } from './rate-limit.ts'
import { createRecordingPolicyService } from './recording-policy-service.ts'
import { eventOfPolicy } from './recording-policy-view.ts'
import { createRecordingService } from './recording-service.ts'
import { eventOfRecording } from './recording-view.ts'
import { createRequestGate } from './request-gate.ts'
import { registerApiKeyRoutes } from './routes/api-key-routes.ts'
import { registerAssetFileRoutes } from './routes/asset-file-routes.ts'
import { registerAssetRoutes } from './routes/asset-routes.ts'
import { registerAssetSubtitleRoutes } from './routes/asset-subtitle-routes.ts'
import { registerAuthRoutes } from './routes/auth-routes.ts'
import { registerDateRangeRoutes } from './routes/date-range-routes.ts'
import { registerDirectUploadRoutes } from './routes/direct-upload-routes.ts'
import { registerDvrRecordingRoutes } from './routes/dvr-recording-routes.ts'
import { registerDvrRoutes } from './routes/dvr-routes.ts'
import { registerEventRoutes } from './routes/event-routes.ts'
import { registerIncomingRoutes } from './routes/incoming-routes.ts'
import { registerInputRoutes } from './routes/input-routes.ts'
import { registerJobRoutes } from './routes/job-routes.ts'
import { registerKeyRoutes } from './routes/key-routes.ts'
import { registerLinkRoutes } from './routes/link-routes.ts'
import { registerObjectRoutes } from './routes/object-routes.ts'
import { registerRecordingPolicyRoutes } from './routes/recording-policy-routes.ts'
import { registerRecordingRoutes } from './routes/recording-routes.ts'
import { registerSlateRoutes } from './routes/slate-routes.ts'
import { registerStoreRoutes } from './routes/store-routes.ts'
import { registerStreamRoutes } from './routes/stream-routes.ts'
import { registerSystemRoutes } from './routes/system-routes.ts'
import { registerTestSourceRoutes } from './routes/test-source-routes.ts'
import { registerUploadRoutes } from './routes/upload-routes.ts'
import { registerWebhookRoutes } from './routes/webhook-routes.ts'
import { setSecurityHeaders } from './security-headers.ts'
import { createSocketIdentifier, remoteAddress } from './socket-identity.ts'
import { DEFAULT_SOCKET_LIMITS, type SocketLimits, startSockets } from './sockets.ts'
import { type ConfiguredStore, createStoreService, type StoreServiceOptions } from './store-service.ts'
import { createStreamService, type StreamServiceOptions } from './stream-service.ts'
import { type Addresses, consoleUrl, mediaUrl } from './stream-urls.ts'
import { createWebhookService } from './webhook-service.ts'
import { eventOfDisabled } from './webhook-view.ts'

const BODY_LIMIT_BYTES = 1024 * 1024
const DEFAULT_RETRY_AFTER_SEC = 5
const HEADERS_TIMEOUT_MS = 10_000
/** How often Node looks for connections whose headers take too long. */
const HEADERS_CHECK_MS = 2_000

export interface ApiServerOptions {
  readonly host: string
  /** 0: chosen by the system. */
  readonly port: number
  readonly catalog: Catalog
  readonly live: LiveControl
  readonly jobs: JobService
  readonly backups: Pick<BackupWatch, 'newest' | 'trouble' | 'onTrouble'>
  readonly secrets: ApiSecrets
  readonly addresses: Addresses
  /** Where recordings lie. */
  readonly store: TieredStore
  readonly recordings: {
    readonly book: RecordingBook
    readonly policies: RecordingPolicies
    readonly maxBytes: number
  }
  readonly assets: {
    readonly shelf: AssetShelf
    readonly sizes: SizeMaker
    readonly subtitles: SubtitleDesk
    readonly news: AssetNews
    readonly maxBytes: number
    readonly trashMs: number
  }
  /** How long what was restored from an archive stays readable. */
  readonly keepRestoredMs: number
  readonly database: 'sqlite' | 'postgres'
  /** A preset admin key, or null. */
  readonly adminToken: string | null
  /** Folder of the built console, or null: only the API is served. */
  readonly consoleDir: string | null
  readonly metricsAccess: 'loopback' | 'key' | 'public'
  readonly slates: StreamServiceOptions['slates']
  readonly configuredStore: ConfiguredStore
  readonly uploads: UploadDesk
  /** Null: no bucket is watched. */
  readonly incoming: WatchedBucket | null
  /** Null: the store is a folder. */
  readonly direct: DirectUploads | null
  readonly webhooks: {
    readonly sender: WebhookSender
    /** Hosts that are reached besides public addresses. */
    readonly allow: HostSet
  }
  readonly probeStore: StoreServiceOptions['probe']
  readonly version: string
  readonly clock: () => number
  /** For how long connections have been idle; omitted: `performance.now`. */
  readonly monotonicMs?: () => number
  readonly log: Log
  readonly connectionLimits: ConnectionLimits
  readonly limits?: RateLimits
  readonly socketLimits?: SocketLimits
}

export interface RouteAccess {
  readonly method: string
  readonly url: string
  readonly access: Access
}

/** Closing answers what is under way, ends WebSocket connections and writes the events that wait. */
export interface ApiServer extends AsyncDisposable {
  readonly port: number
  readonly events: EventHub
  /** Every route with who may call it. */
  readonly routes: readonly RouteAccess[]
}

/** Listens when it resolves. Throws `port_taken`. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  await using opened = new AsyncDisposableStack()
  const { catalog, live, jobs, backups, clock, log, addresses } = options
  const limits = options.limits ?? DEFAULT_RATE_LIMITS

  const auth = createAuthenticator({ catalog, adminToken: options.adminToken, clock })
  const events = opened.use(
    createEventHub({ events: catalog.events, live, log: log.child('events'), clock, newId: randomUUID }),
  )
  opened.defer(
    jobs.onChange((job) => {
      const event = eventOfJob(job, clock())
      if (event !== null) events.publish(event)
    }),
  )
  opened.defer(options.assets.news.on((kind, asset) => events.announce(eventOfAsset(kind, asset, clock()))))
  opened.defer(options.recordings.book.onNews((news) => events.announce(eventOfRecording(news, clock()))))
  opened.defer(options.recordings.policies.onNews((news) => events.announce(eventOfPolicy(news, clock()))))
  opened.defer(backups.onTrouble((trouble) => events.publish(eventOfBackups(trouble, clock()))))
  const { sender } = options.webhooks
  opened.defer(sender.onDisabled((webhook) => events.publish(eventOfDisabled(webhook, clock()))))
  opened.defer(events.onEvent(() => sender.wake()))
  const gate = createRequestGate({ auth, limits, publicUrl: addresses.publicUrl, clock })
  let openSockets = () => 0
  let recheckSockets = () => {}
  const metrics = opened.use(
    createMetrics({
      ...{ live, jobs, backups, clock },
      recordings: options.recordings.book,
      droppedEvents: () => events.droppedCount(),
      openSockets: () => openSockets(),
    }),
  )
  opened.defer(
    options.uploads.onKept(({ kind, isDuplicate }) => metrics.countUpload(kind, isDuplicate ? 'duplicate' : 'stored')),
  )
  opened.defer(
    jobs.onChange(({ kind, state, result }) => {
      if ((kind !== PULL_ASSET_JOB && kind !== ADOPT_OBJECT_JOB) || (state !== 'done' && state !== 'failed')) return
      const isDuplicate = result?.['duplicate'] === true
      if (state === 'failed') metrics.countUpload('unknown', 'refused')
      else metrics.countUpload(String(result?.['assetKind'] ?? 'unknown'), isDuplicate ? 'duplicate' : 'stored')
    }),
  )
  opened.defer(sender.onAttempt((result) => metrics.countDelivery(result)))
  opened.defer(
    events.onEvent((event) => {
      if (event.type === 'stream.deleted' && event.streamId !== null) metrics.forgetStream(event.streamId)
    }),
  )

  const app = createApp(log)
  const routes = collectRoutes(app)
  const streams = createStreamService({
    catalog,
    live,
    secrets: options.secrets,
    slates: options.slates,
    addresses,
    events,
    clock,
  })
  const register = (streamId: string) => streams.refresh(streamId)
  // A database in a file has one process.
  if (options.database === 'postgres')
    opened.use(startDateRangeFeed({ catalog, register, clock, log: log.child('date-ranges') }))
  const context: ApiContext = {
    ...options,
    startedAtMs: clock(),
    auth,
    events,
    metrics,
    streams,
    dateRanges: createDateRangeService({ catalog, live, register, clock }),
    dvrRecordings: createDvrRecordingService({ catalog, live, register, newId: randomUUID, addresses, events, clock }),
    recordings: createRecordingService({
      ...{ ...options.recordings, catalog, store: options.store, jobs, secrets: options.secrets, clock },
      ...{ consoleUrl: consoleUrl(addresses), newId: randomUUID },
    }),
    recordingPolicies: createRecordingPolicyService({ policies: options.recordings.policies, jobs }),
    assets: createAssetService({
      ...{ ...options.assets, assets: catalog.assets, store: options.store, links: options.secrets.links, jobs, clock },
      seal: options.secrets.seal,
      ...{ consoleUrl: consoleUrl(addresses), newId: randomUUID, countUpload: metrics.countUpload },
      ...{ playback: options.secrets.playback, mediaUrl: mediaUrl(addresses) },
    }),
    objects: createObjectService({ ...options, askArchive: (request) => live.askArchive(request) }),
    stores: createStoreService({
      ...{ catalog, secrets: options.secrets, events, clock },
      configured: options.configuredStore,
      probe: options.probeStore,
    }),
    directUploads: createDirectUploadService({
      ...{ direct: options.direct, store: options.store, jobs, secrets: options.secrets, clock },
      ...{ maxBytes: options.assets.maxBytes, newId: randomUUID },
    }),
    webhooks: createWebhookService({
      ...{ ...options.webhooks, webhooks: catalog.webhooks, secrets: options.secrets, events, clock },
      newId: randomUUID,
    }),
    logins: gate.logins,
    recheckSockets: () => recheckSockets(),
  }
  await app.register(cookie)
  await app.register(swagger, openApiOptions(options.version, consoleUrl(addresses)))
  const connections = guardConnections(app, options)
  app.addHook('onRequest', async (request, reply) => {
    const refusal = connections.refusalOf(request.raw.socket)
    if (refusal === null) return
    void reply.header('Connection', 'close')
    throw new MirrorError(refusal, ERRORS[refusal].title, { details: { retryAfterSec: 1 } })
  })
  app.addHook('onRequest', async (request, reply) => limitBodyTime(request, reply))
  app.addHook('onRequest', (request, reply) => gate.admit(request, reply))
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    metrics.countRequest(request.method, route, reply.statusCode, reply.elapsedTime / 1000)
  })

  registerStreamRoutes(app, context)
  registerDvrRoutes(app, context)
  registerDvrRecordingRoutes(app, context)
  registerInputRoutes(app, context)
  registerSlateRoutes(app, context)
  registerDateRangeRoutes(app, context)
  registerKeyRoutes(app, context)
  registerTestSourceRoutes(app, context)
  registerEventRoutes(app, context)
  registerRecordingRoutes(app, context)
  registerRecordingPolicyRoutes(app, context)
  registerLinkRoutes(app, context)
  registerAssetRoutes(app, context)
  registerAssetFileRoutes(app, context)
  registerAssetSubtitleRoutes(app, context)
  registerDirectUploadRoutes(app, context)
  registerIncomingRoutes(app, context)
  registerUploadRoutes(app, context)
  registerWebhookRoutes(app, context)
  registerObjectRoutes(app, context)
  registerJobRoutes(app, context)
  registerStoreRoutes(app, context)
  registerSystemRoutes(app, context)
  registerApiKeyRoutes(app, context)
  registerAuthRoutes(app, context)
  const mediaOrigin = new URL(mediaUrl(addresses)).origin
  const consoleFiles =
    options.consoleDir === null ? null : await registerConsole(app, { consoleDir: options.consoleDir, mediaOrigin })
  answerNotFound(app, consoleFiles)

  await app.ready()
  opened.defer(() => app.close())
  const sockets = startSockets({
    server: app.server,
    live,
    events,
    identify: createSocketIdentifier({ auth, limits, publicUrl: addresses.publicUrl, clock }),
    isValid: (principal) => auth.isValid(principal),
    remoteAddress,
    limits: options.socketLimits ?? DEFAULT_SOCKET_LIMITS,
    log: log.child('ws'),
  })
  openSockets = () => sockets.openCount()
  recheckSockets = () => void sockets.recheck()
  opened.use(sockets)

  const port = await listen(app, options)
  const owned = opened.move()
  return { port, events, routes, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** A WebSocket is never idle: heartbeats see to it. */
function guardConnections(
  app: ApiApp,
  {
    connectionLimits,
    monotonicMs = () => performance.now(),
  }: Pick<ApiServerOptions, 'connectionLimits' | 'monotonicMs'>,
): GuardedConnections {
  const guard = new ConnectionGuard(connectionLimits, new LocalConnectionCounts(), monotonicMs)
  const connections = new GuardedConnections(guard, { tellsRefused: true })
  connections.watch(app.server)
  app.server.on('request', ({ socket }, response) => {
    const place = connections.placeOf(socket)
    place?.begin()
    response.once('close', () => place?.end())
  })
  app.server.on('upgrade', ({ socket }) => {
    if (connections.refusalOf(socket) === null) connections.placeOf(socket)?.begin()
    else socket.destroy()
  })
  return connections
}

function createApp(log: Log): ApiApp {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    // Only a proxy on this machine may say whom it speaks for.
    trustProxy: 'loopback',
    // `limitBodyTime` knows which bodies may take longer.
    requestTimeout: 0,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: HEADERS_CHECK_MS },
    keepAliveTimeout: 72_000,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 500 },
    frameworkErrors: (error, request, reply) => sendProblem(log, error, request, reply),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler<ZodType>((route) => {
    const validate = validatorCompiler(route)
    // Fastify says null for an absent body, zod says undefined.
    return (data: unknown) => validate(data === null ? undefined : data)
  })
  app.setSerializerCompiler(serializerCompiler)
  app.decorateRequest('principal', null)
  app.addHook('onSend', async (request, reply) => setSecurityHeaders(request, reply))
  app.setErrorHandler((error, request, reply) => sendProblem(log, error, request, reply))

  // A POST without a body is fine where none is needed, whatever Content-Type the client put on it.
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parseJson(request, String(body), done)
  })
  return app
}

function sendProblem(log: Log, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error)
  if (problem.code === 'internal') log.error('A request failed', { method: request.method, url: request.url, error })
  const waitSec = error instanceof MirrorError ? error.details['retryAfterSec'] : undefined
  if (
    problem.status === 429 ||
    problem.code === 'connections_full' ||
    problem.code === 'uploads_full' ||
    problem.code === 'processing_busy'
  )
    reply.header('Retry-After', waitSec ?? DEFAULT_RETRY_AFTER_SEC)
  if (problem.status === 401) reply.header('WWW-Authenticate', 'Bearer realm="mirror"')
  void reply.code(problem.status).type(PROBLEM_TYPE).serializer(String).send(JSON.stringify(problem))
}

/** A route without declared access would be open by accident, so it stops the start. */
function collectRoutes(app: ApiApp): RouteAccess[] {
  const routes: RouteAccess[] = []
  app.addHook('onRoute', ({ method, url, config }) => {
    const access = config?.access
    if (access === undefined) throw new Error(`route ${String(method)} ${url} declares no access`)
    for (const each of [method].flat()) routes.push({ method: each, url, access })
  })
  return routes
}

function answerNotFound(app: ApiApp, consoleFiles: ConsoleFiles | null): void {
  app.setNotFoundHandler((request, reply) => {
    if (consoleFiles !== null && wantsPage(request)) return consoleFiles.sendStartPage(reply)
    const path = request.url.split('?')[0] ?? ''
    throw new MirrorError('route_not_found', `There is nothing at ${request.method} ${path.slice(0, 200)}`)
  })
}

async function listen(app: ApiApp, { host, port }: ApiServerOptions): Promise<number> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    if (!isAddressInUse(error)) throw error
    throw new MirrorError('port_taken', `Port ${port} for console and API is in use (setting MIRROR_API_PORT)`, {
      cause: error,
    })
  }
  return (app.server.address() as AddressInfo).port
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}

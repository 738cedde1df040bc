// A real API server on a port of the system's choice, over a real SQLite catalog and a media plane without media.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApiSecrets } from '../../src/api/api-secrets.ts'
import { type ApiServer, type ApiServerOptions, startApiServer } from '../../src/api/server.ts'
import { writtenEvents } from '../../src/api/written-events.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import type { Catalog } from '../../src/catalog/types.ts'
import { parseHostSet } from '../../src/core/host-set.ts'
import { silentLog } from '../../src/core/log.ts'
import { createPasswords } from '../../src/core/password.ts'
import type { JobKind } from '../../src/jobs/job-runner.ts'
import { JobService } from '../../src/jobs/job-service.ts'
import { failWithJob as failAssetWithJob } from '../../src/library/assets/asset-job.ts'
import { AssetNews } from '../../src/library/assets/asset-news.ts'
import { AssetShelf } from '../../src/library/assets/asset-shelf.ts'
import { SizeMaker } from '../../src/library/assets/size-maker.ts'
import { SubtitleDesk } from '../../src/library/assets/subtitle-desk.ts'
import { Scratch } from '../../src/library/processing/scratch.ts'
import { RecordingBook } from '../../src/library/recordings/recording-book.ts'
import { failWithJob } from '../../src/library/recordings/recording-jobs.ts'
import { RecordingPolicies } from '../../src/library/recordings/recording-policies.ts'
import { UploadDesk } from '../../src/library/uploads/upload-desk.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import { probeStore } from '../../src/storage/probe-store.ts'
import { postMessage } from '../../src/webhooks/post-message.ts'
import { WebhookSender } from '../../src/webhooks/webhook-sender.ts'
import { createFakeLive, type FakeLive } from './fake-live.ts'
import { createMemoryTiers } from './memory-tiers.ts'

export const ADMIN_TOKEN = 'preset-admin-token'

export interface TestApi extends AsyncDisposable {
  readonly url: string
  readonly server: ApiServer
  readonly catalog: Catalog
  readonly live: FakeLive
  readonly options: ApiServerOptions
  readonly dataDir: string
  readonly clock: { skipMs: number }
  request(path: string, init?: ApiRequest): Promise<Response>
  /** The body of an answer that must be a success. */
  json<T>(path: string, init?: ApiRequest): Promise<T>
}

export interface ApiRequest {
  readonly method?: string
  /** Bearer key; absent: the admin token; null: none. */
  readonly key?: string | null
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Keeps what is uploaded and finds fault with nothing. */
function createFakeSlates(): ApiServerOptions['slates'] {
  const kept = new Map<string, Uint8Array>()
  return {
    keep: async ({ id }, { hash }, bytes) => void kept.set(`${id} ${hash}`, bytes),
    read: async ({ id }, { hash }) => kept.get(`${id} ${hash}`) ?? null,
  }
}

const GENEROUS = { perSec: 1000, burst: 1000 }
export const NO_LIMITS = { anonymous: GENEROUS, principal: GENEROUS, loginPerAddress: GENEROUS, loginTotal: GENEROUS }

export interface JobParts {
  readonly catalog: Catalog
  readonly book: RecordingBook
  readonly policies: RecordingPolicies
  readonly news: AssetNews
  readonly jobs: () => JobService
  readonly now: () => number
  readonly dataDir: string
}

export async function startTestApi(
  change: Partial<ApiServerOptions> = {},
  /** What jobs there are; omitted: none run. */
  kindsOf?: (parts: JobParts) => Readonly<Record<string, JobKind>>,
): Promise<TestApi> {
  await using opened = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'mirror-api-'))
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const location = { kind: 'sqlite', path: join(dataDir, 'catalog.sqlite') } as const
  const catalog = opened.use(await openCatalog(location, { log: silentLog, signal: AbortSignal.timeout(10_000) }))
  const live = createFakeLive()
  const clock = { skipMs: 0 }
  const now = () => Date.now() + clock.skipMs
  const written = writtenEvents({ now, newId: randomUUID })
  const book = new RecordingBook({ recordings: catalog.recordings, eventOf: written.ofRecording, now })
  const policies = new RecordingPolicies({
    ...{ catalog, now, newId: randomUUID, eventOf: written.ofPolicy, isLifecycleOn: true },
    standard: { hotToWarmDays: 30, warmToColdDays: 90, retentionDays: 365 },
  })
  const news = new AssetNews(written.ofAsset)
  const store = change.store ?? createMemoryTiers()
  const jobs: JobService = opened.use(
    new JobService({
      jobs: catalog.jobs,
      kinds: kindsOf?.({ catalog, book, policies, news, now, dataDir, jobs: () => jobs }) ?? {},
      schedules: [],
      owner: 'test',
      now,
      random: Math.random,
      randomId: randomUUID,
      log: silentLog,
    }),
  )
  const uploads = opened.use(
    await UploadDesk.open({
      folder: join(dataDir, 'uploads'),
      keep: async ({ id, chunks }) => {
        for await (const _ of chunks());
        return { assetId: id, kind: 'other', isDuplicate: false }
      },
      limits: { maxBytes: 2 ** 20, maxUnfinished: 10, keepMs: 60_000, keepFreeBytes: 0, copies: 1, idleMs: 20_000 },
      freeBytes: async () => 2 ** 40,
      now: () => Date.now() + clock.skipMs,
      newId: randomUUID,
      log: silentLog,
    }),
  )
  // Cheap hashing: what is tested here is who gets in, not how long guessing takes.
  const passwords = createPasswords({ cost: { logN: 4, blockSize: 1, parallel: 1 } })
  const secrets = createApiSecrets(new Uint8Array(32), passwords)
  const allow = parseHostSet('127.0.0.1')
  if (allow === null) throw new Error('no set of hosts')
  const sender = opened.use(
    new WebhookSender({
      ...{ webhooks: catalog.webhooks, now, random: Math.random, log: silentLog, pollMs: 20 },
      openSealed: (sealed) => secrets.open(sealed),
      post: (url, message, signal) => postMessage(url, message, { allow, signal, now }),
    }),
  )
  const shelf = new AssetShelf({ assets: catalog.assets, store, jobs: () => jobs, news, now })
  const options: ApiServerOptions = {
    host: '127.0.0.1',
    port: 0,
    catalog,
    live,
    jobs,
    secrets,
    addresses: { publicUrl: null, host: '127.0.0.1', apiPort: 8080, mediaPort: 8888, rtmpPort: 1935, srtPort: 6000 },
    slates: createFakeSlates(),
    uploads,
    direct: null,
    incoming: null,
    webhooks: { sender, allow },
    configuredStore: {
      location: { kind: 'folder', path: join(dataDir, 'store', 'hot') },
      store: createMemoryStore({ nowMs: Date.now }),
    },
    probeStore: (at, signal) => probeStore(at, { signal, nowMs: Date.now, randomId: randomUUID }),
    backups: { newest: null, trouble: null, onTrouble: () => () => {} },
    store,
    assets: {
      shelf,
      sizes: new SizeMaker({
        ...{ assets: catalog.assets, store, now, spawn, log: silentLog },
        scratchDir: join(dataDir, 'scratch', 'assets'),
      }),
      ...{ news, maxBytes: 2 ** 22, trashMs: 30 * 86_400_000 },
      subtitles: new SubtitleDesk({
        ...{ shelf, assets: catalog.assets, store, now, spawn, log: silentLog, ffmpegPath: 'ffmpeg' },
        scratch: await Scratch.open(join(dataDir, 'scratch', 'subtitles')),
      }),
    },
    recordings: {
      book,
      policies,
      maxBytes: 2 ** 20,
    },
    keepRestoredMs: 3 * 86_400_000,
    database: 'sqlite',
    adminToken: ADMIN_TOKEN,
    consoleDir: null,
    metricsAccess: 'loopback',
    connectionLimits: { connections: 1000, connectionsPerAddress: 1000, isTrusted: () => false },
    version: '0.0.0-test',
    clock: now,
    log: silentLog,
    ...change,
  }
  opened.defer(jobs.onChange((job) => void failWithJob(book, job)))
  opened.defer(jobs.onChange((job) => void failAssetWithJob({ assets: catalog.assets, news, now }, job)))
  const server = opened.use(await startApiServer(options))
  if (kindsOf !== undefined) await jobs.start()
  await sender.start({ isAlone: true })
  const url = `http://127.0.0.1:${server.port}`

  const request: TestApi['request'] = (path, { method = 'GET', key = ADMIN_TOKEN, body, headers = {} } = {}) =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })

  const owned = opened.move()
  return {
    url,
    server,
    catalog,
    live,
    options,
    dataDir,
    clock,
    request,
    async json<T>(path: string, init?: ApiRequest) {
      const response = await request(path, init)
      if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
      return (await response.json()) as T
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

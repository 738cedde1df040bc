// The composition root: opens every part of Mirror in dependency order. With main.ts and serve.ts the only files that know them all.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rm, statfs } from 'node:fs/promises'
import { availableParallelism, hostname, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createApiSecrets } from './api/api-secrets.ts'
import { ensureFirstLogin } from './api/login-links.ts'
import { type ApiServerOptions, startApiServer } from './api/server.ts'
import { registerStreams } from './api/stream-service.ts'
import { type Addresses, consoleUrl, mediaUrl } from './api/stream-urls.ts'
import { writtenEvents } from './api/written-events.ts'
import { BackupWatch } from './backup/backup-watch.ts'
import { renderBanner } from './banner.ts'
import { catalogLocation } from './catalog/catalog-location.ts'
import { openCatalog } from './catalog/open-catalog.ts'
import { sealStoredInputs, withSealedInputs } from './catalog/sealed-inputs.ts'
import type { Catalog } from './catalog/types.ts'
import { writeCliCredentials } from './cli/credentials-file.ts'
import type { Config } from './config/types.ts'
import { parseAddressSet } from './core/address-set.ts'
import { lockDataFolder } from './core/data-lock.ts'
import { MirrorError, toMirrorError } from './core/errors.ts'
import { parseHostSet } from './core/host-set.ts'
import type { Log } from './core/log.ts'
import { holdPort } from './core/reserve-port.ts'
import { deriveKey, openInstallationSecret } from './core/secrets.ts'
import { jobKinds } from './job-kinds.ts'
import { JobService } from './jobs/job-service.ts'
import { dropAdopted } from './library/assets/adopt-object-job.ts'
import { cancelConversionWithJob, failWithJob as failAssetWithJob } from './library/assets/asset-job.ts'
import { AssetNews } from './library/assets/asset-news.ts'
import { AssetShelf } from './library/assets/asset-shelf.ts'
import { IncomingDesk } from './library/assets/incoming-desk.ts'
import { SizeMaker } from './library/assets/size-maker.ts'
import { followTrash } from './library/assets/withhold-playback.ts'
import { pullerFor } from './library/intake/pull.ts'
import { openConverter } from './library/processing/mediaconvert/video-converter.ts'
import { ffprobePathOf } from './library/processing/probe-media.ts'
import { Scratch } from './library/processing/scratch.ts'
import type { ScratchDisk } from './library/processing/scratch-disk.ts'
import { RecordingBook } from './library/recordings/recording-book.ts'
import { failWithJob } from './library/recordings/recording-jobs.ts'
import { RecordingPolicies } from './library/recordings/recording-policies.ts'
import { createSoundReader } from './library/recordings/sound-reader.ts'
import { startSweeper } from './library/recordings/sweep-recordings.ts'
import { keepAsAsset } from './library/uploads/keep-as-asset.ts'
import { UploadDesk, type UploadDeskHost } from './library/uploads/upload-desk.ts'
import { DeleteBook } from './lifecycle/delete-book.ts'
import { RestoreOnPlay } from './lifecycle/restore-on-play.ts'
import type { RegisteredStream } from './live/control.ts'
import { SlateMaker } from './live/slate/slate-maker.ts'
import { type Supervisor, type SupervisorOptions, startSupervisor } from './live/supervisor.ts'
import type { TimelineLocation } from './live/threads/messages.ts'
import { openDirectUploads } from './storage/direct-uploads.ts'
import { openStore } from './storage/open-store.ts'
import { probeStore } from './storage/probe-store.ts'
import { storeLocation } from './storage/store-location.ts'
import { postMessage } from './webhooks/post-message.ts'
import { WebhookSender } from './webhooks/webhook-sender.ts'

const SPOOL_MAX_BYTES = 20 * 2 ** 30
/** Of the read cache: 50 GB. */
const CACHE_MAX_BYTES = 50e9
const PACK_MS = 5 * 60_000
const FOLDER_FLUSH_MS = 30_000
const PACK_BYTES = 2 ** 30
/** How late a recording of a call may go whose time is over. */
const RECORDING_SWEEP_MS = 60_000
/** A client that sends nothing for so long has lost its connection. */
const UPLOAD_IDLE_MS = 30_000

export interface MirrorHost {
  readonly log: Log
  readonly signal: AbortSignal
  /** Receives the text that greets a person at the start; omitted: nobody reads it. */
  readonly greet?: (text: string) => void
}

/** A running Mirror. Closing it drains: encoders are told, playlists end, what is under way is answered. */
export interface Mirror extends AsyncDisposable {
  readonly addresses: Addresses
  readonly live: Supervisor
  readonly catalog: Catalog
}

export async function startMirror(config: Config, { log, signal, greet }: MirrorHost): Promise<Mirror> {
  await using opened = new AsyncDisposableStack() // If a later step throws, what is already open is closed.
  const clock = () => Date.now()
  const startedAtMs = clock()
  const version = packageVersion()

  opened.use(await lockDataFolder(config.dataDir))
  const installationSecret = await openInstallationSecret(config.dataDir)
  const secrets = createApiSecrets(installationSecret)
  const stored = opened.use(await openCatalog(catalogLocation(config), { log: log.child('catalog'), signal }))
  await sealStoredInputs(stored, secrets)
  const catalog = withSealedInputs(stored, secrets)
  const heldPort = opened.use(await holdPort(config.bind, config.api.port, 'api.port'))
  const apiPort = heldPort.port
  const timeline = timelineLocation(config)
  for (const place of [timeline, storeLocation(config)]) {
    if (place.kind === 'folder') await mkdir(place.path, { recursive: true })
  }
  const store = opened.use(await openStore(storeLocation(config)))
  const slates = new SlateMaker({ store, ffmpegPath: config.ffmpeg.path, spawn, log: log.child('slate') })
  // Known before ingest opens, so that an encoder that waits for the restart is not refused.
  const streams: RegisteredStream[] = []
  await registerStreams(catalog, { register: (stream) => void streams.push(stream) }, clock())
  const deletes = opened.use(new DeleteBook({ ledger: catalog.ledger, now: clock, log: log.child('ledger') }))
  // Viewers come before jobs are there.
  let restores: RestoreOnPlay | null = null
  const live = opened.use(
    await startSupervisor({
      host: config.bind,
      mediaPort: config.media.port,
      mediaWorkers: config.media.workers,
      tls: await readTls(config),
      rtmpPort: config.rtmp.enabled ? config.rtmp.port : null,
      srt: config.srt.enabled
        ? { port: config.srt.port, latencyMs: config.srt.latencyMs, passphrase: config.srt.passphrase }
        : null,
      keySecret: deriveKey(installationSecret, 'publish-key-lookup'),
      playbackKey: deriveKey(installationSecret, 'playback-links'),
      timeline,
      dvr: await dvrData(config),
      watchDir: builtFolder('watch'),
      ffmpegPath: config.ffmpeg.path,
      maxPublishers: config.ingest.maxPublishers,
      maxFragmentBytes: config.ingest.maxFragmentBytes,
      inputIdleMs: config.ingest.idleTimeoutMs,
      maxConnections: config.media.maxConnections,
      maxConnectionsPerAddress: config.media.maxConnectionsPerAddress,
      maxIngestConnectionsPerAddress: config.ingest.maxConnectionsPerAddress,
      trustedAddresses: config.trustedAddresses,
      windowMaxBytes: config.window.maxBytes ?? Math.floor(availableMemoryBytes() / 2),
      streams,
      slates,
      onExpired: (deleted) => deletes.add(deleted),
      onArchived: config.archive.restoreOnPlay ? (key) => void restores?.want(key) : null,
      now: clock,
      log: log.child('live'),
    }),
  )

  const addresses: Addresses = {
    publicUrl: config.publicUrl,
    host: reachableHost(config.bind),
    apiPort,
    mediaPort: live.ports.media,
    mediaTls: config.media.tls !== null,
    rtmpPort: live.ports.rtmp,
    srtPort: live.ports.srt,
    srtPassphrase: config.srt.passphrase,
  }
  const backups = opened.use(new BackupWatch({ store, now: clock, log: log.child('backup') }))
  const written = writtenEvents({ now: clock, newId: randomUUID })
  const recordings = new RecordingBook({ recordings: catalog.recordings, eventOf: written.ofRecording, now: clock })
  const policies = new RecordingPolicies({
    ...{ catalog, now: clock, newId: randomUUID, eventOf: written.ofPolicy },
    ...{ standard: config.recordings.standard, isLifecycleOn: config.recordings.isLifecycleOn },
  })
  const assetScratchDir = join(config.dataDir, 'scratch', 'assets')
  await rm(assetScratchDir, { recursive: true, force: true }) // Left by a Mirror that was killed.
  const { mediaConvert } = config.processing
  const isConverted = mediaConvert !== null && config.store.kind === 's3'
  const converter = isConverted ? opened.use(await openConverter(mediaConvert, config.store.s3)) : null
  const assetHost = {
    converter,
    ...{ assets: catalog.assets, store, news: new AssetNews(written.ofAsset), jobs: () => jobs, now: clock },
    ...{ scratchDir: assetScratchDir, trashMs: config.assets.trashMs, spawn, log: log.child('assets') },
    ...{ ffmpegPath: config.ffmpeg.path, media: { ...config.processing, threads: backgroundThreads() } },
    disk: { keepFreeBytes: config.uploads.keepFreeBytes, ...dataDisk(config) },
  }
  const shelf = new AssetShelf(assetHost)
  const direct = opened.use(await openDirectUploads(storeLocation(config), { nowMs: clock }))
  const desk =
    config.incoming === null
      ? null
      : new IncomingDesk({ ...config.incoming, incoming: catalog.incoming, store, jobs: () => jobs, now: clock })
  const jobs: JobService = opened.use(
    new JobService({
      jobs: catalog.jobs,
      ...jobKinds({
        catalog,
        backup: {
          ...{ store, mirrorVersion: version, now: clock, log: log.child('backup') },
          location: catalogLocation(config),
          scratchDir: join(config.dataDir, 'backup'),
          randomId: () => randomUUID().slice(0, 8),
        },
        backups,
        store,
        perTenant: config.jobs.perTenant,
        incoming: desk === null || config.incoming === null ? null : { desk, everyMs: config.incoming.everyMs },
        recordings: {
          ...{ book: recordings, recordings: catalog.recordings, store, ledger: catalog.ledger, now: clock },
          policies,
          ...{
            maxBytes: config.recordings.maxBytes,
            scratch: await Scratch.open(join(config.dataDir, 'scratch', 'recordings')),
          },
          coldFormat: config.recordings.coldFormat,
          ffmpeg: { ffmpegPath: config.ffmpeg.path, threads: 1, spawn, log: log.child('recordings') },
          sound: createSoundReader({
            ...{ ffmpegPath: config.ffmpeg.path, ffprobePath: ffprobePathOf(config.ffmpeg.path) },
            ...{ spawn, log: log.child('recordings') },
          }),
          pull: pullerFor(config.pull.allow),
          openSealed: (sealed) => secrets.open(sealed),
          jobs: () => jobs,
        },
        assets: {
          ...{ ...assetHost, shelf, direct, maxBytes: config.assets.maxBytes, pull: pullerFor(config.pull.allow) },
          openSealed: (sealed) => secrets.open(sealed),
        },
      }),
      owner: `${hostname()} ${process.pid}`,
      now: clock,
      random: Math.random,
      randomId: randomUUID,
      log: log.child('jobs'),
    }),
  )
  opened.defer(jobs.onChange((job) => void failWithJob(recordings, job).catch(() => {})))
  opened.defer(jobs.onChange((job) => void failAssetWithJob(assetHost, job).catch(() => {})))
  opened.defer(jobs.onChange((job) => void dropAdopted(store, job).catch(() => {})))
  const uncancelled = (error: unknown) =>
    log.warn('a MediaConvert job was not cancelled', { error: toMirrorError(error).message })
  opened.defer(jobs.onChange((job) => void cancelConversionWithJob(assetHost, job).catch(uncancelled)))
  if (desk !== null) opened.defer(jobs.onChange((job) => void desk.forgetWithJob(job).catch(() => {})))
  opened.defer(followTrash(assetHost.news, assetHost))
  restores = new RestoreOnPlay({ jobs, keepMs: config.archive.keepRestoredMs, now: clock, log: log.child('restore') })
  const keep = keepAsAsset({ store, shelf, find: (tenantId, id) => catalog.assets.get(tenantId, id) })
  const uploads = opened.use(
    await UploadDesk.open({ ...uploadOptions(config), keep, now: clock, log: log.child('uploads') }),
  )
  const allow = parseHostSet(config.pull.allow)
  if (allow === null) throw new MirrorError('config_invalid', `pull.allow is no set of hosts: "${config.pull.allow}"`)
  const sender = opened.use(
    new WebhookSender({
      ...{ webhooks: catalog.webhooks, now: clock, random: Math.random, log: log.child('webhooks') },
      openSealed: (sealed) => secrets.open(sealed),
      post: (url, message, stop) => postMessage(url, message, { allow, signal: stop, now: clock }),
    }),
  )
  // Last to open, first to close: no request arrives before or after what it needs.
  await heldPort.release()
  opened.use(
    await startApiServer({
      host: config.bind,
      port: apiPort,
      catalog,
      live,
      jobs,
      backups,
      secrets,
      slates,
      configuredStore: { location: storeLocation(config), store },
      probeStore: (location, signal) => probeStore(location, { signal, nowMs: clock, randomId: randomUUID }),
      addresses,
      store,
      assets: {
        ...{ shelf, sizes: new SizeMaker(assetHost), news: assetHost.news },
        ...config.assets,
      },
      uploads,
      incoming: watchedBucket(config, desk),
      direct,
      webhooks: { sender, allow },
      recordings: { book: recordings, policies, maxBytes: config.recordings.maxBytes },
      keepRestoredMs: config.archive.keepRestoredMs,
      database: config.database.kind,
      adminToken: config.adminToken,
      consoleDir: builtFolder('console'),
      metricsAccess: config.metrics.access,
      connectionLimits: {
        connections: config.api.maxConnections,
        connectionsPerAddress: config.api.maxConnectionsPerAddress,
        isTrusted: parseAddressSet(config.trustedAddresses) ?? (() => false),
      },
      version,
      clock,
      log: log.child('api'),
    }),
  )
  opened.use(
    await startSweeper(
      {
        ...{ book: recordings, recordings: catalog.recordings, now: clock },
        deletesDue: config.recordings.isLifecycleOn,
        start: (job) => jobs.add(job),
      },
      {
        aloneSinceMs: config.database.kind === 'sqlite' ? startedAtMs : null,
        everyMs: RECORDING_SWEEP_MS,
        log: log.child('recordings'),
      },
    ),
  )
  // Only now: whoever listens to jobs hears the first one, too.
  await jobs.start({ isAlone: config.database.kind === 'sqlite' })
  await sender.start({ isAlone: config.database.kind === 'sqlite' })
  await writeCliCredentials({
    catalog,
    secrets,
    dataDir: config.dataDir,
    url: consoleUrl({ ...addresses, publicUrl: null }),
    clock,
  })
  const loginPath = await ensureFirstLogin({ catalog, secrets, clock })
  log.info('ready', { console: consoleUrl(addresses), media: mediaUrl(addresses), version })
  greet?.(renderBanner({ version, addresses, loginPath, bind: config.bind, problems: live.health().problems }))

  const parts = opened.move()
  return { addresses, live, catalog, [Symbol.asyncDispose]: () => parts.disposeAsync() }
}

function dataDisk({ store, dataDir }: Config): Pick<ScratchDisk, 'freeBytes' | 'copies'> {
  return {
    // Folders are mostly on the same disk, and what is wanted too much there is only asked for in time.
    copies: store.kind === 's3' ? 1 : 2,
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(dataDir)
      return bavail * bsize
    },
  }
}

function uploadOptions(config: Config): Pick<UploadDeskHost, 'folder' | 'limits' | 'freeBytes' | 'newId'> {
  const { assets, uploads, dataDir } = config
  const { copies, freeBytes } = dataDisk(config)
  return {
    folder: join(dataDir, 'uploads'),
    limits: {
      ...{ maxBytes: assets.maxBytes, maxUnfinished: uploads.maxUnfinished, keepMs: uploads.expireMs },
      ...{ keepFreeBytes: uploads.keepFreeBytes, idleMs: UPLOAD_IDLE_MS, copies },
    },
    freeBytes,
    newId: randomUUID,
  }
}

function watchedBucket(config: Config, desk: IncomingDesk | null): ApiServerOptions['incoming'] {
  const location = storeLocation(config)
  if (desk === null || location.kind !== 's3') return null
  return { desk, bucket: location.settings.bucket, keyPrefix: location.settings.prefix }
}

function timelineLocation(config: Config): TimelineLocation {
  const { timeline, database } = config
  if (timeline.arbiter === 'database' && database.kind === 'postgres') return { kind: 'postgres', url: database.url }
  return storeLocation(config)
}

async function dvrData(config: Config): Promise<SupervisorOptions['dvr']> {
  const spoolDir = config.dvr.spoolPath ?? join(config.dataDir, 'spool')
  const isBucket = config.store.kind === 's3'
  await mkdir(spoolDir, { recursive: true })
  const { blocks, bsize } = await statfs(spoolDir)
  return {
    spoolDir,
    cache: isBucket ? await cacheOptions(config) : null,
    store: storeLocation(config),
    // On folders a file a segment costs nothing; on S3 every object costs a request.
    writeMode: isBucket ? 'pack' : 'segment',
    limits: {
      maxBytes: config.dvr.spoolMaxBytes ?? Math.min(SPOOL_MAX_BYTES, Math.floor((blocks * bsize) / 10)),
      packMs: config.dvr.flushMs ?? (isBucket ? PACK_MS : FOLDER_FLUSH_MS),
      packBytes: PACK_BYTES,
    },
  }
}

/** Null: no copies are wanted. What lies on folders is as near as a copy of it. */
async function cacheOptions({ dvr, dataDir }: Config): Promise<SupervisorOptions['dvr']['cache']> {
  if (dvr.cacheMaxBytes === 0) return null
  const folder = dvr.cachePath ?? join(dataDir, 'cache')
  await mkdir(folder, { recursive: true })
  const { blocks, bsize } = await statfs(folder)
  return { folder, maxBytes: dvr.cacheMaxBytes ?? Math.min(CACHE_MAX_BYTES, Math.floor((blocks * bsize) / 10)) }
}

async function readTls({ media }: Config): Promise<{ readonly cert: string; readonly key: string } | null> {
  if (media.tls === null) return null
  const [cert, key] = await Promise.all([readFile(media.tls.certFile, 'utf8'), readFile(media.tls.keyFile, 'utf8')])
  return { cert, key }
}

/** An address that a person on this machine can open: a wildcard is no destination. */
function reachableHost(bind: string): string {
  if (bind === '0.0.0.0') return '127.0.0.1'
  return bind === '::' ? '::1' : bind
}

/** Half of the machine at most for what is not live. */
function backgroundThreads(): number {
  return Math.min(8, Math.max(1, Math.floor(availableParallelism() / 2)))
}

/** What the machine has, or less where a container says so. */
function availableMemoryBytes(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

/** The package's root holds `src` (clone) or `dist` (package) beside `web/dist`. */
function packageFile(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url))
}

/** Null when that part of the web was not built; Mirror runs without it. */
function builtFolder(name: 'console' | 'watch'): string | null {
  const folder = packageFile(`web/dist/${name}`)
  return existsSync(folder) ? folder : null
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}

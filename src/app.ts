// The composition root: opens every part of Mirror in dependency order. With main.ts and serve.ts the only files that know them all.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { hostname, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createApiSecrets } from './api/api-secrets.ts'
import { ensureFirstLogin } from './api/login-links.ts'
import { startApiServer } from './api/server.ts'
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
import { MirrorError } from './core/errors.ts'
import { parseHostSet } from './core/host-set.ts'
import type { Log } from './core/log.ts'
import { holdPort } from './core/reserve-port.ts'
import { deriveKey, openInstallationSecret } from './core/secrets.ts'
import { jobKinds } from './job-kinds.ts'
import { JobService } from './jobs/job-service.ts'
import { openLibrary } from './library-parts.ts'
import { DeleteBook } from './lifecycle/delete-book.ts'
import { RestoreOnPlay } from './lifecycle/restore-on-play.ts'
import type { RegisteredStream } from './live/control.ts'
import { SlateMaker } from './live/slate/slate-maker.ts'
import { type Supervisor, startSupervisor } from './live/supervisor.ts'
import { dvrData, timelineLocation } from './live-options.ts'
import { openStore } from './storage/open-store.ts'
import { probeStore } from './storage/probe-store.ts'
import { storeLocation } from './storage/store-location.ts'
import { postMessage } from './webhooks/post-message.ts'
import { WebhookSender } from './webhooks/webhook-sender.ts'

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
  const library = await openLibrary(
    {
      ...{ config, catalog, store, secrets, clock, log },
      jobs: () => jobs,
      written: writtenEvents({ now: clock, newId: randomUUID }),
    },
    opened,
  )
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
        ...library.jobHosts,
      }),
      owner: `${hostname()} ${process.pid}`,
      now: clock,
      random: Math.random,
      randomId: randomUUID,
      log: log.child('jobs'),
    }),
  )
  restores = new RestoreOnPlay({ jobs, keepMs: config.archive.keepRestoredMs, now: clock, log: log.child('restore') })
  const libraryServices = await library.startServices()
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
      ...libraryServices,
      webhooks: { sender, allow },
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
  await library.startSweeper(startedAtMs)
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

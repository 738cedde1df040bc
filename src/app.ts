// The composition root: opens every part of Mirror in dependency order. With main.ts and serve.ts the only files that know them all.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createApiSecrets } from './api/api-secrets.ts'
import { ensureFirstLogin } from './api/login-links.ts'
import { startApiServer } from './api/server.ts'
import { registerStreams } from './api/stream-service.ts'
import { type Addresses, consoleUrl, mediaUrl } from './api/stream-urls.ts'
import { renderBanner } from './banner.ts'
import { openCatalog } from './catalog/open-catalog.ts'
import { sealStoredInputs, withSealedInputs } from './catalog/sealed-inputs.ts'
import type { Catalog } from './catalog/types.ts'
import { writeCliCredentials } from './cli/credentials-file.ts'
import type { Config } from './config/types.ts'
import { parseAddressSet } from './core/address-set.ts'
import { lockDataFolder } from './core/data-lock.ts'
import type { Log } from './core/log.ts'
import { reservePort } from './core/reserve-port.ts'
import { deriveKey, openInstallationSecret } from './core/secrets.ts'
import type { RegisteredStream } from './live/control.ts'
import { SlateMaker } from './live/slate/slate-maker.ts'
import { type Supervisor, startSupervisor } from './live/supervisor.ts'
import type { TimelineLocation } from './live/threads/messages.ts'
import { openFolderStore } from './storage/folder-store.ts'
import type { ObjectStore } from './storage/object-store.ts'

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
  const version = packageVersion()

  opened.use(await lockDataFolder(config.dataDir))
  const installationSecret = await openInstallationSecret(config.dataDir)
  const secrets = createApiSecrets(installationSecret)
  const stored = opened.use(await openCatalog(catalogLocation(config), { log: log.child('catalog'), signal }))
  await sealStoredInputs(stored, secrets)
  const catalog = withSealedInputs(stored, secrets)
  const apiPort = await reservePort(config.bind, config.api.port, 'api.port')
  const timeline = timelineLocation(config)
  if (timeline.kind === 'folder') await mkdir(timeline.path, { recursive: true })
  const slateStore = opened.use(await openMediaStore(config))
  const slates = new SlateMaker({ store: slateStore, ffmpegPath: config.ffmpeg.path, spawn, log: log.child('slate') })
  // Known before ingest opens, so that an encoder that waits for the restart is not refused.
  const streams: RegisteredStream[] = []
  await registerStreams(catalog, { register: (stream) => void streams.push(stream) }, clock())
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
      timeline,
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
  // Last to open, first to close: no request arrives before or after what it needs.
  opened.use(
    await startApiServer({
      host: config.bind,
      port: apiPort,
      catalog,
      live,
      secrets,
      slates,
      addresses,
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

function catalogLocation(config: Config) {
  return config.database.kind === 'postgres'
    ? { kind: 'postgres' as const, url: config.database.url }
    : { kind: 'sqlite' as const, path: join(config.dataDir, 'catalog.sqlite') }
}

function timelineLocation({ dataDir, store, timeline, database }: Config): TimelineLocation {
  if (timeline.arbiter === 'database' && database.kind === 'postgres') return { kind: 'postgres', url: database.url }
  if (store.kind === 's3') return { kind: 's3', settings: store.s3 }
  return { kind: 'folder', path: join(store.path ?? join(dataDir, 'store'), 'hot') }
}

/** Where media lies. */
async function openMediaStore({ dataDir, store }: Config): Promise<ObjectStore> {
  if (store.kind === 's3') {
    // Only who uses S3 pays for loading its client.
    const { openS3Store } = await import('./storage/s3-store.ts')
    return openS3Store(store.s3, { randomId: randomUUID, nowMs: Date.now })
  }
  const path = join(store.path ?? join(dataDir, 'store'), 'hot')
  await mkdir(path, { recursive: true })
  return await openFolderStore(path, { randomId: randomUUID })
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

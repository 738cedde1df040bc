// `mirror catalog …`: needs no running server, only its configuration.
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { RebuiltCatalog } from '../backup/rebuild-catalog.ts'
import type { RowCounts } from '../catalog/backup-document.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/types.ts'
import type { Log } from '../core/log.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { CliError } from './cli-error.ts'
import type { CliHost } from './cli-host.ts'
import { renderFacts, renderTable, renderTime } from './table.ts'

interface PlaceFlags {
  readonly config?: string
  readonly data?: string
  readonly databaseUrl?: string
  readonly json?: boolean
}

export function addCatalogCommands(program: Command, host: CliHost, setExitCode: (code: number) => void): void {
  const catalog = program.command('catalog').description('back up and bring back users, streams, keys and settings')

  placed(catalog, 'backup', 'back the catalog up into the store now; Mirror may run').action(
    async (flags: PlaceFlags) => {
      await withPlaces(host, flags, async ({ config, store, log }) => {
        const { backUpCatalog } = await import('../backup/back-up-catalog.ts')
        const { catalogLocation } = await import('../catalog/catalog-location.ts')
        const done = await backUpCatalog(
          {
            ...{ location: catalogLocation(config), store, log, now: Date.now },
            scratchDir: scratchDir(config),
            mirrorVersion: host.version,
            randomId: () => randomUUID().slice(0, 8),
          },
          { signal: host.signal },
        )
        print(host, flags, { ...done, at: new Date(done.atMs).toISOString() }, [
          ['backup', done.name],
          ['size', formatBytes(done.sizeBytes)],
          ['rows', formatRows(done.rows)],
          ['older ones removed', String(done.removed)],
        ])
      })
    },
  )

  placed(catalog, 'backups', 'list the backups in the store, newest first').action(async (flags: PlaceFlags) => {
    await withPlaces(host, flags, async ({ store }) => {
      const { listBackups } = await import('../backup/stored-backups.ts')
      const backups = (await listBackups(store, { signal: host.signal })).map(({ name, atMs, sizeBytes }) => ({
        ...{ name, at: new Date(atMs).toISOString(), sizeBytes },
      }))
      const rows = backups.map(({ name, at, sizeBytes }) => [name, renderTime(at), formatBytes(sizeBytes)])
      const text =
        rows.length === 0 ? 'There is no backup in the store.\n' : renderTable(['BACKUP', 'OF', 'SIZE'], rows)
      host.stdout(flags.json === true ? `${JSON.stringify(backups, null, 2)}\n` : text)
    })
  })

  placed(catalog, 'restore', 'make the catalog what a backup says; Mirror must not run')
    .option('--from <name>', 'a backup of the list, or the path of a file; default: the newest in the store')
    .option('--replace', 'also where the catalog has data, which is kept aside')
    .action(async (flags: PlaceFlags & { readonly from?: string; readonly replace?: boolean }) => {
      await withPlaces(host, flags, async ({ config, store, log }) => {
        const { restoreCatalog } = await import('../backup/restore-catalog.ts')
        const { catalogLocation } = await import('../catalog/catalog-location.ts')
        const { lockDataFolder } = await import('../core/data-lock.ts')
        const { deriveKey, openSealed, readInstallationSecret } = await import('../core/secrets.ts')
        await using _lock = await lockDataFolder(config.dataDir)
        const secret = await readInstallationSecret(config.dataDir)
        const key = secret === null ? null : deriveKey(secret, 'publish-key-seal')
        const restored = await restoreCatalog(
          {
            ...{ location: catalogLocation(config), store, log, now: Date.now },
            scratchDir: scratchDir(config),
            openSealed: key === null ? null : (sealed) => openSealed(sealed, key),
          },
          { from: flags.from ?? null, isReplacing: flags.replace === true },
          { signal: host.signal },
        )
        print(host, flags, restored, [
          ['restored', `${restored.from}, of ${renderTime(restored.createdAt)}`],
          ['rows', formatRows(restored.rows)],
          ...(restored.keptAside === null ? [] : [['earlier catalog', restored.keptAside] as const]),
        ])
        if (restored.isReadable === false) host.stderr(unreadable(config, secret === null))
      })
    })

  placed(
    catalog,
    'rebuild',
    'add the streams that have recordings in the store but are not in the catalog; Mirror must not run; exit code 1 when something could not be brought back',
  ).action(async (flags: PlaceFlags) => {
    await withPlaces(host, flags, async ({ config, store, log }) => {
      const rebuilt = await rebuild(config, store, { log, signal: host.signal })
      host.stdout(flags.json === true ? `${JSON.stringify(rebuilt, null, 2)}\n` : renderRebuilt(rebuilt))
      if (rebuilt.problems.length > 0) setExitCode(1)
    })
  })
}

function placed(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--config <file>', 'configuration file (MIRROR_CONFIG)')
    .option('--data <folder>', 'data folder (MIRROR_DATA, ./data)')
    .option('--database-url <url>', 'PostgreSQL instead of SQLite (MIRROR_DATABASE_URL)')
    .option('--json', 'print JSON')
}

interface Places {
  readonly config: Config
  readonly store: ObjectStore
  readonly log: Log
}

async function withPlaces(host: CliHost, flags: PlaceFlags, work: (places: Places) => Promise<void>): Promise<void> {
  const { config } = loadConfig({
    flags: [
      ...(flags.config === undefined ? [] : ['--config', flags.config]),
      ...(flags.data === undefined ? [] : ['--data', flags.data]),
      ...(flags.databaseUrl === undefined ? [] : ['--database-url', flags.databaseUrl]),
    ],
    env: host.env,
    cwd: process.cwd(),
    readFile: (path) => readFileSync(path, 'utf8'),
  })
  // Loaded on demand: other commands need no store and no database.
  const { openStore } = await import('../storage/open-store.ts')
  const { storeLocation } = await import('../storage/store-location.ts')
  const { silentLog } = await import('../core/log.ts')
  const location = storeLocation(config)
  if (location.kind === 'folder' && !existsSync(location.path)) {
    throw new CliError(
      `There is no store at ${location.path}.`,
      'Name its data folder with --data or MIRROR_DATA, or the configuration with --config.',
    )
  }
  await using store = await openStore(location)
  const warn: Log['warn'] = (message, facts) =>
    host.stderr(`${message} ${facts === undefined ? '' : JSON.stringify(facts)}\n`)
  await work({ config, store, log: { ...silentLog, warn } })
}

function scratchDir({ dataDir }: Config): string {
  return join(dataDir, 'backup')
}

async function rebuild(
  config: Config,
  store: ObjectStore,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<RebuiltCatalog> {
  const { rebuildCatalog } = await import('../backup/rebuild-catalog.ts')
  const { catalogLocation } = await import('../catalog/catalog-location.ts')
  const { openCatalog } = await import('../catalog/open-catalog.ts')
  const { lockDataFolder } = await import('../core/data-lock.ts')
  const { openInstallationSecret } = await import('../core/secrets.ts')
  const { createApiSecrets } = await import('../api/api-secrets.ts')
  await using _lock = await lockDataFolder(config.dataDir)
  const secrets = createApiSecrets(await openInstallationSecret(config.dataDir))
  await using catalog = await openCatalog(catalogLocation(config), { log, signal })
  const newKey = (streamId: string) => {
    const key = secrets.newPublishKey()
    const id = secrets.newToken()
    return { id, streamId, sealed: secrets.seal(key), lookup: secrets.lookup(key), createdAtMs: Date.now() }
  }
  return await rebuildCatalog({ store, streams: catalog.streams, newKey, now: Date.now }, { signal })
}

function renderRebuilt({ added, present, problems }: RebuiltCatalog): string {
  const time = (atMs: number | undefined) => renderTime(atMs === undefined ? null : new Date(atMs).toISOString())
  const rows = added.map(({ streamId, tenantId, tracks, recorded }) => [
    ...[streamId, tenantId, tracks.join(' '), time(recorded?.fromMs), time(recorded?.toMs)],
  ])
  const table = rows.length === 0 ? '' : `${renderTable(['STREAM', 'TENANT', 'TRACKS', 'FROM', 'UNTIL'], rows)}\n`
  const counts = `${added.length} streams added, ${present} were there already.\n`
  const next = rows.length === 0 ? '' : REBUILT_NEXT
  return `${table}${counts}${next}${problems.map((problem) => `To be looked at: ${problem}\n`).join('')}`
}

const REBUILT_NEXT = `Each has a new publish key ("mirror stream key <id>"): give it to its encoder. Names, inputs and other settings have to
be entered again. So that nothing is deleted, recordings are kept for ten years until you say otherwise
("mirror dvr on <id> --retention 24h").
`

function print(host: CliHost, flags: PlaceFlags, value: object, facts: readonly (readonly [string, string])[]): void {
  host.stdout(flags.json === true ? `${JSON.stringify(value, null, 2)}\n` : renderFacts(facts))
}

function unreadable({ dataDir }: Config, isMissing: boolean): string {
  const what = isMissing ? 'is missing' : 'is another than when the backup was made'
  return `The installation secret (${join(dataDir, 'secrets', 'installation')}) ${what}: publish keys and addresses of inputs cannot be read.
Put the folder "secrets" back from your copy before Mirror starts; without it, make new publish keys with "mirror stream key <id> --rotate".
`
}

function formatRows(rows: RowCounts): string {
  return Object.entries(rows)
    .map(([table, count]) => `${table} ${count}`)
    .join(', ')
}

function formatBytes(bytes: number): string {
  if (bytes >= 2 ** 20) return `${(bytes / 2 ** 20).toFixed(1)} MiB`
  return `${(bytes / 1024).toFixed(1)} KiB`
}

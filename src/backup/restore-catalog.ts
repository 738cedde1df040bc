import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { RowCounts, TableRow } from '../catalog/backup-document.ts'
import type { CatalogLocation } from '../catalog/catalog-location.ts'
import { loadBackup, refuseData } from '../catalog/load-backup.ts'
import { MirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { ObjectStore, StoreCall } from '../storage/object-store.ts'
import { type BackupFacts, checkBackup, openBackupFile } from './backup-file.ts'
import { fetchBackup, findBackup } from './stored-backups.ts'

export interface RestoreHost {
  readonly location: CatalogLocation
  readonly store: ObjectStore
  readonly scratchDir: string
  /** Opens what was sealed with this installation's secret, else null; null itself: the secret is missing. */
  readonly openSealed: ((sealed: string) => string | null) | null
  readonly now: () => number
  readonly log: Log
}

export interface RestoreOrder {
  /** A name in the store, the path of a file, or null for the newest in the store. */
  readonly from: string | null
  readonly isReplacing: boolean
}

export interface RestoredCatalog {
  readonly from: string
  readonly createdAt: string
  readonly mirrorVersion: string
  readonly schemaVersion: number
  readonly rows: RowCounts
  readonly keptAside: string | null
  /** Whether publish keys can be read with the secret of this installation; null: there are none. */
  readonly isReadable: boolean | null
}

/**
 * Makes the catalog what a backup says, which is checked to its last byte before anything is touched. No Mirror may run
 * on it. Rejects with `backup_not_found`, `backup_damaged`, `backup_newer`, `catalog_not_empty`, `catalog_in_use`,
 * `database_unavailable`, `store_unavailable`; then nothing has changed.
 */
export async function restoreCatalog(
  host: RestoreHost,
  { from, isReplacing }: RestoreOrder,
  { signal }: StoreCall,
): Promise<RestoredCatalog> {
  if (!isReplacing) await refuseData(host.location, host)
  await mkdir(host.scratchDir, { recursive: true, mode: 0o700 })
  const isFile = from !== null && /[/\\]|\.gz$/.test(from)
  const scratch = join(host.scratchDir, `restore-${process.pid}.jsonl.gz`)
  try {
    const name = isFile ? from : await download(host.store, from, scratch, signal)
    const file = isFile ? from : scratch
    const sealed = new SealedKeys(host.openSealed)
    const facts = await checkFile(file, signal, (row) => sealed.look(row))
    // To the millisecond: two of them do not lie closer together.
    const asideName = `replaced_${new Date(host.now()).toISOString().replace(/[-:.]/g, '').toLowerCase()}`
    await using backup = await openBackupFile(file, signal)
    const loaded = await loadBackup(host.location, backup, {
      ...{ log: host.log, signal, isReplacing },
      asideName: host.location.kind === 'postgres' ? `mirror_${asideName}` : asideName,
    })
    const { createdAt, mirrorVersion, schemaVersion } = facts.head
    return { from: name, createdAt, mirrorVersion, schemaVersion, ...loaded, isReadable: sealed.areReadable }
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    await rm(scratch, { force: true })
  }
}

async function download(store: ObjectStore, name: string | null, path: string, signal: AbortSignal): Promise<string> {
  const id = await findBackup(store, name, { signal })
  await using body = await fetchBackup(store, id, { signal })
  await rm(path, { force: true })
  await pipeline(body.chunks, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal })
  return id.name
}

async function checkFile(path: string, signal: AbortSignal, onRow: (row: TableRow) => void): Promise<BackupFacts> {
  try {
    return await checkBackup(createReadStream(path), signal, onRow)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'EISDIR') throw error
    throw new MirrorError('backup_not_found', `${path} cannot be read (${code})`, { cause: error })
  }
}

/** Looks at the publish keys of a backup: sealed under another secret they are of no use. */
class SealedKeys {
  readonly #open: RestoreHost['openSealed']
  areReadable: boolean | null = null

  constructor(open: RestoreHost['openSealed']) {
    this.#open = open
  }

  look({ table, values }: TableRow): void {
    const { sealed } = values
    if (table !== 'publish_keys' || typeof sealed !== 'string' || this.areReadable === false) return
    this.areReadable = this.#open !== null && this.#open(sealed) !== null
  }
}

import { createReadStream } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { damaged, type RowCounts } from '../catalog/backup-document.ts'
import { LEFT_OUT_TABLES } from '../catalog/backup-tables.ts'
import type { CatalogLocation } from '../catalog/catalog-location.ts'
import { withCatalogSnapshot } from '../catalog/catalog-snapshot.ts'
import { isMirrorError, MirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { type BackupId, catalogBackupKey, newBackupId } from '../storage/keys.ts'
import type { ObjectStore, PutCall, StoreCall } from '../storage/object-store.ts'
import { type BackupFacts, checkBackup, writeBackupFile } from './backup-file.ts'
import { backupsToRemove } from './backups-to-remove.ts'
import { fetchBackup, listBackups, type StoredBackup } from './stored-backups.ts'

/** Of everything; a store that hangs must not hold up the next backup. */
const TIMEOUT_MS = 10 * 60_000
/** A temporary file this old is nobody's. */
const SWEEP_AFTER_MS = 24 * 3_600_000

export interface BackupHost {
  readonly location: CatalogLocation
  readonly store: ObjectStore
  /** On a local disk: the catalog is read as fast as that takes it, whatever the store does. */
  readonly scratchDir: string
  readonly mirrorVersion: string
  readonly now: () => number
  /** Lower-case letters and digits. */
  readonly randomId: () => string
  readonly log: Log
}

export interface FinishedBackup extends StoredBackup {
  readonly rows: RowCounts
  readonly schemaVersion: number
  /** Older backups that were removed. */
  readonly removed: number
}

/**
 * Backs the catalog up into the store, reads the backup back and thins older ones; Mirror may run meanwhile, in another
 * process. Rejects with `database_unavailable`, `store_unavailable`, or `backup_damaged` when the store did not give back
 * what it was given.
 */
export async function backUpCatalog(host: BackupHost, { signal: cancelled }: StoreCall): Promise<FinishedBackup> {
  const deadline = AbortSignal.timeout(TIMEOUT_MS)
  const signal = AbortSignal.any([cancelled, deadline])
  const id = newBackupId(host.now(), host.randomId())
  const file = join(host.scratchDir, `${id.name}.jsonl.gz`)
  await prepareScratch(host)
  try {
    const facts = await writeSnapshot(host, id, file, signal)
    await putAndReadBack(host.store, id, file, facts, signal)
    const removed = await thin(host, id, signal)
    const { rows, head, sizeBytes } = facts
    return { ...id, sizeBytes, rows, schemaVersion: head.schemaVersion, removed }
  } catch (error) {
    cancelled.throwIfAborted()
    if (!deadline.aborted) throw error
    throw new MirrorError('store_unavailable', `The backup was not done within ${TIMEOUT_MS / 60_000} minutes`, {
      cause: error,
    })
  } finally {
    await rm(file, { force: true })
  }
}

async function writeSnapshot(
  { location, mirrorVersion, log }: BackupHost,
  { atMs }: BackupId,
  file: string,
  signal: AbortSignal,
): Promise<BackupFacts> {
  return await withCatalogSnapshot(location, { log, signal }, async ({ schemaVersion, tables, rows }) => {
    const head = {
      createdAt: new Date(atMs).toISOString(),
      mirrorVersion,
      schemaVersion,
      database: location.kind,
      tables: [...tables],
      leftOut: { ...LEFT_OUT_TABLES },
    }
    return await writeBackupFile(file, head, rows(), signal)
  })
}

async function putAndReadBack(
  store: ObjectStore,
  id: BackupId,
  file: string,
  written: BackupFacts,
  signal: AbortSignal,
): Promise<void> {
  const key = catalogBackupKey(id)
  const put = async (condition: Pick<PutCall, 'ifAbsent'>) =>
    await store.put(key, createReadStream(file), { signal, contentType: 'application/gzip', ...condition })
  const stored = await put({ ifAbsent: true }).catch(async (error: unknown) => {
    // The name is unique by itself; where the store cannot make sure of that as well, that has to do.
    if (isMirrorError(error, 'store_cannot')) return await put({})
    throw error
  })
  if (stored === null) throw new MirrorError('object_exists', `There is a backup ${id.name} already`)
  try {
    await using body = await fetchBackup(store, id, { signal })
    const { sha256 } = await checkBackup(body.chunks, signal)
    if (sha256 !== written.sha256) throw damaged('the store gave back other bytes than it was given')
  } catch (error) {
    // It must not pass for a backup. Where it cannot be removed, reading it says that it is damaged.
    if (isMirrorError(error, 'backup_damaged')) await store.delete([key], { signal }).catch(() => {})
    throw error
  }
}

/** What cannot be removed now is removed after the next backup. */
async function thin({ store, log }: BackupHost, { name }: BackupId, signal: AbortSignal): Promise<number> {
  try {
    const outdated = backupsToRemove(await listBackups(store, { signal })).filter((backup) => backup.name !== name)
    await store.delete(outdated.map(catalogBackupKey), { signal })
    return outdated.length
  } catch (error) {
    signal.throwIfAborted()
    log.warn('old backups of the catalog could not be removed', { error: String(error) })
    return 0
  }
}

async function prepareScratch({ scratchDir, now }: BackupHost): Promise<void> {
  await mkdir(scratchDir, { recursive: true, mode: 0o700 })
  for (const name of await readdir(scratchDir)) {
    const path = join(scratchDir, name)
    const stats = await stat(path).catch(() => null) // Another backup has just ended.
    if (stats !== null && now() - stats.mtimeMs > SWEEP_AFTER_MS) await rm(path, { recursive: true, force: true })
  }
}

import { MirrorError } from '../core/errors.ts'
import {
  type BackupId,
  CATALOG_BACKUP_PREFIX,
  catalogBackupKey,
  parseBackupKey,
  parseBackupName,
} from '../storage/keys.ts'
import type { ObjectBody, ObjectStore, StoreCall } from '../storage/object-store.ts'

export interface StoredBackup extends BackupId {
  readonly sizeBytes: number
}

/** Newest first. What is no backup by its name is passed over. */
export async function listBackups(store: ObjectStore, call: StoreCall): Promise<readonly StoredBackup[]> {
  const found: StoredBackup[] = []
  for await (const { key, sizeBytes } of store.list(CATALOG_BACKUP_PREFIX, call)) {
    const id = parseBackupKey(key)
    if (id !== null) found.push({ ...id, sizeBytes })
  }
  return found.toSorted((a, b) => b.atMs - a.atMs || (a.name < b.name ? 1 : -1))
}

/** The one of this name, or the newest. Rejects with `backup_not_found`. */
export async function findBackup(store: ObjectStore, name: string | null, call: StoreCall): Promise<BackupId> {
  const [newest] = name === null ? await listBackups(store, call) : [parseBackupName(name)]
  if (newest === undefined) throw new MirrorError('backup_not_found', 'There is no backup of the catalog in the store')
  if (newest === null) throw new MirrorError('backup_not_found', `"${name}" is not the name of a backup`)
  return newest
}

/** Rejects with `backup_not_found`. */
export async function fetchBackup(store: ObjectStore, id: BackupId, call: StoreCall): Promise<ObjectBody> {
  const body = await store.get(catalogBackupKey(id), call)
  if (body === null) throw new MirrorError('backup_not_found', `There is no backup ${id.name} in the store`)
  return body
}

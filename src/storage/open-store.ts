import { randomUUID } from 'node:crypto'
import { type FolderTiers, openFolderStore } from './folder-store.ts'
import type { S3Settings } from './s3-settings.ts'
import type { TieredStore } from './tiers.ts'

/** Where objects lie, as every thread is told. */
export type StoreLocation =
  | { readonly kind: 'folder'; readonly path: string; readonly tiers?: FolderTiers }
  | { readonly kind: 's3'; readonly settings: S3Settings }

/**
 * Rejects with `store_unavailable` when a folder will not do. A bucket is connected when first used, or in the background
 * at once with `warmUp`, which bounds that and may fail.
 */
export async function openStore(
  location: StoreLocation,
  { warmUp }: { readonly warmUp?: AbortSignal } = {},
): Promise<TieredStore> {
  if (location.kind === 'folder') {
    const { path, tiers } = location
    return await openFolderStore(path, { randomId: randomUUID, ...(tiers === undefined ? {} : { tiers }) })
  }
  // Loaded only where it is used: the SDK takes 35 MB and a moment per thread.
  const { openS3Store } = await import('./s3-store.ts')
  const store = openS3Store(location.settings, { randomId: randomUUID, nowMs: () => Date.now() })
  if (warmUp !== undefined) store.prepare(warmUp).catch(() => {})
  return store
}

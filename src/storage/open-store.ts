import { randomUUID } from 'node:crypto'
import { openFolderStore } from './folder-store.ts'
import type { ObjectStore } from './object-store.ts'
import type { S3Settings } from './s3-settings.ts'

/** Where objects lie, as every thread is told. */
export type StoreLocation =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 's3'; readonly settings: S3Settings }

/**
 * Rejects with `store_unavailable` when a folder will not do. A bucket is connected when first used, or in the background
 * at once with `warmUp`, which bounds that and may fail.
 */
export async function openStore(
  location: StoreLocation,
  { warmUp }: { readonly warmUp?: AbortSignal } = {},
): Promise<ObjectStore> {
  if (location.kind === 'folder') return await openFolderStore(location.path, { randomId: randomUUID })
  // Loaded only where it is used: the SDK takes 35 MB and a moment per thread.
  const { openS3Store } = await import('./s3-store.ts')
  const store = openS3Store(location.settings, { randomId: randomUUID, nowMs: () => Date.now() })
  if (warmUp !== undefined) store.prepare(warmUp).catch(() => {})
  return store
}

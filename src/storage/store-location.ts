import { join } from 'node:path'
import type { Config } from '../config/types.ts'
import type { StoreLocation } from './open-store.ts'

/** Where the configured store lies. */
export function storeLocation({
  dataDir,
  store,
  archive,
}: Pick<Config, 'dataDir' | 'store' | 'archive'>): StoreLocation {
  if (store.kind === 's3') return { kind: 's3', settings: store.s3 }
  const root = store.path ?? join(dataDir, 'store')
  const { tiers } = store
  return {
    kind: 'folder',
    path: join(root, 'hot'),
    tiers: {
      warm: tiers.warm ?? join(root, 'warm'),
      cold: tiers.cold ?? join(root, 'cold'),
      archive: tiers.archive ?? join(root, 'archive'),
      restoreDelayMs: archive.restoreDelayMs,
    },
  }
}

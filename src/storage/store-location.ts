import { join } from 'node:path'
import type { Config } from '../config/types.ts'
import type { StoreLocation } from './open-store.ts'

/** Where the configured store lies. */
export function storeLocation({ dataDir, store }: Pick<Config, 'dataDir' | 'store'>): StoreLocation {
  if (store.kind === 's3') return { kind: 's3', settings: store.s3 }
  return { kind: 'folder', path: join(store.path ?? join(dataDir, 'store'), 'hot') }
}

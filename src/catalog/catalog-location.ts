import { join } from 'node:path'
import type { Config } from '../config/types.ts'

export type CatalogLocation =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }

export function catalogLocation({ database, dataDir }: Pick<Config, 'database' | 'dataDir'>): CatalogLocation {
  return database.kind === 'postgres'
    ? { kind: 'postgres', url: database.url }
    : { kind: 'sqlite', path: join(dataDir, 'catalog.sqlite') }
}

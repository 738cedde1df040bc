import type { AssetRow } from './asset.ts'

/** What happened to an asset; `progress` comes with every step. */
export type AssetNewsKind = 'created' | 'updated' | 'progress' | 'ready' | 'failed' | 'deleted' | 'restored' | 'purged'

type Listener = (kind: AssetNewsKind, asset: AssetRow) => void

/** Tells whoever listens in this process. Listeners must not throw. */
export class AssetNews {
  readonly #listeners = new Set<Listener>()

  tell(kind: AssetNewsKind, asset: AssetRow): void {
    for (const listener of this.#listeners) listener(kind, asset)
  }

  on(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

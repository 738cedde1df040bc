import type { EventToStore } from '../../catalog/types.ts'
import type { AssetRow } from './asset.ts'

/** What happened to an asset; `progress` comes with every step. */
export type AssetNewsKind = 'created' | 'updated' | 'progress' | 'ready' | 'failed' | 'deleted' | 'restored' | 'purged'

type Listener = (kind: AssetNewsKind, asset: AssetRow) => void

/** What is written down of a change, in one transaction with it. */
export type AssetEventMaker = (kind: AssetNewsKind, asset: AssetRow) => EventToStore

/** Tells whoever listens in this process. Listeners must not throw. */
export class AssetNews {
  readonly #eventOf: AssetEventMaker | null
  readonly #listeners = new Set<Listener>()

  /** Without `eventOf` changes are told of, but not written down. */
  constructor(eventOf: AssetEventMaker | null = null) {
    this.#eventOf = eventOf
  }

  /** For the catalog: what it writes along with the change. Whoever makes the change tells of it afterwards. */
  written(kind: AssetNewsKind): (asset: AssetRow) => readonly EventToStore[] {
    return (asset) => (this.#eventOf === null ? [] : [this.#eventOf(kind, asset)])
  }

  tell(kind: AssetNewsKind, asset: AssetRow): void {
    for (const listener of this.#listeners) listener(kind, asset)
  }

  on(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

// Where in a store an object is kept: what is colder costs less to keep and more to read.
import type { ObjectKey, ObjectStore, StoreCall } from './object-store.ts'

/** Hottest first: the order is the meaning. */
export const TIERS = ['hot', 'warm', 'cold', 'archive'] as const
export type Tier = (typeof TIERS)[number]

/** How far an object is that has to be restored before it can be read. */
export type RestoreState =
  /** Nobody has asked for it, or what was restored has expired. */
  | { readonly kind: 'archived' }
  /** `readyAtMs`: at the latest; null: the store does not say. */
  | { readonly kind: 'restoring'; readonly readyAtMs: number | null }
  /** Readable until then; null: without end. */
  | { readonly kind: 'restored'; readonly untilMs: number | null }

/** An object that is in the tier where it is to be, while it may still be where it was. */
export interface TierCopy {
  readonly key: ObjectKey
  readonly from: Tier
  readonly to: Tier
  readonly sizeBytes: number
  /** Of the bytes as they were read and read again, hex; null: the store copied by itself. */
  readonly sha256: string | null
  /** Of what was copied and of the copy. */
  readonly sourceEtag: string
  readonly etag: string
}

/**
 * A store that keeps objects in tiers. New objects are hot; an object is found by its key alone, whatever its tier.
 * Moving is copying and releasing, so that a ledger can be written in between: whenever it ends, the object is readable
 * as before, and both can be repeated.
 */
export interface TieredStore extends ObjectStore {
  /** What this store can keep, hottest first. */
  readonly tiers: readonly Tier[]
  /**
   * Makes a copy in `to` and checks it. Null when there is no such object; one that is there already is its own copy.
   * Throws `object_archived` when it has to be restored first, `store_cannot` when the store keeps no such tier,
   * `media_damaged` when the bytes have another SHA-256 than the one named (hex); a store that copies by itself reads none.
   */
  copyToTier(key: ObjectKey, to: Tier, call: StoreCall & { readonly sha256?: string }): Promise<TierCopy | null>
  /** Lets go of the object where it was. False, and the copy goes, when it was deleted or replaced meanwhile. */
  release(copy: TierCopy, call: StoreCall): Promise<boolean>
  /**
   * Asks for an archived object, or for more time with one that is restored; to be repeated until it is. `keepMs` from
   * then on. Null when there is no such object; one that needs no restore is restored without end.
   */
  restore(key: ObjectKey, call: StoreCall & { readonly keepMs: number }): Promise<RestoreState | null>
}

export function isColder(tier: Tier, than: Tier): boolean {
  return TIERS.indexOf(tier) > TIERS.indexOf(than)
}

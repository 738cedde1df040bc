import type { ObjectStore } from '../../src/storage/object-store.ts'
import type { Tier, TieredStore } from '../../src/storage/tiers.ts'

/** A store whose objects move on as soon as they are put, each to the next of `tiers`. To its users it is as any other. */
export function restless(store: TieredStore, tiers: readonly Tier[]): ObjectStore {
  let turn = 0
  return {
    async put(key, body, call) {
      const stored = await store.put(key, body, call)
      const tier = tiers[turn % tiers.length] ?? 'hot'
      turn += 1
      if (stored === null || tier === 'hot') return stored
      const copy = await store.copyToTier(key, tier, { signal: new AbortController().signal })
      // Somebody has replaced it already, or deleted it.
      if (copy === null || copy.sourceEtag !== stored.etag) return stored
      const isReleased = await store.release(copy, { signal: new AbortController().signal })
      return isReleased ? { ...stored, etag: copy.etag, tier } : stored
    },
    get: (key, call) => store.get(key, call),
    head: (key, call) => store.head(key, call),
    list: (prefix, call) => store.list(prefix, call),
    delete: (keys, call) => store.delete(keys, call),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

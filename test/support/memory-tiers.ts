import { createMemoryStore } from '../../src/storage/memory-store.ts'
import type { TieredStore } from '../../src/storage/tiers.ts'

/** A store in memory where everything is hot. */
export function createMemoryTiers(): TieredStore {
  return Object.assign(createMemoryStore({ nowMs: Date.now }), {
    tiers: ['hot'] as const,
    copyToTier: async () => null,
    release: async () => true,
    restore: async () => null,
  })
}

// A small cache that forgets the entry unused for longest, and every entry after a while.

export interface ExpiringCache<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  delete(key: string): void
  clear(): void
}

export function createExpiringCache<Value>(options: {
  readonly maxEntries: number
  readonly ttlMs: number
  readonly clock: () => number
}): ExpiringCache<Value> {
  const entries = new Map<string, { readonly value: Value; readonly expiresAtMs: number }>()
  return {
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      if (entry.expiresAtMs <= options.clock()) return undefined
      entries.set(key, entry) // newest use goes to the end of the Map's order
      return entry.value
    },
    set(key, value) {
      entries.delete(key)
      entries.set(key, { value, expiresAtMs: options.clock() + options.ttlMs })
      if (entries.size <= options.maxEntries) return
      const oldest = entries.keys().next().value
      if (oldest !== undefined) entries.delete(oldest)
    },
    delete(key) {
      entries.delete(key)
    },
    clear() {
      entries.clear()
    },
  }
}

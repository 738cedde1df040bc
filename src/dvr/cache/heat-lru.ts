// Which entries of a bounded cache stay. Pure: it knows sizes and uses, not what is kept.

/** Share of the bytes that entries used more than once may take from those used once. */
const PROVEN_SHARE = 0.8

/**
 * What was used only once makes room first, the longest unused ahead: somebody who plays a whole day through does not
 * push out what many watch (segmented LRU).
 */
export class HeatLru<Entry extends { readonly sizeBytes: number }> {
  readonly #maxBytes: number
  readonly #maxEntries: number
  /** Both: longest unused first. */
  readonly #fresh = new Map<string, Entry>()
  readonly #proven = new Map<string, Entry>()
  #freshBytes = 0
  #provenBytes = 0

  constructor(limits: { readonly maxBytes: number; readonly maxEntries: number }) {
    this.#maxBytes = limits.maxBytes
    this.#maxEntries = limits.maxEntries
  }

  get bytes(): number {
    return this.#freshBytes + this.#provenBytes
  }

  get entries(): number {
    return this.#fresh.size + this.#proven.size
  }

  /** Does not count as a use. */
  has(key: string): boolean {
    return this.#fresh.has(key) || this.#proven.has(key)
  }

  /** Counts as a use; null: it is not there. */
  use(key: string): Entry | null {
    const entry = this.#fresh.get(key) ?? this.#proven.get(key)
    if (entry === undefined) return null
    this.remove(key)
    this.#proven.set(key, entry)
    this.#provenBytes += entry.sizeBytes
    for (const [oldest, { sizeBytes }] of this.#proven) {
      if (this.#provenBytes <= PROVEN_SHARE * this.#maxBytes || oldest === key) break
      this.#demote(oldest, sizeBytes)
    }
    return entry
  }

  /** Gives what has to go for it; that is `entry` itself when it is larger than the whole cache. */
  add(key: string, entry: Entry): readonly Entry[] {
    const replaced = this.remove(key)
    this.#fresh.set(key, entry)
    this.#freshBytes += entry.sizeBytes
    const evicted = this.shrink(this.#maxBytes)
    return replaced === null ? evicted : [replaced, ...evicted]
  }

  remove(key: string): Entry | null {
    const fresh = this.#fresh.get(key)
    if (fresh !== undefined) {
      this.#fresh.delete(key)
      this.#freshBytes -= fresh.sizeBytes
      return fresh
    }
    const proven = this.#proven.get(key)
    if (proven === undefined) return null
    this.#proven.delete(key)
    this.#provenBytes -= proven.sizeBytes
    return proven
  }

  /** Gives what has to go until no more than `toBytes` are left. */
  shrink(toBytes: number): readonly Entry[] {
    const evicted: Entry[] = []
    while (this.bytes > toBytes || this.entries > this.#maxEntries) {
      const oldest = this.#fresh.keys().next()
      const key = oldest.done === true ? this.#proven.keys().next().value : oldest.value
      const entry = key === undefined ? null : this.remove(key)
      if (entry === null) break
      evicted.push(entry)
    }
    return evicted
  }

  #demote(key: string, sizeBytes: number): void {
    const entry = this.#proven.get(key)
    if (entry === undefined) return
    this.#proven.delete(key)
    this.#provenBytes -= sizeBytes
    this.#fresh.set(key, entry)
    this.#freshBytes += sizeBytes
  }
}

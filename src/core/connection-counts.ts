// How many connections there are, by address. Two ways to keep count: in one thread, and over all threads that share a port.

export interface ConnectionCounts {
  readonly total: number
  /** `key`: see `addressKey`. */
  of(key: string): number
  add(key: string): void
  remove(key: string): void
}

export class LocalConnectionCounts implements ConnectionCounts {
  readonly #byKey = new Map<string, number>()
  #total = 0

  get total(): number {
    return this.#total
  }

  of(key: string): number {
    return this.#byKey.get(key) ?? 0
  }

  add(key: string): void {
    this.#byKey.set(key, this.of(key) + 1)
    this.#total++
  }

  remove(key: string): void {
    const left = this.of(key) - 1
    if (left > 0) this.#byKey.set(key, left)
    else this.#byKey.delete(key)
    this.#total--
  }
}

/** Two of ten thousand addresses share a slot now and then, which only adds their counts together. */
const SLOTS = 65_536
const TOTAL_SLOT = SLOTS
const ROW_LENGTH = SLOTS + 1

/**
 * One row of counters per thread in shared memory. Threads add to their own row only, so a thread that dies takes its
 * connections along: its successor begins by clearing the row.
 */
export class SharedConnectionCounts implements ConnectionCounts {
  readonly #rows: readonly Int32Array[]
  readonly #own: Int32Array
  readonly #seed: number

  static allocate(threads: number): SharedArrayBuffer {
    return new SharedArrayBuffer(threads * ROW_LENGTH * Int32Array.BYTES_PER_ELEMENT)
  }

  /** `seed` keeps strangers from choosing addresses that share a slot. */
  constructor(memory: SharedArrayBuffer, thread: number, seed: number) {
    const threads = memory.byteLength / (ROW_LENGTH * Int32Array.BYTES_PER_ELEMENT)
    this.#rows = Array.from(
      { length: threads },
      (_, row) => new Int32Array(memory, row * ROW_LENGTH * Int32Array.BYTES_PER_ELEMENT, ROW_LENGTH),
    )
    const own = this.#rows[thread]
    if (own === undefined) throw new RangeError(`there is no row ${thread}`)
    this.#own = own.fill(0)
    this.#seed = seed
  }

  get total(): number {
    return this.#sum(TOTAL_SLOT)
  }

  of(key: string): number {
    return this.#sum(this.#slotOf(key))
  }

  add(key: string): void {
    Atomics.add(this.#own, this.#slotOf(key), 1)
    Atomics.add(this.#own, TOTAL_SLOT, 1)
  }

  remove(key: string): void {
    Atomics.sub(this.#own, this.#slotOf(key), 1)
    Atomics.sub(this.#own, TOTAL_SLOT, 1)
  }

  #sum(slot: number): number {
    let sum = 0
    for (const row of this.#rows) sum += Atomics.load(row, slot)
    return sum
  }

  #slotOf(key: string): number {
    let hash = this.#seed ^ 0x811c9dc5
    for (let index = 0; index < key.length; index++) {
      hash ^= key.charCodeAt(index)
      hash = Math.imul(hash, 0x01000193)
    }
    return ((hash ^ (hash >>> 16)) >>> 0) % SLOTS
  }
}

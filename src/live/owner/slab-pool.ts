// Memory of one stream's window: 8 MiB shared slabs, written once, sent from by every origin thread, reused when empty.
import { MirrorError } from '../../core/errors.ts'
import type { Slice } from '../publication.ts'

export const SLAB_BYTES = 8 * 1024 * 1024

/** Memory for live windows in one media thread. */
export class MemoryBudget {
  readonly maxBytes: number
  #usedBytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  canTake(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.maxBytes
  }

  take(bytes: number): void {
    if (!this.canTake(bytes)) {
      throw new MirrorError(
        'window_memory_full',
        `live windows already use ${this.#usedBytes} of ${this.maxBytes} bytes`,
      )
    }
    this.#usedBytes += bytes
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes
  }
}

interface Slab {
  readonly id: number
  readonly memory: SharedArrayBuffer
  readonly bytes: Uint8Array
  /** Slices that the window still refers to. */
  liveSlices: number
  used: number
  /** Origin threads that may still be sending from it; null until it is retired. */
  heldBy: Set<number> | null
}

export interface SlabPoolEvents {
  onSlab(slabId: number, memory: SharedArrayBuffer): void
  onRetire(slabId: number): void
}

export class SlabPool {
  readonly #budget: MemoryBudget
  readonly #events: SlabPoolEvents
  readonly #origins: number
  readonly #slabs = new Map<number, Slab>()
  /** Retired, and every origin has let go. */
  readonly #free: Slab[] = []
  #current: Slab | null = null
  #nextId: number

  /**
   * `origins`: how many origin threads there are, numbered from 0. `firstId` differs between incarnations of an owner, so
   * that a late `released` cannot hit another slab.
   */
  constructor(budget: MemoryBudget, origins: number, firstId: number, events: SlabPoolEvents) {
    this.#budget = budget
    this.#origins = origins
    this.#nextId = firstId
    this.#events = events
  }

  /** Every slab that origins know, for one that joins late. */
  known(): readonly { readonly id: number; readonly memory: SharedArrayBuffer }[] {
    return [...this.#slabs.values()].filter((slab) => slab.heldBy === null)
  }

  /** Room for `length` bytes, to be written at once. Throws `window_memory_full`. */
  allocate(length: number): { readonly slice: Slice; readonly target: Uint8Array } {
    let slab = this.#current
    if (slab === null || slab.used + length > slab.memory.byteLength) {
      slab = this.#open(length)
      const previous = this.#current
      this.#current = slab
      if (previous !== null && previous.liveSlices === 0) this.#retire(previous)
    }
    const slice = { slabId: slab.id, offset: slab.used, length }
    slab.used += length
    slab.liveSlices++
    return { slice, target: slab.bytes }
  }

  release(slice: Slice): void {
    const slab = this.#slabs.get(slice.slabId)
    if (slab === undefined) return
    slab.liveSlices--
    if (slab.liveSlices === 0 && slab !== this.#current && slab.heldBy === null) this.#retire(slab)
  }

  /** An origin sends nothing from a retired slab any more; when that is true of all, the slab can be written again. */
  onReleased(slabId: number, origin: number): void {
    const slab = this.#slabs.get(slabId)
    if (slab?.heldBy === null || slab?.heldBy === undefined) return
    slab.heldBy.delete(origin)
    if (slab.heldBy.size === 0) this.#reclaim(slab)
  }

  /** An origin thread died, and with it whatever it was sending. */
  onOriginLost(origin: number): void {
    for (const slab of [...this.#slabs.values()]) this.onReleased(slab.id, origin)
  }

  /** Gives all memory back; the buffers go when the last origin has forgotten them. */
  close(): void {
    for (const slab of [...this.#slabs.values(), ...this.#free]) this.#budget.give(slab.memory.byteLength)
    this.#slabs.clear()
    this.#free.length = 0
    this.#current = null
  }

  #open(length: number): Slab {
    const reused = length <= SLAB_BYTES ? this.#free.pop() : undefined
    const memory = reused?.memory ?? this.#allocateMemory(Math.max(SLAB_BYTES, length))
    const slab: Slab = {
      id: this.#nextId++,
      memory,
      bytes: new Uint8Array(memory),
      liveSlices: 0,
      used: 0,
      heldBy: null,
    }
    this.#slabs.set(slab.id, slab)
    this.#events.onSlab(slab.id, memory)
    return slab
  }

  #allocateMemory(bytes: number): SharedArrayBuffer {
    this.#budget.take(bytes)
    return new SharedArrayBuffer(bytes)
  }

  #retire(slab: Slab): void {
    slab.heldBy = new Set(Array.from({ length: this.#origins }, (_, origin) => origin))
    this.#events.onRetire(slab.id)
  }

  #reclaim(slab: Slab): void {
    this.#slabs.delete(slab.id)
    if (slab.memory.byteLength === SLAB_BYTES && this.#free.length === 0) this.#free.push(slab)
    else this.#budget.give(slab.memory.byteLength)
  }
}

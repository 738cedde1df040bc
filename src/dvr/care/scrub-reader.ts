import { isMirrorError } from '../../core/errors.ts'
import type { ObjectKey, ObjectStore, StoreCall } from '../../storage/object-store.ts'
import type { Pace } from './pace.ts'

/** Reads objects, counted and no faster than allowed. */
export class ScrubReader {
  objects = 0
  bytes = 0
  /** Objects that nobody reads without restoring them. */
  archived = 0
  readonly #store: ObjectStore
  readonly #pace: Pace
  readonly #onRead: () => void

  constructor(store: ObjectStore, pace: Pace, onRead: () => void) {
    this.#store = store
    this.#pace = pace
    this.#onRead = onRead
  }

  /** False when the object is not there. */
  async read(key: ObjectKey, onChunk: (chunk: Uint8Array) => void, { signal }: StoreCall): Promise<boolean> {
    const object = await this.#store.get(key, { signal })
    if (object === null) return false
    await using body = object
    this.objects += 1
    for await (const chunk of body.chunks) {
      onChunk(chunk)
      this.bytes += chunk.length
      this.#onRead()
      await this.#pace.passed(chunk.length, signal)
    }
    return true
  }

  /** What is archived is counted and left alone: whether it is as it was cannot be told. */
  async unlessArchived(look: () => Promise<void>): Promise<void> {
    try {
      await look()
    } catch (error) {
      if (!isMirrorError(error, 'object_archived')) throw error
      this.archived += 1
    }
  }

  /** Null when it is not there. */
  async whole(key: ObjectKey, call: StoreCall): Promise<Buffer | null> {
    const chunks: Uint8Array[] = []
    const isThere = await this.read(key, (chunk) => chunks.push(Uint8Array.from(chunk)), call)
    return isThere ? Buffer.concat(chunks) : null
  }
}

/** Whether an index cannot be read, as `parse` says. */
export function isDamaged(parse: () => unknown): boolean {
  try {
    parse()
    return false
  } catch (error) {
    if (isMirrorError(error, 'index_damaged')) return true
    throw error
  }
}

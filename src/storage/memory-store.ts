import { createHash } from 'node:crypto'
import { abortable } from './abortable.ts'
import { clipRange } from './byte-range.ts'
import { collect, slices } from './collect.ts'
import { compareKeys } from './keys.ts'
import type { ObjectInfo, ObjectKey, ObjectStore } from './object-store.ts'

interface StoredObject {
  readonly info: ObjectInfo
  readonly bytes: Uint8Array
}

/** A store that lives as long as the process: for tests, and the plainest statement of what a store does. */
export function createMemoryStore({ nowMs }: { readonly nowMs: () => number }): ObjectStore {
  const objects = new Map<ObjectKey, StoredObject>()

  return {
    async put(key, body, { signal, ifAbsent = false, ifMatch }) {
      signal.throwIfAborted()
      const bytes = body instanceof Uint8Array ? Uint8Array.from(body) : await collect(abortable(body, signal))
      signal.throwIfAborted()
      if (ifAbsent && objects.has(key)) return null
      if (ifMatch !== undefined && objects.get(key)?.info.etag !== ifMatch) return null
      const etag = createHash('sha256').update(bytes).digest('hex')
      const info: ObjectInfo = { key, sizeBytes: bytes.byteLength, etag, modifiedAtMs: nowMs() }
      objects.set(key, { info, bytes })
      return info
    },

    async get(key, { signal, range }) {
      signal.throwIfAborted()
      const object = objects.get(key)
      if (object === undefined) return null
      const { start, end } = clipRange(range, object.bytes.byteLength)
      return {
        info: object.info,
        chunks: slices(object.bytes.subarray(start, end), signal),
        async [Symbol.asyncDispose]() {},
      }
    },

    async head(key, { signal }) {
      signal.throwIfAborted()
      return objects.get(key)?.info ?? null
    },

    async *list(prefix, { signal, after = '' }) {
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && compareKeys(key, after) > 0)
      for (const key of keys.sort(compareKeys)) {
        signal.throwIfAborted()
        const object = objects.get(key)
        if (object !== undefined) yield object.info
      }
    },

    async delete(keys, { signal }) {
      signal.throwIfAborted()
      for (const key of keys) objects.delete(key)
    },

    async [Symbol.asyncDispose]() {
      objects.clear()
    },
  }
}

import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { errnoOf } from '../storage/folder-errors.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Location } from './archive.ts'

/** Larger than a store's chunks: each costs a trip to another thread. */
const READ_BYTES = 256 * 1024

/**
 * Bytes of a segment from where they lie; null when they lie there no more: where, is to be asked again. `range` counts
 * within the segment, end exclusive.
 */
export async function openSpan(
  location: Location,
  { start, end }: { readonly start: number; readonly end: number },
  store: () => Promise<ObjectStore>,
  signal: AbortSignal,
): Promise<Readable | null> {
  const from = location.offset + start
  const to = location.offset + end
  if (location.kind === 'file') {
    const file = await open(location.path, 'r').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return null
      throw error
    })
    return file?.createReadStream({ start: from, end: to - 1, highWaterMark: READ_BYTES, signal }) ?? null
  }
  const body = await (await store()).get(location.key, { signal, range: { start: from, end: to } })
  return body === null ? null : Readable.from(body.chunks, { objectMode: false })
}

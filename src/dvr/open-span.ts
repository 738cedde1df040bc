import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { MirrorError } from '../core/errors.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Location } from './archive.ts'

/** Bytes of a segment from where they lie. `range` counts within the segment, end exclusive. */
export async function openSpan(
  location: Location,
  { start, end }: { readonly start: number; readonly end: number },
  store: () => Promise<ObjectStore>,
  signal: AbortSignal,
): Promise<Readable> {
  const from = location.offset + start
  const to = location.offset + end
  if (location.kind === 'file') return createReadStream(location.path, { start: from, end: to - 1, signal })
  const body = await (await store()).get(location.key, { signal, range: { start: from, end: to } })
  if (body === null) throw new MirrorError('media_gone', `${location.key} is gone`)
  return Readable.from(body.chunks, { objectMode: false })
}

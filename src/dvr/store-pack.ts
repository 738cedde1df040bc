// How packs get from the disk into the store. May be repeated: what is there already stays as it is.
import { open } from 'node:fs/promises'
import { packKey, recordedInitKey } from '../storage/keys.ts'
import type { ObjectStore, StoreCall } from '../storage/object-store.ts'
import type { IndexedSegment } from './hour-index.ts'
import { renderPackTrailer } from './pack-trailer.ts'
import type { SealedPack } from './spool/spool.ts'

const READ_BYTES = 256 * 1024

type Store = Pick<ObjectStore, 'put'>

export async function storeInit(
  store: Store,
  { track, init }: Pick<SealedPack, 'track' | 'init'>,
  call: StoreCall,
): Promise<void> {
  if (init === null) return
  await store.put(recordedInitKey(track, init.name), init.bytes, { ...call, contentType: 'video/mp4', ifAbsent: true })
}

/** As one object, read by ranges, that says of itself what is in it. Gives what the index is to say. */
export async function storePack(store: Store, pack: SealedPack, call: StoreCall): Promise<readonly IndexedSegment[]> {
  const { id, track, hour, path, sizeBytes, segments } = pack
  if (sizeBytes > 0) {
    const body = withTrailer(readSpan(path, 0, sizeBytes, call.signal), renderPackTrailer(pack))
    await store.put(packKey(track, hour, id), body, { ...call, contentType: 'application/octet-stream' })
  }
  return segments.map(({ offset, ...segment }) => ({
    ...segment,
    placement: segment.sizeBytes === 0 ? null : { kind: 'pack', id, offset, length: segment.sizeBytes },
  }))
}

async function* withTrailer(media: AsyncIterable<Uint8Array>, trailer: Uint8Array) {
  yield* media
  yield trailer
}

export async function* readSpan(path: string, offset: number, length: number, signal: AbortSignal) {
  const file = await open(path, 'r')
  try {
    for (let position = offset; position < offset + length; ) {
      signal.throwIfAborted()
      const size = Math.min(READ_BYTES, offset + length - position)
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(size), 0, size, position)
      if (bytesRead === 0) throw new Error(`${path} is shorter than its journal says`)
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

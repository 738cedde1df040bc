import { behindRecordings, parseRecordingKey, RECORDINGS_PREFIX, type TrackPath } from '../storage/keys.ts'
import type { ObjectKey, ObjectStore, StoreCall } from '../storage/object-store.ts'

/**
 * Streams of which the store has anything recorded, in key order. Jumps from one to the next: a listing for each stream,
 * however much it has recorded.
 */
export async function* recordedStreams(
  store: ObjectStore,
  call: StoreCall,
): AsyncGenerator<Omit<TrackPath, 'trackId'>, void, void> {
  let after = RECORDINGS_PREFIX
  for (let key = await firstBehind(store, after, call); key !== null; key = await firstBehind(store, after, call)) {
    const stream = parseRecordingKey(key)
    if (stream !== null) yield stream
    after = stream === null ? key : behindRecordings(stream)
  }
}

async function firstBehind(store: ObjectStore, after: string, call: StoreCall): Promise<ObjectKey | null> {
  for await (const { key } of store.list(RECORDINGS_PREFIX, { ...call, after })) return key
  return null
}

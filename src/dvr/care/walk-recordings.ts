// The objects of recordings as a listing gives them, hour by hour, so that a month of them needs no memory.
import { type Hour, parseRecordedKey, type TrackPath } from '../../storage/keys.ts'
import type { ObjectInfo } from '../../storage/object-store.ts'
import { emptyListing, type HourListing } from './judge-hour.ts'

export type StreamPath = Omit<TrackPath, 'trackId'>

/** A stream comes first, then what is in it, in key order. */
export type Walked =
  | { readonly kind: 'stream'; readonly stream: StreamPath }
  | { readonly kind: 'stream_index'; readonly object: ObjectInfo }
  | { readonly kind: 'init'; readonly track: TrackPath; readonly name: string }
  | { readonly kind: 'hour'; readonly listing: HourListing }
  /** Named like nothing that Mirror writes. */
  | { readonly kind: 'unknown'; readonly object: ObjectInfo }

/** `objects`: in key order, as a store lists them. */
export async function* walkRecordings(objects: AsyncIterable<ObjectInfo>): AsyncGenerator<Walked, void, void> {
  let stream = ''
  let open: HourListing | null = null
  for await (const object of objects) {
    const parsed = parseRecordedKey(object.key)
    const isInHour = parsed !== null && 'hour' in parsed
    if (open !== null && !(isInHour && isSameHour(open, parsed))) {
      yield { kind: 'hour', listing: open }
      open = null
    }
    if (parsed === null) {
      yield { kind: 'unknown', object }
      continue
    }
    const { tenantId, streamId } = parsed.kind === 'stream_index' ? parsed.stream : parsed.track
    if (stream !== `${tenantId}/${streamId}`) {
      stream = `${tenantId}/${streamId}`
      yield { kind: 'stream', stream: { tenantId, streamId } }
    }
    switch (parsed.kind) {
      case 'stream_index':
        yield { kind: 'stream_index', object }
        break
      case 'init':
        yield { kind: 'init', track: parsed.track, name: parsed.name }
        break
      default:
        open ??= emptyListing(parsed.track, parsed.hour)
        if (parsed.kind === 'hour_index') open.index = object
        if (parsed.kind === 'pack') open.packs.set(parsed.id, object)
        if (parsed.kind === 'segment') open.segments.set(parsed.name, object)
    }
  }
  if (open !== null) yield { kind: 'hour', listing: open }
}

function isSameHour(listing: HourListing, key: { readonly track: TrackPath; readonly hour: Hour }): boolean {
  const { track, hour } = listing
  return (
    hour === key.hour &&
    track.trackId === key.track.trackId &&
    track.streamId === key.track.streamId &&
    track.tenantId === key.track.tenantId
  )
}

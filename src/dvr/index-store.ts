// Hour and stream indexes as they lie in a store: read, and changed by conditional put, so that two that record one
// stream into one store lose nothing of each other.
import { MirrorError } from '../core/errors.ts'
import { collect } from '../storage/collect.ts'
import { type Hour, hourIndexKey, streamIndexKey, type TrackPath } from '../storage/keys.ts'
import type { ObjectKey, ObjectStore, StoreCall } from '../storage/object-store.ts'
import { type HourIndex, type IndexedSegment, mergeSegments, parseHourIndex, renderHourIndex } from './hour-index.ts'
import { parseStreamIndex, renderStreamIndex, type StreamIndex, withHour } from './stream-index.ts'
import type { TrackFacts } from './track-facts.ts'

/** Rounds of read, change, conditional put before somebody else is writing without end. */
const MAX_ROUNDS = 20

type StreamPath = Omit<TrackPath, 'trackId'>
type Store = Pick<ObjectStore, 'get' | 'put' | 'head' | 'delete'>

export class IndexStore {
  readonly #store: Store
  readonly #now: () => number

  constructor(store: Store, now: () => number) {
    this.#store = store
    this.#now = now
  }

  /** Null when nothing was recorded in that hour. Throws `index_damaged`, `store_unavailable`. */
  async hour(track: TrackPath, hour: Hour, call: StoreCall): Promise<HourIndex | null> {
    const text = await this.#read(hourIndexKey(track, hour), call)
    return text === null ? null : parseHourIndex(text.body)
  }

  /** `same`: it still has this etag, so it was not read. */
  async hourUnless(
    track: TrackPath,
    hour: Hour,
    etag: string | null,
    call: StoreCall,
  ): Promise<{ readonly index: HourIndex; readonly etag: string } | 'same' | null> {
    const key = hourIndexKey(track, hour)
    if (etag !== null && (await this.#store.head(key, call))?.etag === etag) return 'same'
    const text = await this.#read(key, call)
    return text === null ? null : { index: parseHourIndex(text.body), etag: text.etag }
  }

  async stream(stream: StreamPath, call: StoreCall): Promise<StreamIndex | null> {
    const text = await this.#read(streamIndexKey(stream), call)
    return text === null ? null : parseStreamIndex(text.body)
  }

  /** Adds segments to an hour; gives the index as it is then. */
  async addSegments(
    track: TrackPath,
    hour: Hour,
    facts: TrackFacts,
    added: readonly IndexedSegment[],
    call: StoreCall,
  ): Promise<HourIndex> {
    const change = (text: string | null): HourIndex => ({
      track,
      hour,
      facts,
      updatedAtMs: this.#now(),
      segments: mergeSegments(text === null ? [] : parseHourIndex(text).segments, added),
    })
    return await this.#change(hourIndexKey(track, hour), change, renderHourIndex, call)
  }

  /** For repairs: `change` sees the text as it is, damaged or not (null: absent), and gives null to change nothing. */
  async replaceHour(
    track: TrackPath,
    hour: Hour,
    change: (text: string | null) => Omit<HourIndex, 'updatedAtMs'> | null,
    call: StoreCall,
  ): Promise<void> {
    const render = (index: Omit<HourIndex, 'updatedAtMs'> | null) =>
      index && renderHourIndex({ ...index, updatedAtMs: this.#now() })
    await this.#change(hourIndexKey(track, hour), change, render, call)
  }

  /** Likewise. */
  async replaceStream(
    stream: StreamPath,
    change: (text: string | null) => StreamIndex | null,
    call: StoreCall,
  ): Promise<void> {
    const render = (index: StreamIndex | null) => index && renderStreamIndex({ ...index, updatedAtMs: this.#now() })
    await this.#change(streamIndexKey(stream), change, render, call)
  }

  /** Makes an hour findable from the stream. */
  async addHour(track: TrackPath, facts: TrackFacts, hour: Hour, call: StoreCall): Promise<void> {
    await this.changeStream(track, (index) => withHour(index, track.trackId, facts, hour), call)
  }

  /** `change` gives the same object when nothing is to be written. Gives the index as it is then; null: there is none. */
  async changeStream(
    { tenantId, streamId }: StreamPath,
    change: (index: StreamIndex) => StreamIndex,
    call: StoreCall,
  ): Promise<StreamIndex | null> {
    let present: StreamIndex | null = null
    const apply = (text: string | null): StreamIndex | null => {
      present = text === null ? null : parseStreamIndex(text)
      const before = present ?? { tenantId, streamId, updatedAtMs: 0, tracks: {} }
      const changed = change(before)
      return changed === before ? null : { ...changed, updatedAtMs: this.#now() }
    }
    const key = streamIndexKey({ tenantId, streamId })
    return (await this.#change(key, apply, (index) => index && renderStreamIndex(index), call)) ?? present
  }

  /** After what it lists was released elsewhere, or together with it. */
  async removeHour(track: TrackPath, hour: Hour, call: StoreCall): Promise<void> {
    await this.#store.delete([hourIndexKey(track, hour)], call)
  }

  async #change<Index>(
    key: ObjectKey,
    change: (text: string | null) => Index,
    render: (index: Index) => string | null,
    { signal }: StoreCall,
  ): Promise<Index> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const present = await this.#read(key, { signal })
      const changed = change(present?.body ?? null)
      const text = render(changed)
      if (text === null) return changed
      const condition = present === null ? { ifAbsent: true } : { ifMatch: present.etag }
      const put = { signal, contentType: 'application/json', ...condition }
      if ((await this.#store.put(key, Buffer.from(text), put)) !== null) return changed
    }
    throw new MirrorError('store_unavailable', `${key} changes faster than it can be written`)
  }

  async #read(key: ObjectKey, call: StoreCall): Promise<{ readonly body: string; readonly etag: string } | null> {
    const object = await this.#store.get(key, call)
    if (object === null) return null
    await using body = object
    return { body: Buffer.from(await collect(body.chunks)).toString('utf8'), etag: body.info.etag }
  }
}

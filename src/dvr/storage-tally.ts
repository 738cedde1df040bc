// How much of each stream lies in the store, hour by hour: read once, then kept up to date by what is drained and expired.
import { HOUR_MS, type Hour, hourStartMs, type TrackPath } from '../storage/keys.ts'
import type { StoreCall } from '../storage/object-store.ts'
import { bytesOf, type StoredSpan } from './growth.ts'
import type { HourIndex } from './hour-index.ts'
import type { IndexStore } from './index-store.ts'
import { endsAtMs, type RecordedSegment } from './recorded-segment.ts'

/** Other origins may add to an hour until it ended this long ago. */
const SETTLED_MS = 2 * HOUR_MS

type StreamPath = Omit<TrackPath, 'trackId'>

interface Tally {
  /** By track and hour. */
  readonly hours: Map<string, StoredSpan>
  /** Every hour that the stream index names has been read. */
  isComplete: boolean
}

export class StorageTally {
  readonly #indexes: Pick<IndexStore, 'stream' | 'hour'>
  readonly #now: () => number
  readonly #streams = new Map<string, Tally>()

  constructor(indexes: Pick<IndexStore, 'stream' | 'hour'>, now: () => number) {
    this.#indexes = indexes
    this.#now = now
  }

  /** The drainer has just written this. */
  learn({ track, hour, segments }: HourIndex): void {
    this.#tallyOf(track).hours.set(hourKeyOf(track, hour), spanOf(segments))
  }

  /** Retention has just removed this. */
  forget(track: TrackPath, hour: Hour): void {
    this.#streams.get(streamKeyOf(track))?.hours.delete(hourKeyOf(track, hour))
  }

  forgetStream(stream: StreamPath): void {
    this.#streams.delete(streamKeyOf(stream))
  }

  /** Null until the whole of it was read once. */
  spans(stream: StreamPath): readonly StoredSpan[] | null {
    const tally = this.#streams.get(streamKeyOf(stream))
    return tally?.isComplete === true ? [...tally.hours.values()] : null
  }

  bytes(stream: StreamPath): number | null {
    const spans = this.spans(stream)
    return spans === null ? null : bytesOf(spans)
  }

  /** Reads what is not known yet or may have changed. Throws `store_unavailable`, `index_damaged`. */
  async read(stream: StreamPath, call: StoreCall): Promise<void> {
    const index = await this.#indexes.stream(stream, call)
    const tally = this.#tallyOf(stream)
    const named = new Set<string>()
    for (const [trackId, { hours }] of Object.entries(index?.tracks ?? {})) {
      const track = { ...stream, trackId }
      for (const hour of hours) {
        const key = hourKeyOf(track, hour)
        named.add(key)
        const isSettled = this.#now() - (hourStartMs(hour) + HOUR_MS) > SETTLED_MS
        if (isSettled && tally.hours.has(key)) continue
        const read = await this.#indexes.hour(track, hour, call)
        if (read !== null) tally.hours.set(key, spanOf(read.segments))
      }
    }
    // Somebody else's retention. An hour that was drained in the meantime is young.
    for (const [key, { toMs }] of tally.hours) {
      if (!named.has(key) && this.#now() - toMs > SETTLED_MS) tally.hours.delete(key)
    }
    tally.isComplete = true
  }

  #tallyOf(stream: StreamPath): Tally {
    const existing = this.#streams.get(streamKeyOf(stream))
    if (existing !== undefined) return existing
    const tally = { hours: new Map<string, StoredSpan>(), isComplete: false }
    this.#streams.set(streamKeyOf(stream), tally)
    return tally
  }
}

/** From the first to the end of the last; all zero when there is none. */
export function spanOf(segments: readonly RecordedSegment[]): StoredSpan {
  const [first, last] = [segments[0], segments.at(-1)]
  if (first === undefined || last === undefined) return { fromMs: 0, toMs: 0, bytes: 0 }
  const bytes = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return { fromMs: first.startsAtMs, toMs: endsAtMs(last), bytes }
}

function streamKeyOf({ tenantId, streamId }: StreamPath): string {
  return `${tenantId}/${streamId}`
}

function hourKeyOf({ trackId }: TrackPath, hour: Hour): string {
  return `${trackId}/${hour}`
}

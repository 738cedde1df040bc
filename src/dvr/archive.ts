// Reads recordings: one index over the spool and the store. Knows nothing of how they got there.
import { Permits } from '../core/permits.ts'
import { SingleFlight } from '../core/single-flight.ts'
import { collect } from '../storage/collect.ts'
import {
  HOUR_MS,
  type Hour,
  hourOf,
  packKey,
  recordedInitKey,
  recordedSegmentKey,
  type TrackPath,
} from '../storage/keys.ts'
import type { ObjectKey, ObjectStore, StoreCall } from '../storage/object-store.ts'
import { hourOfCell } from './cell-hour.ts'
import { asGap, type HourIndex, type IndexedSegment, mergeSegments, type TimeRange } from './hour-index.ts'
import type { IndexStore } from './index-store.ts'
import { endsAtMs, type Span } from './recorded-segment.ts'
import type { Spool } from './spool/spool.ts'
import type { RecordedTrack, StreamIndex } from './stream-index.ts'
import { segmentExtension, type TrackFacts } from './track-facts.ts'

/** Where a segment's bytes are to be had now. A file may be gone a moment later: ask again then. */
export type Location = FileLocation | ObjectLocation

/** `from`: what the bytes cost. A copy that was made for this request cost the store a read. */
export interface FileLocation extends Span {
  readonly kind: 'file'
  readonly from: 'spool' | 'cache' | 'store'
  readonly path: string
}

export interface ObjectLocation extends Span {
  readonly kind: 'object'
  readonly key: ObjectKey
  /** Of the span, hex. */
  readonly sha256: string
}

/** Hour indexes kept in memory; at 1,800 segments each about half a megabyte. */
const MAX_HOURS = 256
/** Hour indexes that one question reads at the same time. */
const READS_AT_ONCE = 16
/** Init segments kept in memory, about a kilobyte each. */
const MAX_INITS = 512
/** How long what another origin may add to stays unread. Own additions are seen at once. */
const FRESH_MS = 10_000
/** Nobody adds to an hour that ended this long ago, but for repairs. */
const SETTLED_MS = 2 * HOUR_MS
const SETTLED_FRESH_MS = 600_000
/** Program-date-time strays from media time by a drift correction at most. */
const FILED_ASIDE_MS = 60_000

interface Cached<T> {
  readonly value: T
  readonly readAtMs: number
  /** As the store knows it; null: it was not read there. */
  readonly etag: string | null
}

export interface ArchiveHost {
  readonly store: ObjectStore
  readonly indexes: IndexStore
  readonly spool: Pick<Spool, 'find' | 'segments' | 'init' | 'tracks'>
  readonly now: () => number
}

type StreamPath = Omit<TrackPath, 'trackId'>

export class Archive {
  readonly #host: ArchiveHost
  /** Least recently used first. */
  readonly #hours = new Map<string, Cached<HourIndex | null>>()
  readonly #streams = new Map<string, Cached<StreamIndex | null>>()
  /** Named by their content, so they are never stale; least recently used first. */
  readonly #inits = new Map<string, Uint8Array>()
  /** What many viewers ask for at once is read once. */
  readonly #hourReads = new SingleFlight<HourIndex | null>()
  readonly #streamReads = new SingleFlight<StreamIndex | null>()
  readonly #initReads = new SingleFlight<Uint8Array | null>()

  constructor(host: ArchiveHost) {
    this.#host = host
  }

  /** The drainer has just written this. */
  learn(index: HourIndex): void {
    this.#remember(index.track, index.hour, index, null)
    this.#streams.delete(streamKeyOf(index.track))
  }

  /** Retention has just removed this. */
  forget(track: TrackPath, hour: Hour): void {
    this.#hours.delete(hourKeyOf(track, hour))
    this.#streams.delete(streamKeyOf(track))
  }

  /** What was ever recorded and is still there, by track; hours that are only in the spool are not among `hours`. */
  async tracks(stream: StreamPath, call: StoreCall): Promise<ReadonlyMap<string, RecordedTrack>> {
    const index = await this.#stream(stream, call)
    const tracks = new Map(Object.entries(index?.tracks ?? {}))
    for (const { track, facts } of this.#host.spool.tracks(stream)) {
      const stored = tracks.get(track.trackId)
      tracks.set(track.trackId, { facts, hours: stored?.hours ?? [], expiring: stored?.expiring ?? [] })
    }
    return tracks
  }

  /** Segments, gaps among them, any moment of which lies in [fromMs, toMs), by number. */
  async segments(track: TrackPath, range: TimeRange, call: StoreCall): Promise<readonly IndexedSegment[]> {
    return (await this.spans(track, range, call)).flat()
  }

  /** The same in pieces: an hour that lies whole in the range is the same array until its index changes. */
  async spans(track: TrackPath, range: TimeRange, call: StoreCall): Promise<readonly (readonly IndexedSegment[])[]> {
    const recorded = (await this.#stream(track, call))?.tracks[track.trackId]
    const first = hourOf(range.fromMs - FILED_ASIDE_MS)
    const last = hourOf(range.toMs + FILED_ASIDE_MS)
    const hours = recorded?.hours.filter((hour) => hour >= first && hour <= last) ?? []
    const reads = new Permits(READS_AT_ONCE)
    const found = await Promise.all(
      hours.map((hour) => reads.run(call.signal, async () => await this.#hour(track, hour, call))),
    )
    const stored = found.flatMap((index) => (index === null ? [] : [index.segments]))
    const spooled = this.#host.spool.segments(track).map((segment): IndexedSegment => ({ ...segment, placement: null }))
    return withSpooled(stored, spooled)
      .map((segments) => clipped(segments, range))
      .filter(({ length }) => length > 0)
  }

  /** Null: never recorded, a gap, or expired. */
  async locate(track: TrackPath, msn: number, facts: TrackFacts, call: StoreCall): Promise<Location | null> {
    const spooled = this.#host.spool.find(track, msn)
    if (spooled !== null) return { kind: 'file', from: 'spool', ...spooled }
    const hour = hourOfCell(msn, facts.cell)
    const segment = find((await this.#hour(track, hour, call))?.segments ?? [], msn)
    if (segment === null || segment.placement === null) return null
    if (segment.placement.kind === 'object') {
      return {
        kind: 'object',
        key: recordedSegmentKey(track, hour, `${msn}.${segmentExtension(facts)}`),
        offset: 0,
        length: segment.sizeBytes,
        sha256: segment.sha256,
      }
    }
    const { id, offset, length } = segment.placement
    return { kind: 'object', key: packKey(track, hour, id), offset, length, sha256: segment.sha256 }
  }

  /**
   * A read has found nothing at `key`. If that is so, all of the hour that lies there is a gap until the index is read
   * again: players skip it instead of asking in vain. True when it is so.
   */
  async noteGone(track: TrackPath, hour: Hour, key: ObjectKey, call: StoreCall): Promise<boolean> {
    if ((await this.#host.store.head(key, call)) !== null) return false
    const index = await this.#hour(track, hour, call)
    if (index === null) return false
    const name = key.slice(key.lastIndexOf('/') + 1)
    const liesThere = ({ msn, placement }: IndexedSegment) =>
      placement?.kind === 'pack' ? name === `${placement.id}.pack` : placement !== null && name.startsWith(`${msn}.`)
    const segments = index.segments.map((segment) => (liesThere(segment) ? asGap(segment) : segment))
    this.#remember(track, hour, { ...index, segments }, null)
    return true
  }

  async init(track: TrackPath, name: string, call: StoreCall): Promise<Uint8Array | null> {
    const spooled = this.#host.spool.init(track, name)
    if (spooled !== null) return spooled
    const key = recordedInitKey(track, name)
    const known = this.#inits.get(key)
    const bytes =
      known ?? (await this.#initReads.run(key, call.signal, async (signal) => await this.#readInit(key, signal)))
    if (bytes === null) return null
    this.#inits.delete(key)
    this.#inits.set(key, bytes)
    const oldest = this.#inits.keys().next()
    if (this.#inits.size > MAX_INITS && oldest.done !== true) this.#inits.delete(oldest.value)
    return bytes
  }

  async #readInit(key: ObjectKey, signal: AbortSignal): Promise<Uint8Array | null> {
    const object = await this.#host.store.get(key, { signal })
    if (object === null) return null
    await using body = object
    return await collect(body.chunks)
  }

  async #hour(track: TrackPath, hour: Hour, call: StoreCall): Promise<HourIndex | null> {
    const cached = this.#hours.get(hourKeyOf(track, hour))
    const ageMs = this.#host.now() - Date.parse(`${hour}:00:00Z`)
    const freshMs = ageMs > SETTLED_MS ? SETTLED_FRESH_MS : FRESH_MS
    if (cached !== undefined && this.#host.now() - cached.readAtMs < freshMs) {
      this.#touch(track, hour, cached)
      return cached.value
    }
    return await this.#hourReads.run(hourKeyOf(track, hour), call.signal, async (signal) => {
      const etag = cached?.etag ?? null
      const read = await this.#host.indexes.hourUnless(track, hour, etag, { signal })
      // What was learnt meanwhile is newer than what was read.
      const learnt = this.#hours.get(hourKeyOf(track, hour))
      if (learnt !== undefined && learnt !== cached) return learnt.value
      const value = read === 'same' ? (cached?.value ?? null) : (read?.index ?? null)
      this.#remember(track, hour, value, read === 'same' ? etag : (read?.etag ?? null))
      return value
    })
  }

  async #stream(stream: StreamPath, call: StoreCall): Promise<StreamIndex | null> {
    const key = streamKeyOf(stream)
    const cached = this.#streams.get(key)
    if (cached !== undefined && this.#host.now() - cached.readAtMs < FRESH_MS) return cached.value
    return await this.#streamReads.run(key, call.signal, async (signal) => {
      const value = await this.#host.indexes.stream(stream, { signal })
      if (this.#streams.size >= MAX_HOURS) this.#streams.clear()
      this.#streams.set(key, { value, readAtMs: this.#host.now(), etag: null })
      return value
    })
  }

  #remember(track: TrackPath, hour: Hour, value: HourIndex | null, etag: string | null): void {
    this.#touch(track, hour, { value, readAtMs: this.#host.now(), etag })
    const oldest = this.#hours.keys().next()
    if (this.#hours.size > MAX_HOURS && oldest.done !== true) this.#hours.delete(oldest.value)
  }

  #touch(track: TrackPath, hour: Hour, cached: Cached<HourIndex | null>): void {
    const key = hourKeyOf(track, hour)
    this.#hours.delete(key)
    this.#hours.set(key, cached)
  }
}

/** What is in the spool is younger than most: hours before it stay as they are. */
function withSpooled(
  stored: readonly (readonly IndexedSegment[])[],
  spooled: readonly IndexedSegment[],
): readonly (readonly IndexedSegment[])[] {
  if (spooled.length === 0) return stored
  const fromMsn = spooled.reduce((least, { msn }) => Math.min(least, msn), Number.POSITIVE_INFINITY)
  const isBefore = (segments: readonly IndexedSegment[]) => (segments.at(-1)?.msn ?? -1) < fromMsn
  const merged = mergeSegments(stored.filter((segments) => !isBefore(segments)).flat(), spooled)
  return [...stored.filter(isBefore), merged]
}

/** The same array when all of it lies in the range. */
function clipped(segments: readonly IndexedSegment[], { fromMs, toMs }: TimeRange): readonly IndexedSegment[] {
  const [first] = segments
  const last = segments.at(-1)
  if (first === undefined || last === undefined) return segments
  if (endsAtMs(first) > fromMs && last.startsAtMs < toMs) return segments
  return segments.filter((segment) => segment.startsAtMs < toMs && endsAtMs(segment) > fromMs)
}

function streamKeyOf({ tenantId, streamId }: StreamPath): string {
  return `${tenantId}/${streamId}`
}

function hourKeyOf(track: TrackPath, hour: Hour): string {
  return `${streamKeyOf(track)}/${track.trackId}/${hour}`
}

/** By number, in an ascending list. */
function find(segments: readonly IndexedSegment[], msn: number): IndexedSegment | null {
  let low = 0
  let high = segments.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const segment = segments[middle]
    if (segment === undefined) return null
    if (segment.msn === msn) return segment
    if (segment.msn < msn) low = middle + 1
    else high = middle - 1
  }
  return null
}

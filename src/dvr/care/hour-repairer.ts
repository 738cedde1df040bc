// Finds out what media that no index names is: packs say it in their trailer, segments by their own timestamps. Reads; what
// is done with it is decided in fsck.ts.
import { createHash } from 'node:crypto'
import { toNumber } from '../../core/rational.ts'
import { TIMELINE_EPOCH_MS } from '../../media/timeline/cell.ts'
import { collect } from '../../storage/collect.ts'
import {
  HOUR_MS,
  hourOf,
  hourStartMs,
  parseRecordedKey,
  recordedInitKey,
  recordingsPrefix,
  type TrackPath,
} from '../../storage/keys.ts'
import type { ObjectInfo, ObjectKey, ObjectStore, StoreCall } from '../../storage/object-store.ts'
import type { IndexedSegment } from '../hour-index.ts'
import type { IndexStore } from '../index-store.ts'
import { PACK_FOOTER_BYTES, type PackContents, parsePackTrailer, trailerLength } from '../pack-trailer.ts'
import { isGap } from '../recorded-segment.ts'
import type { TrackFacts } from '../track-facts.ts'
import { describeMedia, timescaleOf } from './describe-media.ts'
import type { HourListing } from './judge-hour.ts'

export interface Adoption {
  /** Of the track, if the media itself told them. */
  readonly facts: TrackFacts | null
  /** Media, and gaps that a pack tells of, for numbers that the index has no media of. */
  readonly found: readonly IndexedSegment[]
  /** Objects of which `found` uses something. */
  readonly used: ReadonlySet<ObjectKey>
  /** Objects whose numbers all have media elsewhere, or that are no whole media: nothing is lost with them. */
  readonly redundant: ReadonlySet<ObjectKey>
}

export class HourRepairer {
  readonly #store: ObjectStore
  readonly #indexes: IndexStore

  constructor(store: ObjectStore, indexes: IndexStore) {
    this.#store = store
    this.#indexes = indexes
  }

  /** `known`: rows that are right. What is neither used nor redundant in the result does not say what it holds. */
  async adopt(
    listing: HourListing,
    objects: readonly ObjectInfo[],
    known: readonly IndexedSegment[],
    facts: TrackFacts | null,
    call: StoreCall,
  ): Promise<Adoption> {
    const held = new Set(known.filter((segment) => !isGap(segment)).map(({ msn }) => msn))
    const found: IndexedSegment[] = []
    const used = new Set<ObjectKey>()
    const redundant = new Set<ObjectKey>()
    let learnt = facts
    const segments: { readonly object: ObjectInfo; readonly msn: number; readonly isText: boolean }[] = []
    for (const object of objects) {
      const parsed = parseRecordedKey(object.key)
      if (parsed?.kind === 'segment') {
        segments.push({ object, msn: Number.parseInt(parsed.name, 10), isText: parsed.name.endsWith('.vtt') })
      }
      if (parsed?.kind !== 'pack') continue
      const contents = await this.contentsOf(object, call)
      if (contents === null) continue
      learnt ??= contents.facts
      const adopted = rowsOfPack(parsed.id, contents, object.sizeBytes).filter(({ msn }) => !held.has(msn))
      for (const row of adopted) if (!isGap(row)) held.add(row.msn)
      found.push(...adopted)
      const isUsed = adopted.some((row) => !isGap(row))
      if (isUsed) used.add(object.key)
      else redundant.add(object.key)
    }
    const context = new SegmentContext(this.#store, this.#indexes, listing, [...known, ...found], learnt)
    for (const { object, msn, isText } of segments.toSorted((a, b) => a.msn - b.msn)) {
      const row = held.has(msn) ? 'redundant' : await context.describe(object, msn, isText, call)
      if (row === 'redundant') redundant.add(object.key)
      else if (row !== 'unknown') {
        found.push(row)
        used.add(object.key)
      }
    }
    return { facts: learnt, found, used, redundant }
  }

  /** Null when the pack does not say what it holds: its end was cut off or changed. */
  async contentsOf({ key, sizeBytes }: ObjectInfo, call: StoreCall): Promise<PackContents | null> {
    if (sizeBytes < PACK_FOOTER_BYTES) return null
    const footer = await readRange(this.#store, key, sizeBytes - PACK_FOOTER_BYTES, sizeBytes, call)
    const length = footer === null ? null : trailerLength(footer)
    if (length === null || length > sizeBytes - PACK_FOOTER_BYTES) return null
    const trailer = await readRange(this.#store, key, sizeBytes - PACK_FOOTER_BYTES - length, sizeBytes, call)
    return trailer === null ? null : parsePackTrailer(trailer)
  }
}

/** As an hour index has them; what lies beyond the end is left out. */
export function rowsOfPack(id: string, { segments }: PackContents, sizeBytes: number): readonly IndexedSegment[] {
  return segments
    .filter((segment) => segment.offset + segment.sizeBytes <= sizeBytes)
    .map(({ offset, ...segment }) => ({
      ...segment,
      placement: isGap(segment) ? null : { kind: 'pack' as const, id, offset, length: segment.sizeBytes },
    }))
}

/** What a lone segment does not say itself: its init segment and discontinuity number, taken from its neighbours. */
class SegmentContext {
  readonly #store: ObjectStore
  readonly #indexes: IndexStore
  readonly #listing: HourListing
  readonly #facts: TrackFacts | null
  #rows: readonly IndexedSegment[]
  #hasLooked = false
  #soleInit: string | null = null
  readonly #timescales = new Map<string, number | null>()

  constructor(
    store: ObjectStore,
    indexes: IndexStore,
    listing: HourListing,
    rows: readonly IndexedSegment[],
    facts: TrackFacts | null,
  ) {
    this.#store = store
    this.#indexes = indexes
    this.#listing = listing
    this.#rows = rows
    this.#facts = facts
  }

  /** `redundant`: it is no whole media and could not be played. `unknown`: nothing tells which init segment it needs. */
  async describe(
    { key }: ObjectInfo,
    msn: number,
    isText: boolean,
    call: StoreCall,
  ): Promise<IndexedSegment | 'redundant' | 'unknown'> {
    const bytes = await readWhole(this.#store, key, call)
    if (bytes === null || bytes.length === 0) return 'redundant'
    await this.#look(call)
    const near = nearest(isText ? this.#rows : this.#rows.filter(({ initName }) => initName !== null), msn)
    const placed = {
      msn,
      dsn: near?.dsn ?? 0,
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      placement: { kind: 'object' as const },
    }
    if (isText) {
      if (this.#facts === null) return 'unknown'
      const cellSec = toNumber(this.#facts.cell)
      const startsAtMs = TIMELINE_EPOCH_MS + msn * cellSec * 1000
      return { ...placed, startsAtMs, durationSec: cellSec, initName: null }
    }
    const initName = near?.initName ?? this.#soleInit
    const timescale = initName === null ? null : await this.#timescale(initName, call)
    if (initName === null || timescale === null) return 'unknown'
    const media = describeMedia(bytes, timescale)
    return media === null ? 'redundant' : { ...placed, ...media, initName }
  }

  /** Neighbours in the hours beside, if this hour has none; and the init segment, if the track has only one. */
  async #look(call: StoreCall): Promise<void> {
    if (this.#hasLooked) return
    this.#hasLooked = true
    const { track, hour } = this.#listing
    if (!this.#rows.some(({ initName }) => initName !== null)) {
      for (const beside of [-HOUR_MS, HOUR_MS]) {
        const index = await this.#indexes.hour(track, hourOf(hourStartMs(hour) + beside), call).catch(() => null)
        this.#rows = [...this.#rows, ...(index?.segments ?? [])]
      }
    }
    const inits = await initsOf(this.#store, track, call)
    this.#soleInit = inits.length === 1 ? (inits[0] ?? null) : null
  }

  async #timescale(initName: string, call: StoreCall): Promise<number | null> {
    const known = this.#timescales.get(initName)
    if (known !== undefined) return known
    const key = recordedInitKey(this.#listing.track, initName)
    const bytes = await readWhole(this.#store, key, call)
    const timescale = bytes === null ? null : timescaleOf(bytes)
    this.#timescales.set(initName, timescale)
    return timescale
  }
}

/** Names of a track's init segments in the store. */
export async function initsOf(store: ObjectStore, track: TrackPath, call: StoreCall): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { key } of store.list(`${recordingsPrefix(track)}init-`, call)) {
    const parsed = parseRecordedKey(key)
    if (parsed?.kind === 'init') names.push(parsed.name)
  }
  return names
}

function nearest(rows: readonly IndexedSegment[], msn: number): IndexedSegment | null {
  let best: IndexedSegment | null = null
  for (const row of rows) {
    if (best === null || Math.abs(row.msn - msn) < Math.abs(best.msn - msn)) best = row
  }
  return best
}

async function readRange(store: ObjectStore, key: ObjectKey, start: number, end: number, call: StoreCall) {
  const object = await store.get(key, { ...call, range: { start, end } })
  if (object === null) return null
  await using body = object
  return await collect(body.chunks)
}

async function readWhole(store: ObjectStore, key: ObjectKey, call: StoreCall): Promise<Uint8Array | null> {
  const object = await store.get(key, call)
  if (object === null) return null
  await using body = object
  return await collect(body.chunks)
}

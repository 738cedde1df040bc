// Which objects a part of a recording lies in.
import type { HourIndex, IndexedSegment } from '../dvr/hour-index.ts'
import type { IndexStore } from '../dvr/index-store.ts'
import { endsAtMs } from '../dvr/recorded-segment.ts'
import { segmentExtension, type TrackFacts } from '../dvr/track-facts.ts'
import { HOUR_MS, hourStartMs, packKey, recordedSegmentKey, type TrackPath } from '../storage/keys.ts'
import type { ObjectKey, StoreCall } from '../storage/object-store.ts'
import type { Tier } from '../storage/tiers.ts'

export interface RecordedObject {
  readonly key: ObjectKey
  /** Of the whole object, hex; null for a pack, of which the index knows only the parts. */
  readonly sha256: string | null
}

/** Half-open. `fromMs` null: from the first on. */
export interface RecordedRange {
  readonly fromMs: number | null
  readonly toMs: number
}

/** Segments are filed by their number: their date may lie this far into another hour. */
const FILED_ASIDE_MS = 60_000
/** An hour is over when this has passed after it: what was recorded in it is in its index then, whoever recorded it. */
const SETTLES_MS = 10 * 60_000

/** Objects of an hour of which any segment has a moment in the range, each once. Pure. */
export function objectsInHour(
  { track, hour, segments }: Pick<HourIndex, 'track' | 'hour' | 'segments'>,
  facts: Pick<TrackFacts, 'kind'>,
  range: RecordedRange,
): readonly RecordedObject[] {
  const found = new Map<ObjectKey, RecordedObject>()
  for (const segment of segments) {
    if (!isWithin(segment, range)) continue
    const { placement } = segment
    if (placement?.kind === 'pack') {
      const key = packKey(track, hour, placement.id)
      found.set(key, { key, sha256: null })
    }
    if (placement?.kind === 'object') {
      const key = recordedSegmentKey(track, hour, `${segment.msn}.${segmentExtension(facts)}`)
      found.set(key, { key, sha256: segment.sha256 === '' ? null : segment.sha256 })
    }
  }
  return [...found.values()]
}

/**
 * What lies before this may go to `tier`: hours that are over, and for the archive those that no live playlist names any
 * more. Pure.
 */
export function movableBeforeMs(nowMs: number, tier: Tier, rewindMs: number): number {
  const reachMs = tier === 'archive' ? rewindMs : 0
  return Math.floor((nowMs - reachMs - SETTLES_MS) / HOUR_MS) * HOUR_MS
}

/** Hour by hour; what is being removed is left out. Throws `index_damaged`, `store_unavailable`. */
export async function* recordedObjects(
  indexes: Pick<IndexStore, 'stream' | 'hour'>,
  stream: Omit<TrackPath, 'trackId'>,
  range: RecordedRange,
  call: StoreCall,
): AsyncGenerator<RecordedObject, void, void> {
  const index = await indexes.stream(stream, call)
  for (const [trackId, { facts, hours }] of Object.entries(index?.tracks ?? {})) {
    const track = { ...stream, trackId }
    for (const hour of hours) {
      const startMs = hourStartMs(hour)
      if (startMs - FILED_ASIDE_MS >= range.toMs) continue
      if (range.fromMs !== null && startMs + HOUR_MS + FILED_ASIDE_MS <= range.fromMs) continue
      const listed = await indexes.hour(track, hour, call)
      if (listed !== null) yield* objectsInHour(listed, facts, range)
    }
  }
}

function isWithin(segment: IndexedSegment, { fromMs, toMs }: RecordedRange): boolean {
  return segment.startsAtMs < toMs && (fromMs === null || endsAtMs(segment) > fromMs)
}

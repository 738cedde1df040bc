// Takes away what is older than its stream keeps it. An hour goes as a whole, when all of it is too old. Order: the stream
// index forgets the hour (no playlist names it any more), then its media goes, then its hour index; a crash in between is
// made up for by the next sweep. What was still being written or copied then, perhaps by a process that is long dead, comes
// to lie there after it: a later sweep removes that, too.
import {
  HOUR_MS,
  type Hour,
  hourPrefix,
  hourStartMs,
  packKey,
  recordedSegmentKey,
  type TrackPath,
} from '../storage/keys.ts'
import type { ObjectInfo, ObjectKey, ObjectStore, StoreCall } from '../storage/object-store.ts'
import type { HourIndex } from './hour-index.ts'
import type { IndexStore } from './index-store.ts'
import type { RecordedSegment } from './recorded-segment.ts'
import { type RecordedTrack, type StreamIndex, type SweptTrack, withExpiring, withSwept } from './stream-index.ts'
import { segmentExtension, type TrackFacts } from './track-facts.ts'

/** Players may still hold a playlist that names the media: as long as the longest one is shown after its last reload. */
const PLAYLIST_GRACE_MS = 10 * 60_000

/** No request to a store takes this long, not even one whose sender has died. */
const LATE_WRITES_MS = 30 * 60_000

export interface Expiry {
  readonly hours: number
  readonly segments: number
  readonly bytes: number
}

/** What is to stay although it is old. `toMs` null: it goes on. */
export interface Kept {
  readonly fromMs: number
  readonly toMs: number | null
}

/** How long a stream keeps what it recorded. */
export interface Retention {
  readonly retentionMs: number
  readonly holds: readonly Kept[]
}

/** A segment is filed by its number, not by its date: one that is held may lie this far into another hour. */
const FILED_ASIDE_MS = 60_000

/** Hours of which nothing is younger than the retention, and nothing is held. Pure. */
export function expiredHours(
  hours: readonly Hour[],
  { retentionMs, holds }: Retention,
  nowMs: number,
): readonly Hour[] {
  return hours.filter((hour) => expiresAtMs(hour, retentionMs) <= nowMs && !holds.some((held) => isHeldIn(hour, held)))
}

/** From then on an hour is too old, if nothing of it is held. Pure. */
export function expiresAtMs(hour: Hour, retentionMs: number): number {
  return hourStartMs(hour) + HOUR_MS + PLAYLIST_GRACE_MS + retentionMs
}

/** Whether what is to stay may lie in that hour. Pure. */
export function isHeldIn(hour: Hour, held: Kept): boolean {
  const fromMs = hourStartMs(hour)
  const heldToMs = held.toMs ?? Number.POSITIVE_INFINITY
  return held.fromMs - FILED_ASIDE_MS < fromMs + HOUR_MS && heldToMs + FILED_ASIDE_MS > fromMs
}

/** An hour whose media has just gone. */
export interface DeletedHour {
  readonly track: TrackPath
  readonly hour: Hour
  readonly objects: number
  readonly bytes: number
}

export interface RetentionHost {
  readonly store: ObjectStore
  readonly indexes: IndexStore
  readonly now: () => number
  readonly onExpired: (track: TrackPath, hour: Hour) => void
  /** Their bytes have gone from the store. */
  readonly onReleased: (segments: readonly RecordedSegment[]) => Promise<void>
  /** For how long requests may still arrive whose sender has died; omitted: half an hour. */
  readonly lateWritesMs?: number
  /** For the ledger. */
  readonly onDeleted?: (deleted: DeletedHour) => void
}

export async function sweepStream(
  host: RetentionHost,
  stream: { readonly tenantId: string; readonly streamId: string },
  retention: Retention,
  call: StoreCall,
): Promise<Expiry> {
  const { indexes, now, lateWritesMs = LATE_WRITES_MS } = host
  const total = { hours: 0, segments: 0, bytes: 0 }
  const forget = (index: StreamIndex) => withExpiring(index, (hours) => expiredHours(hours, retention, now()))
  const index = await indexes.changeStream(stream, forget, call)
  const swept = new Map<string, SweptTrack>()
  for (const [trackId, recorded] of Object.entries(index?.tracks ?? {})) {
    const track = { ...stream, trackId }
    const { fresh, over } = dueHours(recorded, now(), lateWritesMs)
    for (const hour of fresh) {
      const emptied = await emptyHour(host, track, hour, recorded.facts, call)
      total.hours += 1
      total.segments += emptied.segments
      total.bytes += emptied.bytes
    }
    // One that was recorded anew, or is to be kept after all, belongs to its index again.
    const given = expiredHours(over, retention, now()).filter((hour) => !recorded.hours.includes(hour))
    for (const hour of given) await removeLate(host, track, hour, call)
    if (fresh.length + over.length > 0) swept.set(trackId, { emptied: fresh, done: over })
  }
  if (swept.size > 0) await indexes.changeStream(stream, (after) => withSwept(after, swept, now()), call)
  return total
}

/** `fresh`: their media is to be removed. `over`: it was, so long ago that nothing comes after it any more. Pure. */
function dueHours(
  { expiring, emptiedAtMs = {} }: RecordedTrack,
  nowMs: number,
  lateWritesMs: number,
): { readonly fresh: readonly Hour[]; readonly over: readonly Hour[] } {
  const fresh = expiring.filter((hour) => emptiedAtMs[hour] === undefined)
  const over = expiring.filter((hour) => nowMs - (emptiedAtMs[hour] ?? nowMs) >= lateWritesMs)
  return { fresh, over }
}

async function emptyHour(
  { store, indexes, onExpired, onReleased, onDeleted }: RetentionHost,
  track: TrackPath,
  hour: Hour,
  facts: TrackFacts,
  call: StoreCall,
): Promise<{ readonly segments: number; readonly bytes: number }> {
  onExpired(track, hour)
  const listed = await indexes.hour(track, hour, call)
  if (listed === null) return { segments: 0, bytes: 0 }
  const media = mediaOf(track, hour, facts, listed)
  await store.delete(media, call)
  await onReleased(listed.segments)
  await indexes.removeHour(track, hour, call)
  const bytes = listed.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  onDeleted?.({ track, hour, objects: media.length, bytes })
  return { segments: listed.segments.length, bytes }
}

/** What came to lie in an hour after its media had been removed. */
async function removeLate(
  { store, onDeleted }: RetentionHost,
  track: TrackPath,
  hour: Hour,
  call: StoreCall,
): Promise<void> {
  const late: ObjectInfo[] = []
  for await (const object of store.list(hourPrefix(track, hour), call)) late.push(object)
  if (late.length === 0) return
  const keys = late.map(({ key }) => key)
  await store.delete(keys, call)
  onDeleted?.({ track, hour, objects: keys.length, bytes: late.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) })
}

function mediaOf(track: TrackPath, hour: Hour, facts: TrackFacts, { segments }: HourIndex): readonly ObjectKey[] {
  const keys = new Set<ObjectKey>()
  for (const { msn, placement } of segments) {
    if (placement?.kind === 'object') keys.add(recordedSegmentKey(track, hour, `${msn}.${segmentExtension(facts)}`))
    if (placement?.kind === 'pack') keys.add(packKey(track, hour, placement.id))
  }
  return [...keys]
}

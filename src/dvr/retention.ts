// Takes away what is older than its stream keeps it. An hour goes as a whole, when all of it is too old. Order: the stream
// index forgets the hour (no playlist names it any more), then its media goes, then its hour index; a crash in between is
// made up for by the next sweep.
import { HOUR_MS, type Hour, hourStartMs, packKey, recordedSegmentKey, type TrackPath } from '../storage/keys.ts'
import type { ObjectKey, ObjectStore, StoreCall } from '../storage/object-store.ts'
import type { HourIndex } from './hour-index.ts'
import type { IndexStore } from './index-store.ts'
import type { RecordedSegment } from './recorded-segment.ts'
import { type StreamIndex, withExpiring, withoutExpired } from './stream-index.ts'
import { segmentExtension, type TrackFacts } from './track-facts.ts'

/** Players may still hold a playlist that names the media: as long as the longest one is shown after its last reload. */
const PLAYLIST_GRACE_MS = 10 * 60_000

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
  /** For the ledger. */
  readonly onDeleted?: (deleted: DeletedHour) => void
}

export async function sweepStream(
  { store, indexes, now, onExpired, onReleased, onDeleted }: RetentionHost,
  stream: { readonly tenantId: string; readonly streamId: string },
  retention: Retention,
  call: StoreCall,
): Promise<Expiry> {
  const total = { hours: 0, segments: 0, bytes: 0 }
  const forget = (index: StreamIndex) => withExpiring(index, (hours) => expiredHours(hours, retention, now()))
  const index = await indexes.changeStream(stream, forget, call)
  for (const [trackId, { facts, expiring }] of Object.entries(index?.tracks ?? {})) {
    const track = { ...stream, trackId }
    for (const hour of expiring) {
      onExpired(track, hour)
      const listed = await indexes.hour(track, hour, call)
      if (listed !== null) {
        const media = mediaOf(track, hour, facts, listed)
        await store.delete(media, call)
        await onReleased(listed.segments)
        await indexes.removeHour(track, hour, call)
        const bytes = listed.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
        onDeleted?.({ track, hour, objects: media.length, bytes })
        total.segments += listed.segments.length
        total.bytes += bytes
      }
      total.hours += 1
    }
  }
  if (total.hours > 0) await indexes.changeStream(stream, (after) => withoutExpired(after, index), call)
  return total
}

function mediaOf(track: TrackPath, hour: Hour, facts: TrackFacts, { segments }: HourIndex): readonly ObjectKey[] {
  const keys = new Set<ObjectKey>()
  for (const { msn, placement } of segments) {
    if (placement?.kind === 'object') keys.add(recordedSegmentKey(track, hour, `${msn}.${segmentExtension(facts)}`))
    if (placement?.kind === 'pack') keys.add(packKey(track, hour, placement.id))
  }
  return [...keys]
}

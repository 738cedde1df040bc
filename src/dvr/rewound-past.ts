// What the playlist of a stream that goes live lists of the time before: of an earlier publisher, or an earlier process.
// Pure.
import { isSameRational, type Rational } from '../core/rational.ts'
import type { PlaylistSegment } from '../hls/media-playlist.ts'
import { type PresentedTrack, withoutHoles } from './recorded-presentation.ts'
import { isGap, type RecordedSegment } from './recorded-segment.ts'
import { segmentExtension, type TrackFacts } from './track-facts.ts'

export type PastSegment = Pick<RecordedSegment, 'msn' | 'dsn' | 'startsAtMs' | 'durationSec' | 'initName' | 'sizeBytes'>

/** Of one track, oldest first, holes and all. */
export interface PastTrack {
  readonly id: string
  readonly facts: TrackFacts
  readonly segments: readonly PastSegment[]
}

/** Without what only readers of the bytes need: a day of two tracks crosses threads. */
export function pastOf(tracks: readonly PresentedTrack[]): readonly PastTrack[] {
  return tracks.map(({ id, facts, segments }) => ({
    id,
    facts,
    segments: segments.map(({ msn, dsn, startsAtMs, durationSec, initName, sizeBytes }) => {
      return { msn, dsn, startsAtMs, durationSec, initName, sizeBytes }
    }),
  }))
}

export interface LiveTerms {
  readonly cell: Rational
  readonly targetDurationSec: number
  /** The cell that the live playlist begins with. */
  readonly firstCell: number
}

/**
 * By track, the segments to list before `firstCell`, up to it without a hole. A track that was cut otherwise has none:
 * neither numbers nor TARGETDURATION of a playlist can change.
 */
export function segmentsBefore(
  past: readonly PastTrack[],
  { cell, targetDurationSec, firstCell }: LiveTerms,
): ReadonlyMap<string, readonly PlaylistSegment[]> {
  const fitting = past
    .filter(({ facts }) => isSameRational(facts.cell, cell) && facts.targetDurationSec <= targetDurationSec)
    .map((track) => ({ ...track, segments: track.segments.filter(({ msn }) => msn < firstCell) }))
  const dsnOf = discontinuities(fitting)
  return new Map(
    fitting.flatMap(({ id, facts, segments }) => {
      if (!segments.some(({ sizeBytes }) => sizeBytes > 0)) return []
      const whole = withoutHoles(segments, facts, { dsnOf, untilMsn: firstCell })
      return [[id, whole.map((segment) => listed(segment, facts))] as const]
    }),
  )
}

/** Newest cell that has media; null when none has. */
export function newestRecorded(past: readonly PastTrack[]): number | null {
  const newest = past.flatMap(({ segments }) => segments.findLast(({ sizeBytes }) => sizeBytes > 0)?.msn ?? [])
  return newest.length === 0 ? null : Math.max(...newest)
}

/** A hole of one track has the discontinuity number of the others in that cell, or of the cell before. */
function discontinuities(tracks: readonly PastTrack[]): (msn: number) => number | null {
  const byMsn = new Map<number, number>()
  for (const { segments } of tracks) for (const { msn, dsn } of segments) byMsn.set(msn, dsn)
  return (msn) => byMsn.get(msn) ?? null
}

function listed(segment: PastSegment, facts: TrackFacts): PlaylistSegment {
  const { msn, dsn, startsAtMs, durationSec, initName } = segment
  const uri = `${msn}.${segmentExtension(facts)}`
  return { msn, dsn, uri, initUri: initName, startsAtMs, durationSec, isGap: isGap(segment), parts: [] }
}

// Puts a delta update (RFC 8216bis 6.2.5.1) onto the playlist it shortens, and compares segments.
import type { MediaPlaylist, ParentSegment, Segment } from './media-playlist-model.ts'

/** Null when the base does not hold what was skipped. A playlist without EXT-X-SKIP is returned as it is. */
export function mergeDelta(base: MediaPlaylist | null, update: MediaPlaylist): MediaPlaylist | null {
  const { skip } = update
  if (skip === null) return update
  if (base === null) return null
  const firstKept = update.mediaSequence + skip.segments
  const skipped = base.segments.filter(({ msn }) => msn >= update.mediaSequence && msn < firstKept)
  const first = skipped[0]
  if (first === undefined || skipped.length !== skip.segments) return null
  // Skipping changes neither number in the header: what was skipped is counted from there, too, with all its tags.
  const ownTags =
    first.dsn - (base.segments.find(({ msn }) => msn === first.msn - 1)?.dsn ?? base.discontinuitySequence)
  const shift = update.discontinuitySequence + ownTags - first.dsn
  const renumbered = shift === 0 ? skipped : skipped.map((segment) => ({ ...segment, dsn: segment.dsn + shift }))
  const last = renumbered.at(-1) ?? first
  const inherit = <T extends ParentSegment>(segment: T): T => ({
    ...segment,
    dsn: segment.dsn - update.discontinuitySequence + last.dsn,
    map: segment.map ?? last.map,
    key: segment.key ?? last.key,
  })
  return {
    ...update,
    segments: [...renumbered, ...update.segments.map(inherit)],
    open: update.open === null ? null : inherit(update.open),
  }
}

/** What differs between two listings of a segment, in words; empty when they agree. */
export function differences(a: Segment, b: Segment): string[] {
  const found: string[] = []
  const compare = (name: string, before: unknown, after: unknown): void => {
    if (before !== after) found.push(`${name} ${String(before)} became ${String(after)}`)
  }
  compare('URI', a.rawUri, b.rawUri)
  compare('EXTINF', a.durationSec, b.durationSec)
  compare('byte range', rangeText(a), rangeText(b))
  compare('EXT-X-GAP', a.isGap, b.isGap)
  compare('EXT-X-MAP', a.map?.url, b.map?.url)
  compare('EXT-X-KEY', a.key?.text, b.key?.text)
  // A playlist may give dates to fewer segments than before, or to more.
  if (a.pdtMs !== null && b.pdtMs !== null) compare('EXT-X-PROGRAM-DATE-TIME', a.pdtTag?.value, b.pdtTag?.value)
  return found
}

function rangeText({ range }: Segment): string {
  return range === null ? 'none' : `${range.length}@${range.offset}`
}

/** Where a playlist ends: its last parent segment and, with parts, the index of the last part. */
export interface Position {
  readonly msn: number
  readonly part: number | null
}

export function positionOf({ segments, open, mediaSequence, skip }: MediaPlaylist): Position {
  if (open !== null) return { msn: open.msn, part: open.parts.length - 1 }
  const last = segments.at(-1)
  if (last === undefined) return { msn: mediaSequence + (skip?.segments ?? 0) - 1, part: null }
  return { msn: last.msn, part: last.parts.length > 0 ? last.parts.length - 1 : null }
}

/** Positive when `a` lies behind `b`. A position without part is the end of its segment. */
export function comparePositions(a: Position, b: Position): number {
  if (a.msn !== b.msn) return a.msn - b.msn
  return (a.part ?? Number.MAX_SAFE_INTEGER) - (b.part ?? Number.MAX_SAFE_INTEGER)
}

/** Whether the playlist holds what `_HLS_msn` and `_HLS_part` ask for (6.2.5.2). */
export function holdsAsked(playlist: MediaPlaylist, msn: number, part: number | null): boolean {
  const { segments, open } = playlist
  const last = segments.at(-1)
  const lastMsn = last?.msn ?? playlist.mediaSequence + (playlist.skip?.segments ?? 0) - 1
  if (lastMsn > msn || (part === null && lastMsn === msn)) return true
  if (part === null) return false
  if (open !== null && (open.msn > msn || (open.msn === msn && open.parts.length > part))) return true
  // Parts of a complete segment need not be listed; an index beyond its last part is part 0 of the next segment.
  return lastMsn === msn && (last?.parts.length === 0 || part < (last?.parts.length ?? 0))
}

/** Seconds from the first segment to the last published part. */
export function durationSec({ segments, open }: MediaPlaylist): number {
  return segments.reduce((sum, segment) => sum + segment.durationSec, 0) + openDurationSec(open)
}

export function openDurationSec(open: ParentSegment | null): number {
  return open?.parts.reduce((sum, part) => sum + part.durationSec, 0) ?? 0
}

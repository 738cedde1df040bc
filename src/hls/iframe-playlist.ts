// I-frame playlists: RFC 8216bis 4.4.3.6. One entry for each segment of the track, so that numbers, dates and
// discontinuities are those of its media playlist: the keyframe that the segment begins with, or a gap where it has none.
import type { DateRangeLines } from './date-range.ts'
import {
  dateRangeLines,
  decimal,
  headLines,
  NO_SKIP,
  type PlaylistTerms,
  SegmentHeads,
  type Skip,
} from './playlist-lines.ts'

export interface IFrameSegment {
  readonly msn: number
  readonly dsn: number
  readonly uri: string
  readonly initUri: string | null
  readonly startsAtMs: number
  /** Until the next segment begins (4.4.3.6: until the next I-frame). */
  readonly durationSec: number
  /** Length of `moof` and the keyframe at the start of the segment; null: it begins with none. */
  readonly keyframeBytes: number | null
}

export interface IFramePlaylist extends PlaylistTerms {
  readonly segments: readonly IFrameSegment[]
  /** As in the media playlist of the track; null: that of the first segment. */
  readonly removedDsn?: number | null
  readonly dateRanges: DateRangeLines
  readonly isEnded: boolean
}

/** Whole or as a delta update. It has no parts: nobody scrubs at the live edge. */
export function renderIFramePlaylist(playlist: IFramePlaylist, skip: Skip = NO_SKIP): string {
  const { segments, isEnded } = playlist
  const headDsn = playlist.removedDsn ?? segments[0]?.dsn ?? 0
  const head = { msn: segments[0]?.msn ?? 0, dsn: headDsn }
  const lines = headLines(playlist, head, ['#EXT-X-I-FRAMES-ONLY'], skip, playlist.dateRanges)
  const heads = new SegmentHeads(segments[skip.segments - 1]?.dsn ?? headDsn)
  for (const segment of segments.slice(skip.segments)) {
    lines.push(...heads.lines(segment))
    if (segment.keyframeBytes === null) lines.push('#EXT-X-GAP')
    lines.push(`#EXTINF:${decimal(segment.durationSec)},`)
    if (segment.keyframeBytes !== null) lines.push(`#EXT-X-BYTERANGE:${segment.keyframeBytes}@0`)
    lines.push(segment.uri)
  }
  lines.push(...dateRangeLines(playlist.dateRanges, skip))
  if (isEnded) lines.push('#EXT-X-ENDLIST')
  return `${lines.join('\n')}\n`
}

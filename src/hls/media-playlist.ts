// Media playlists as text. Source of every rule: RFC 8216bis (draft-pantos-hls-rfc8216bis-22).
import type { DateRangeLines } from './date-range.ts'
import type { BlockedPlaylist } from './playlist-blocks.ts'
import {
  dateRangeLines,
  decimal,
  headLines,
  NO_SKIP,
  type PlaylistTerms,
  SegmentHeads,
  type Skip,
} from './playlist-lines.ts'

export interface PlaylistPart {
  readonly uri: string
  readonly durationSec: number
  readonly isIndependent: boolean
  /** No media came for it: listed so that the parts add up to their segment, never to be fetched. */
  readonly isGap: boolean
}

export interface PlaylistSegment {
  /** Media sequence number; neighbours in a playlist differ by exactly 1. */
  readonly msn: number
  /** Discontinuity sequence number. */
  readonly dsn: number
  readonly uri: string
  /** Null while nothing can be decoded yet (a gap at the start). */
  readonly initUri: string | null
  /** Presentation time of the first sample, in milliseconds since 1970. */
  readonly startsAtMs: number
  readonly durationSec: number
  readonly isGap: boolean
  /** All parts; only those near the end of the playlist are listed. */
  readonly parts: readonly PlaylistPart[]
}

/** The segment that is still growing: its parts are listed, its URI and length are not known to anybody. */
export type OpenSegment = Omit<PlaylistSegment, 'uri' | 'durationSec' | 'isGap'>

export interface RenditionReport {
  readonly uri: string
  readonly lastMsn: number
  readonly lastPart: number | null
}

export interface MediaPlaylist extends PlaylistTerms {
  readonly segments: readonly PlaylistSegment[]
  /** Of the segment that was listed before the first one; null when none was. */
  readonly removedDsn?: number | null
  readonly open: OpenSegment | null
  /** The part that will be published next. Null only when the playlist has ended. */
  readonly preloadUri: string | null
  readonly reports: readonly RenditionReport[]
  readonly dateRanges: DateRangeLines
  readonly isEnded: boolean
}

/** 4.4.4.9: parts further than three target durations from the end SHOULD be removed. */
const PARTS_LISTED_TARGETS = 3
/** As hls-parser reads it: three segments, the growing one included. No player starts further back than PART-HOLD-BACK. */
const PARTS_LISTED_SEGMENTS = 3

/** The playlist as served, whole or as a delta update. */
export function renderMediaPlaylist(playlist: MediaPlaylist, skip: Skip = NO_SKIP): string {
  const { segments } = playlist
  const heads = new SegmentHeads(segments[skip.segments - 1]?.dsn ?? headDsnOf(playlist))
  const lines = headOf(playlist, skip)
  const firstWithParts = firstSegmentWithParts(playlist)
  for (let index = skip.segments; index < segments.length; index++) {
    const segment = segments[index]
    if (segment !== undefined) lines.push(...segmentLines(segment, heads, index >= firstWithParts))
  }
  lines.push(...endOf(playlist, heads, skip))
  return `${lines.join('\n')}\n`
}

/** The full playlist again, for `PlaylistBlocks`. */
export function blockedMediaPlaylist(playlist: MediaPlaylist): BlockedPlaylist<PlaylistSegment> {
  const { segments } = playlist
  const firstInTail = Math.min(firstSegmentWithParts(playlist), segments.length)
  return {
    segments,
    firstInTail,
    head: text(headOf(playlist, NO_SKIP)),
    startState: { dsn: headDsnOf(playlist), initUri: null },
    lines: (some, { dsn, initUri }) => {
      const heads = new SegmentHeads(dsn, initUri)
      return { text: text(some.flatMap((segment) => segmentLines(segment, heads, false))), state: heads.state }
    },
    tail: ({ dsn, initUri }) => {
      const heads = new SegmentHeads(dsn, initUri)
      const listed = segments.slice(firstInTail).flatMap((segment) => segmentLines(segment, heads, true))
      return text([...listed, ...endOf(playlist, heads, NO_SKIP)])
    },
  }
}

function text(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

function headOf(playlist: MediaPlaylist, skip: Skip): string[] {
  const kind = [`#EXT-X-PART-INF:PART-TARGET=${decimal(playlist.partTargetSec)}`]
  const first = playlist.segments[0] ?? playlist.open
  return headLines(playlist, { msn: first?.msn ?? 0, dsn: headDsnOf(playlist) }, kind, skip, playlist.dateRanges)
}

/** 6.2.1, 6.2.2: a segment keeps its EXT-X-DISCONTINUITY until it is removed; only then is the tag counted in the header. */
function headDsnOf({ removedDsn, segments, open }: MediaPlaylist): number {
  return removedDsn ?? (segments[0] ?? open)?.dsn ?? 0
}

function segmentLines(segment: PlaylistSegment, heads: SegmentHeads, withParts: boolean): string[] {
  return [
    ...heads.lines(segment),
    ...(segment.isGap ? ['#EXT-X-GAP'] : []),
    ...(withParts ? segment.parts.map(partLine) : []),
    `#EXTINF:${decimal(segment.durationSec)},`,
    segment.uri,
  ]
}

/** What stands behind the last segment. */
function endOf(playlist: MediaPlaylist, heads: SegmentHeads, skip: Skip): string[] {
  const { open, isEnded, preloadUri, reports } = playlist
  const dateRanges = dateRangeLines(playlist.dateRanges, skip)
  if (isEnded) return [...dateRanges, '#EXT-X-ENDLIST']
  const growing = open !== null && open.parts.length > 0 ? [...heads.lines(open), ...open.parts.map(partLine)] : []
  const hint = preloadUri === null ? [] : [`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${preloadUri}"`]
  return [...growing, ...dateRanges, ...hint, ...reports.map(reportLine)]
}

function firstSegmentWithParts({ segments, open, targetDurationSec }: MediaPlaylist): number {
  const first = Math.max(0, segments.length + 1 - PARTS_LISTED_SEGMENTS)
  let aheadSec = open?.parts.reduce((sum, part) => sum + part.durationSec, 0) ?? 0
  for (let index = segments.length - 1; index >= first; index--) {
    if (aheadSec >= PARTS_LISTED_TARGETS * targetDurationSec) return index + 1
    aheadSec += segments[index]?.durationSec ?? 0
  }
  return first
}

function partLine(part: PlaylistPart): string {
  const flags = `${part.isIndependent ? ',INDEPENDENT=YES' : ''}${part.isGap ? ',GAP=YES' : ''}`
  return `#EXT-X-PART:DURATION=${decimal(part.durationSec)},URI="${part.uri}"${flags}`
}

function reportLine({ uri, lastMsn, lastPart }: RenditionReport): string {
  return `#EXT-X-RENDITION-REPORT:URI="${uri}",LAST-MSN=${lastMsn}${lastPart === null ? '' : `,LAST-PART=${lastPart}`}`
}

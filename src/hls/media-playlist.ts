// Media playlists as text. Source of every rule: RFC 8216bis (draft-pantos-hls-rfc8216bis-22).

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

export interface MediaPlaylist {
  /** 4.4.3.1, 4.4.3.7, 4.4.3.8: fixed for the life of the playlist. */
  readonly targetDurationSec: number
  readonly partTargetSec: number
  readonly hasIndependentSegments: boolean
  readonly segments: readonly PlaylistSegment[]
  readonly open: OpenSegment | null
  /** The part that will be published next. Null only when the playlist has ended. */
  readonly preloadUri: string | null
  readonly reports: readonly RenditionReport[]
  readonly isEnded: boolean
}

/** 4.4.3.8: PART-HOLD-BACK SHOULD be at least three times PART-TARGET (Apple's authoring rules: MUST). */
const PART_HOLD_BACK_PARTS = 3
/** 4.4.3.8: HOLD-BACK MUST be at least three target durations. */
const HOLD_BACK_TARGETS = 3
/** 4.4.3.8: CAN-SKIP-UNTIL MUST be at least six target durations. */
const SKIP_BOUNDARY_TARGETS = 6
/** 4.4.4.9: parts further than three target durations from the end SHOULD be removed. */
const PARTS_LISTED_TARGETS = 3
/** As hls-parser reads it: three segments, the growing one included. No player starts further back than PART-HOLD-BACK. */
const PARTS_LISTED_SEGMENTS = 3

/** How many segments a delta update leaves out: those that end before the skip boundary, counted from the end of the last segment (6.2.5.1). */
export function skippableSegments(playlist: MediaPlaylist): number {
  if (playlist.isEnded) return 0
  let aheadSec = 0
  let kept = 0
  for (const segment of playlist.segments.toReversed()) {
    if (aheadSec >= SKIP_BOUNDARY_TARGETS * playlist.targetDurationSec) break
    aheadSec += segment.durationSec
    kept++
  }
  return playlist.segments.length - kept
}

/** The playlist as served. `skip` > 0 makes it a delta update without the first `skip` segments (4.4.5.2). */
export function renderMediaPlaylist(playlist: MediaPlaylist, skip = 0): string {
  const { targetDurationSec, partTargetSec, segments, open } = playlist
  const first = segments[0] ?? open
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:9', // EXT-X-SKIP needs 9 (8.).
    `#EXT-X-TARGETDURATION:${targetDurationSec}`,
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${decimal(SKIP_BOUNDARY_TARGETS * targetDurationSec)}` +
      `,HOLD-BACK=${decimal(HOLD_BACK_TARGETS * targetDurationSec)},PART-HOLD-BACK=${decimal(PART_HOLD_BACK_PARTS * partTargetSec)}`,
    `#EXT-X-PART-INF:PART-TARGET=${decimal(partTargetSec)}`,
    `#EXT-X-MEDIA-SEQUENCE:${first?.msn ?? 0}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${first?.dsn ?? 0}`,
  ]
  if (playlist.hasIndependentSegments) lines.push('#EXT-X-INDEPENDENT-SEGMENTS')
  if (skip > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skip}`)

  const firstWithParts = firstSegmentWithParts(playlist)
  let dsn = segments[skip - 1]?.dsn ?? first?.dsn ?? 0
  let initUri: string | null = null
  const pushHead = (segment: OpenSegment) => {
    for (; dsn < segment.dsn; dsn++) lines.push('#EXT-X-DISCONTINUITY')
    if (segment.initUri !== null && segment.initUri !== initUri) {
      initUri = segment.initUri
      lines.push(`#EXT-X-MAP:URI="${initUri}"`)
    }
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${isoTime(segment.startsAtMs)}`)
  }
  for (let index = skip; index < segments.length; index++) {
    const segment = segments[index]
    if (segment === undefined) break
    pushHead(segment)
    if (segment.isGap) lines.push('#EXT-X-GAP')
    if (index >= firstWithParts) for (const part of segment.parts) lines.push(partLine(part))
    lines.push(`#EXTINF:${decimal(segment.durationSec)},`, segment.uri)
  }
  if (playlist.isEnded) {
    lines.push('#EXT-X-ENDLIST')
  } else {
    if (open !== null && open.parts.length > 0) {
      pushHead(open)
      for (const part of open.parts) lines.push(partLine(part))
    }
    if (playlist.preloadUri !== null) lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${playlist.preloadUri}"`)
    for (const report of playlist.reports) lines.push(reportLine(report))
  }
  return `${lines.join('\n')}\n`
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

export function isoTime(epochMs: number): string {
  return new Date(Math.round(epochMs)).toISOString()
}

/** Decimal seconds with as many digits as matter: 10 µs is below any frame. */
export function decimal(seconds: number): string {
  return seconds.toFixed(5)
}

// What media playlists and I-frame playlists share: head, heads of segments, the delta boundary. RFC 8216bis.
import type { DateRangeLines } from './date-range.ts'
import type { OpenSegment } from './media-playlist.ts'

/** Section 8: EXT-X-SKIP needs 9. */
export const LIVE_VERSION = 9
/** 4.4.3.8: PART-HOLD-BACK SHOULD be at least three times PART-TARGET (Apple's authoring rules: MUST). */
const PART_HOLD_BACK_PARTS = 3
/** 4.4.3.8: HOLD-BACK MUST be at least three target durations. */
const HOLD_BACK_TARGETS = 3
/** 4.4.3.8: CAN-SKIP-UNTIL MUST be at least six target durations. */
const SKIP_BOUNDARY_TARGETS = 6

/** What is fixed for the life of a presentation, and the same in all its playlists (4.4.3.8, 6.2.4). */
export interface PlaylistTerms {
  readonly targetDurationSec: number
  readonly partTargetSec: number
  readonly hasIndependentSegments: boolean
}

/** A delta update leaves out `segments` of them (4.4.5.2), and with `_HLS_skip=v2` date ranges that are not new, too. */
export interface Skip {
  readonly segments: number
  readonly isV2: boolean
}

export const NO_SKIP: Skip = { segments: 0, isV2: false }

/** CAN-SKIP-UNTIL in seconds. */
export function skipBoundarySec(targetDurationSec: number): number {
  return SKIP_BOUNDARY_TARGETS * targetDurationSec
}

/** The first lines, with EXT-X-SKIP. `first`: the oldest segment listed, also when a delta update skips it. */
export function headLines(
  { targetDurationSec, partTargetSec, hasIndependentSegments }: PlaylistTerms,
  first: { readonly msn: number; readonly dsn: number } | null,
  kindLines: readonly string[],
  skip: Skip,
  { removedIds }: DateRangeLines,
): string[] {
  const isV2 = skip.isV2 && skip.segments > 0
  const removed = isV2 ? `,RECENTLY-REMOVED-DATERANGES="${removedIds.join('\t')}"` : ''
  return [
    '#EXTM3U',
    `#EXT-X-VERSION:${isV2 ? LIVE_VERSION + 1 : LIVE_VERSION}`, // 8.: leaving out date ranges needs 10.
    `#EXT-X-TARGETDURATION:${targetDurationSec}`,
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${decimal(skipBoundarySec(targetDurationSec))}` +
      `,CAN-SKIP-DATERANGES=YES,HOLD-BACK=${decimal(HOLD_BACK_TARGETS * targetDurationSec)},PART-HOLD-BACK=${decimal(PART_HOLD_BACK_PARTS * partTargetSec)}`,
    ...kindLines,
    `#EXT-X-MEDIA-SEQUENCE:${first?.msn ?? 0}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${first?.dsn ?? 0}`,
    ...(hasIndependentSegments ? ['#EXT-X-INDEPENDENT-SEGMENTS'] : []),
    ...(skip.segments > 0 ? [`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skip.segments}${removed}`] : []),
  ]
}

/** EXT-X-DATERANGE tags: all of them, or those that a base from within the skip boundary may lack. */
export function dateRangeLines({ all, recent }: DateRangeLines, { isV2, segments }: Skip): readonly string[] {
  return isV2 && segments > 0 ? recent : all
}

type SegmentHead = Pick<OpenSegment, 'dsn' | 'initUri' | 'startsAtMs'>

/** The tags before a segment. State: what the segments before it have said. */
export class SegmentHeads {
  #dsn: number
  #initUri: string | null

  /** `dsn`: of the segment before the first one written; of that itself when there is none. */
  constructor(dsn: number, initUri: string | null = null) {
    this.#dsn = dsn
    this.#initUri = initUri
  }

  get state(): { readonly dsn: number; readonly initUri: string | null } {
    return { dsn: this.#dsn, initUri: this.#initUri }
  }

  lines(segment: SegmentHead): string[] {
    const lines: string[] = []
    for (; this.#dsn < segment.dsn; this.#dsn++) lines.push('#EXT-X-DISCONTINUITY')
    if (segment.initUri !== null && segment.initUri !== this.#initUri) {
      this.#initUri = segment.initUri
      lines.push(`#EXT-X-MAP:URI="${segment.initUri}"`)
    }
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${isoTime(segment.startsAtMs)}`)
    return lines
  }
}

/** How many segments a delta update leaves out: those that end before the skip boundary, counted from the end of the last segment (6.2.5.1). */
export function skippableSegments({
  segments,
  targetDurationSec,
  isEnded,
}: {
  readonly segments: readonly { readonly durationSec: number }[]
  readonly targetDurationSec: number
  readonly isEnded: boolean
}): number {
  if (isEnded) return 0
  let aheadSec = 0
  let kept = 0
  for (; kept < segments.length && aheadSec < SKIP_BOUNDARY_TARGETS * targetDurationSec; kept++) {
    aheadSec += segments[segments.length - 1 - kept]?.durationSec ?? 0
  }
  return segments.length - kept
}

export function isoTime(epochMs: number): string {
  return new Date(Math.round(epochMs)).toISOString()
}

/** Decimal seconds with as many digits as matter: 10 µs is below any frame. */
export function decimal(seconds: number): string {
  return seconds.toFixed(5)
}

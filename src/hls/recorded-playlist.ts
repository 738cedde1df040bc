// Media playlists over what was recorded: no parts, no blocking reload. RFC 8216bis 4.4.3.5: an EVENT playlist only
// grows, a VOD playlist never changes.
import { decimal, isoTime } from './playlist-lines.ts'

export interface RecordedPlaylistSegment {
  readonly msn: number
  readonly dsn: number
  readonly uri: string
  readonly initUri: string | null
  readonly startsAtMs: number
  readonly durationSec: number
  readonly isGap: boolean
}

export interface RecordedPlaylist {
  readonly type: 'VOD' | 'EVENT'
  readonly targetDurationSec: number
  /** Numbers rise by exactly 1. */
  readonly segments: readonly RecordedPlaylistSegment[]
  /** Nothing more will come. A VOD playlist always is. */
  readonly isEnded: boolean
}

/** Every so many numbers the date is told anyway, so that a text depends on little of what stands before it. */
const DATED_EVERY = 64

/** What lines say without saying it: it was said before. */
export interface RecordedState {
  readonly dsn: number
  readonly initUri: string | null
  /** When the next segment starts if lengths tell the time; NaN before the first, null: no dates are told. */
  readonly expectedMs: number | null
}

export function renderRecordedPlaylist(playlist: RecordedPlaylist): string {
  const first = playlist.segments[0] ?? null
  const { text } = recordedLines(playlist.segments, recordedStart(first))
  return recordedHead(playlist, first) + text + recordedEnd(playlist)
}

/** EXT-X-GAP needs 8, EXT-X-MAP 6, decimals 3 (8.). What may come later counts: the version of a playlist stays. */
export function recordedVersion({
  mayHaveGaps,
  hasInit,
}: {
  readonly mayHaveGaps: boolean
  readonly hasInit: boolean
}): number {
  if (mayHaveGaps) return 8
  return hasInit ? 6 : 3
}

/** `isDated` false: what is played has no time of day. */
export function recordedStart(first: Pick<RecordedPlaylistSegment, 'dsn'> | null, isDated = true): RecordedState {
  return { dsn: first?.dsn ?? 0, initUri: null, expectedMs: isDated ? Number.NaN : null }
}

export function recordedHead(
  { type, targetDurationSec }: Pick<RecordedPlaylist, 'type' | 'targetDurationSec'>,
  first: Pick<RecordedPlaylistSegment, 'msn' | 'dsn'> | null,
  version = recordedVersion({ mayHaveGaps: true, hasInit: true }),
): string {
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${version}`,
    `#EXT-X-TARGETDURATION:${targetDurationSec}`,
    `#EXT-X-PLAYLIST-TYPE:${type}`,
    `#EXT-X-MEDIA-SEQUENCE:${first?.msn ?? 0}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${first?.dsn ?? 0}`,
  ]
  return `${lines.join('\n')}\n`
}

export function recordedEnd({ isEnded }: Pick<RecordedPlaylist, 'isEnded'>): string {
  return isEnded ? '#EXT-X-ENDLIST\n' : ''
}

/** Each line ends with a line feed. `state`: behind the segments before. */
export function recordedLines(
  segments: Iterable<RecordedPlaylistSegment>,
  state: RecordedState,
): { readonly text: string; readonly state: RecordedState } {
  const lines: string[] = []
  let { dsn, initUri, expectedMs } = state
  for (const segment of segments) {
    const isCut = segment.dsn !== dsn
    for (; dsn < segment.dsn; dsn++) lines.push('#EXT-X-DISCONTINUITY')
    if (segment.initUri !== null && segment.initUri !== initUri) {
      initUri = segment.initUri
      lines.push(`#EXT-X-MAP:URI="${initUri}"`)
    }
    if (expectedMs !== null) {
      // Where durations tell the time to the millisecond, they tell it.
      const isTold = Math.abs(segment.startsAtMs - expectedMs) < 1 && segment.msn % DATED_EVERY !== 0
      if (isCut || !isTold) {
        lines.push(`#EXT-X-PROGRAM-DATE-TIME:${isoTime(segment.startsAtMs)}`)
        expectedMs = segment.startsAtMs
      }
      expectedMs += segment.durationSec * 1000
    }
    if (segment.isGap) lines.push('#EXT-X-GAP')
    lines.push(`#EXTINF:${decimal(segment.durationSec)},`, segment.uri)
  }
  return { text: lines.length === 0 ? '' : `${lines.join('\n')}\n`, state: { dsn, initUri, expectedMs } }
}

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

export function renderRecordedPlaylist({ type, targetDurationSec, segments, isEnded }: RecordedPlaylist): string {
  const first = segments[0]
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:8', // EXT-X-GAP needs 8 (8.).
    `#EXT-X-TARGETDURATION:${targetDurationSec}`,
    `#EXT-X-PLAYLIST-TYPE:${type}`,
    `#EXT-X-MEDIA-SEQUENCE:${first?.msn ?? 0}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${first?.dsn ?? 0}`,
  ]
  let dsn = first?.dsn ?? 0
  let initUri: string | null = null
  let expectedMs = Number.NaN
  for (const segment of segments) {
    const isCut = segment.dsn !== dsn
    for (; dsn < segment.dsn; dsn++) lines.push('#EXT-X-DISCONTINUITY')
    if (segment.initUri !== null && segment.initUri !== initUri) {
      initUri = segment.initUri
      lines.push(`#EXT-X-MAP:URI="${initUri}"`)
    }
    // Where durations tell the time to the millisecond, they tell it.
    if (isCut || !(Math.abs(segment.startsAtMs - expectedMs) < 1)) {
      lines.push(`#EXT-X-PROGRAM-DATE-TIME:${isoTime(segment.startsAtMs)}`)
      expectedMs = segment.startsAtMs
    }
    expectedMs += segment.durationSec * 1000
    if (segment.isGap) lines.push('#EXT-X-GAP')
    lines.push(`#EXTINF:${decimal(segment.durationSec)},`, segment.uri)
  }
  if (isEnded) lines.push('#EXT-X-ENDLIST')
  return `${lines.join('\n')}\n`
}

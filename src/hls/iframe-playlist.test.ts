import { parse } from 'hls-parser'
import { expect, test } from 'vitest'
import { NO_DATE_RANGES } from './date-range.ts'
import { type IFrameSegment, renderIFramePlaylist } from './iframe-playlist.ts'
import { skippableSegments } from './playlist-lines.ts'

const TERMS = { targetDurationSec: 2, partTargetSec: 0.214, hasIndependentSegments: false, dateRanges: NO_DATE_RANGES }

function segments(count: number, changed: (msn: number) => Partial<IFrameSegment> = () => ({})): IFrameSegment[] {
  return Array.from({ length: count }, (_, index) => {
    const msn = 100 + index
    const startsAtMs = Date.UTC(2026, 10, 21) + index * 2000
    return {
      ...{
        msn,
        dsn: 4,
        uri: `${msn}.m4s`,
        initUri: 'init-a.mp4',
        startsAtMs,
        durationSec: 2,
        keyframeBytes: 5000 + msn,
      },
      ...changed(msn),
    }
  })
}

test('an I-frame playlist, word for word: a segment without keyframe is a gap', () => {
  const changed = (msn: number) =>
    msn === 101 ? { keyframeBytes: null } : msn > 101 ? { dsn: 5, initUri: 'init-b.mp4' } : {}
  const text = renderIFramePlaylist({ ...TERMS, segments: segments(3, changed), isEnded: false })
  expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.00000,CAN-SKIP-DATERANGES=YES,HOLD-BACK=6.00000,PART-HOLD-BACK=0.64200
#EXT-X-I-FRAMES-ONLY
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:4
#EXT-X-MAP:URI="init-a.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T00:00:00.000Z
#EXTINF:2.00000,
#EXT-X-BYTERANGE:5100@0
100.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T00:00:02.000Z
#EXT-X-GAP
#EXTINF:2.00000,
101.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-b.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T00:00:04.000Z
#EXTINF:2.00000,
#EXT-X-BYTERANGE:5102@0
102.m4s
`)
  expect(parse(text)).toMatchObject({ isIFrame: true, mediaSequenceBase: 100 })
})

test('a delta update leaves out what a media playlist of the same segments would, and ends with the stream', () => {
  const playlist = { ...TERMS, segments: segments(15), isEnded: false }
  const skip = skippableSegments(playlist)
  expect(skip).toBe(9)
  const text = renderIFramePlaylist(playlist, { segments: skip, isV2: false })
  expect(text).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=9\n#EXT-X-MAP')
  expect(text.match(/\.m4s/g)).toHaveLength(6)
  expect(renderIFramePlaylist({ ...playlist, isEnded: true }).endsWith('#EXT-X-ENDLIST\n')).toBe(true)
})

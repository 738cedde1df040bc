import fc from 'fast-check'
import { parse, setOptions } from 'hls-parser'
import { Parser } from 'm3u8-parser'
import { expect, test } from 'vitest'
import { NO_DATE_RANGES } from './date-range.ts'
import { type MediaPlaylist, type PlaylistSegment, renderMediaPlaylist } from './media-playlist.ts'
import { skippableSegments } from './playlist-lines.ts'

setOptions({ strictMode: true })

const START_MS = Date.UTC(2026, 10, 21, 12, 0, 0)

function segment(msn: number, changed: Partial<PlaylistSegment> = {}): PlaylistSegment {
  return {
    msn,
    dsn: 4,
    uri: `${msn}.m4s`,
    initUri: 'init-a.mp4',
    startsAtMs: START_MS + (msn - 100) * 2000,
    durationSec: 2,
    isGap: false,
    parts: [0, 1].map((part) => ({
      uri: `p4-${msn}${part}.m4s`,
      durationSec: 1,
      isIndependent: part === 0,
      isGap: false,
    })),
    ...changed,
  }
}

function playlist(segments: readonly PlaylistSegment[], changed: Partial<MediaPlaylist> = {}): MediaPlaylist {
  return {
    targetDurationSec: 4,
    partTargetSec: 1,
    hasIndependentSegments: false,
    segments,
    open: null,
    preloadUri: 'p4-next.m4s',
    reports: [],
    dateRanges: NO_DATE_RANGES,
    isEnded: false,
    ...changed,
  }
}

function range(first: number, count: number, changed: (msn: number) => Partial<PlaylistSegment> = () => ({})) {
  return Array.from({ length: count }, (_, index) => segment(first + index, changed(first + index)))
}

/** Both judges must read it without complaint. */
function judged(text: string) {
  const warnings: string[] = []
  const parser = new Parser()
  parser.on('warn', ({ message }) => warnings.push(message))
  parser.push(text)
  parser.end()
  expect(warnings).toEqual([])
  const parsed = parse(text)
  if (parsed.isMasterPlaylist) throw new Error('not a media playlist')
  return parsed
}

function lines(text: string, pattern: RegExp): string[] {
  return text.split('\n').filter((line) => pattern.test(line))
}

test('a live playlist, word for word', () => {
  const text = renderMediaPlaylist(
    playlist([segment(100), segment(101)], {
      open: { ...segment(102), parts: [{ uri: 'p4-1020.m4s', durationSec: 1, isIndependent: true, isGap: false }] },
      reports: [{ uri: '../a0/playlist.m3u8', lastMsn: 102, lastPart: 0 }],
    }),
  )
  expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24.00000,CAN-SKIP-DATERANGES=YES,HOLD-BACK=12.00000,PART-HOLD-BACK=3.00000
#EXT-X-PART-INF:PART-TARGET=1.00000
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:4
#EXT-X-MAP:URI="init-a.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T12:00:00.000Z
#EXT-X-PART:DURATION=1.00000,URI="p4-1000.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1.00000,URI="p4-1001.m4s"
#EXTINF:2.00000,
100.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T12:00:02.000Z
#EXT-X-PART:DURATION=1.00000,URI="p4-1010.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=1.00000,URI="p4-1011.m4s"
#EXTINF:2.00000,
101.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T12:00:04.000Z
#EXT-X-PART:DURATION=1.00000,URI="p4-1020.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p4-next.m4s"
#EXT-X-RENDITION-REPORT:URI="../a0/playlist.m3u8",LAST-MSN=102,LAST-PART=0
`)
  expect(judged(text).lowLatencyCompatibility).toMatchObject({ canBlockReload: true, partHoldBack: 3 })
})

test('the end has ENDLIST, and neither hint, report nor open parts', () => {
  const text = renderMediaPlaylist(
    playlist([segment(100)], {
      isEnded: true,
      open: segment(101),
      reports: [{ uri: '../a0/playlist.m3u8', lastMsn: 100, lastPart: null }],
    }),
  )
  expect(text).not.toMatch(/PRELOAD-HINT|RENDITION-REPORT|p4-1010/)
  expect(text.endsWith('100.m4s\n#EXT-X-ENDLIST\n')).toBe(true)
  expect(judged(text).endlist).toBe(true)
})

test('a growing segment without parts is not mentioned', () => {
  const text = renderMediaPlaylist(playlist([segment(100)], { open: { ...segment(101), parts: [] } }))
  expect(lines(text, /PROGRAM-DATE-TIME/)).toHaveLength(1)
  judged(text)
})

test('only parts near the end are listed, and the media stays', () => {
  const text = renderMediaPlaylist(playlist(range(100, 10), { targetDurationSec: 2 }))
  const parsed = judged(text)
  expect(parsed.segments.filter(({ parts }) => parts.some(({ hint }) => !hint)).map((each) => each.uri)).toEqual([
    '108.m4s',
    '109.m4s',
  ])
  expect(lines(text, /\.m4s$/)).toHaveLength(10)
})

test('a gap has its tag, its duration and no parts', () => {
  const text = renderMediaPlaylist(
    playlist([segment(100), segment(101, { isGap: true, parts: [], durationSec: 3.5 }), segment(102)]),
  )
  expect(text).toContain('#EXT-X-GAP\n#EXTINF:3.50000,\n101.m4s\n')
  expect(judged(text).segments[1]).toMatchObject({ gap: true, duration: 3.5, parts: [] })
})

test('nothing that can be decoded yet: a gap before the first init segment has no MAP', () => {
  const text = renderMediaPlaylist(
    playlist([segment(100, { isGap: true, parts: [], initUri: null }), segment(101), segment(102)]),
  )
  expect(text.indexOf('#EXT-X-MAP')).toBeGreaterThan(text.indexOf('100.m4s'))
})

test('a new clock and configuration: DISCONTINUITY, MAP and date come before the first part', () => {
  const after = { dsn: 5, initUri: 'init-b.mp4' }
  const text = renderMediaPlaylist(playlist([segment(100), segment(101, after)], { open: segment(102, after) }))
  expect(text).toContain(`100.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init-b.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T12:00:02.000Z
#EXT-X-PART:`)
  expect(lines(text, /DISCONTINUITY$/)).toHaveLength(1)
  expect(
    judged(text)
      .segments.map(({ discontinuitySequence }) => discontinuitySequence)
      .slice(0, 2),
  ).toEqual([4, 5])
})

test('a discontinuity in the growing segment is told with its first part', () => {
  const text = renderMediaPlaylist(playlist([segment(100)], { open: segment(101, { dsn: 5 }) }))
  expect(text).toMatch(/100\.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME.*\n#EXT-X-PART/)
})

test('when a segment leaves the window, every other keeps its discontinuity number', () => {
  const all = [
    ...range(100, 3),
    ...range(103, 3, () => ({ dsn: 5 })),
    // Two entries that nobody saw media of lie between.
    ...range(106, 3, () => ({ dsn: 8 })),
  ]
  for (let first = 0; first < all.length; first++) {
    const parsed = judged(renderMediaPlaylist(playlist(all.slice(first))))
    expect(parsed.discontinuitySequenceBase).toBe(all[first]!.dsn)
    let dsn = parsed.discontinuitySequenceBase ?? 0
    const text = renderMediaPlaylist(playlist(all.slice(first)))
    for (const line of text.split('\n')) {
      if (line === '#EXT-X-DISCONTINUITY') dsn++
      const msn = /^(\d+)\.m4s$/.exec(line)?.[1]
      if (msn !== undefined) expect(dsn).toBe(all.find((each) => each.msn === Number(msn))!.dsn)
    }
  }
})

test('a delta leaves out what ends at or before the skip boundary, to the tick', () => {
  // The boundary lies six target durations of 4 s before the end: twelve segments of 2 s.
  expect(skippableSegments(playlist(range(100, 12)))).toBe(0)
  expect(skippableSegments(playlist(range(100, 13)))).toBe(1)
  expect(skippableSegments(playlist([...range(100, 12), segment(112, { durationSec: 1.999 })]))).toBe(0)
  expect(skippableSegments(playlist([...range(100, 12), segment(112, { durationSec: 2.001 })]))).toBe(1)
  expect(skippableSegments(playlist(range(100, 60), { isEnded: true }))).toBe(0)
})

test('what is growing does not move the skip boundary', () => {
  const open = segment(113)
  expect(skippableSegments(playlist(range(100, 13), { open }))).toBe(1)
})

test('a delta keeps media sequence and discontinuity number, and names the init segment again', () => {
  const segments = range(100, 20)
  const text = renderMediaPlaylist(playlist(segments), { segments: skippableSegments(playlist(segments)), isV2: false })
  expect(text).toContain(`#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-DISCONTINUITY-SEQUENCE:4
#EXT-X-SKIP:SKIPPED-SEGMENTS=8
#EXT-X-MAP:URI="init-a.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T12:00:16.000Z
#EXTINF:2.00000,
108.m4s
`)
  expect(judged(text).skip).toBe(8)
})

test('a delta that starts behind a discontinuity does not tell it again; one that starts with it does', () => {
  const segments = range(100, 20, (msn) => ({ dsn: msn < 108 ? 4 : 5 }))
  expect(lines(renderMediaPlaylist(playlist(segments), { segments: 8, isV2: false }), /DISCONTINUITY$/)).toHaveLength(1)
  expect(lines(renderMediaPlaylist(playlist(segments), { segments: 9, isV2: false }), /DISCONTINUITY$/)).toHaveLength(0)
  expect(lines(renderMediaPlaylist(playlist(segments), { segments: 7, isV2: false }), /DISCONTINUITY$/)).toHaveLength(1)
})

test('a delta is the tail of the full playlist, whatever the segments are', () => {
  const arbitrary = fc.array(
    fc.record({ durationSec: fc.double({ min: 0.1, max: 4, noNaN: true }), isGap: fc.boolean(), isNew: fc.boolean() }),
    { minLength: 1, maxLength: 60 },
  )
  fc.assert(
    fc.property(arbitrary, (drafts) => {
      let dsn = 0
      const segments = drafts.map(({ durationSec, isGap, isNew }, index) => {
        if (isNew) dsn++
        const changed = { durationSec, isGap, dsn, initUri: `init-${dsn}.mp4`, ...(isGap ? { parts: [] } : {}) }
        return segment(100 + index, changed)
      })
      const whole = playlist(segments)
      const skip = skippableSegments(whole)
      const keptSec = segments.slice(skip).reduce((sum, each) => sum + each.durationSec, 0)
      expect(skip === 0 || keptSec >= 24).toBe(true)
      expect(keptSec - segments[skip]!.durationSec).toBeLessThan(24)
      const full = renderMediaPlaylist(whole).split('\n')
      const delta = renderMediaPlaylist(whole, { segments: skip, isV2: false }).split('\n')
      const tail = delta.slice(delta.indexOf(`${100 + skip}.m4s`))
      expect(full.slice(-tail.length)).toEqual(tail)
      const discontinuities = (text: readonly string[]) => text.filter((line) => line === '#EXT-X-DISCONTINUITY').length
      const skipped = skip === 0 ? 0 : segments[skip - 1]!.dsn - segments[0]!.dsn
      expect(discontinuities(delta)).toBe(discontinuities(full) - skipped)
    }),
    { numRuns: 200 },
  )
})

test('dates are rounded to the millisecond, durations to ten microseconds', () => {
  const text = renderMediaPlaylist(playlist([segment(100, { startsAtMs: START_MS + 0.6, durationSec: 2.0020004 })]))
  expect(text).toContain('#EXT-X-PROGRAM-DATE-TIME:2026-11-21T12:00:00.001Z')
  expect(text).toContain('#EXTINF:2.00200,')
})

test('equal state gives equal bytes', () => {
  const state = () => playlist(range(100, 20), { open: segment(120) })
  expect(renderMediaPlaylist(state())).toBe(renderMediaPlaylist(state()))
})

test('a segment keeps its DISCONTINUITY until it is removed, and only then the header counts it', () => {
  const segments = Array.from({ length: 3 }, (_, index) => segment(100 + index, { dsn: 5 }))
  const kept = renderMediaPlaylist({ ...playlist(segments), removedDsn: 4 })
  expect(kept).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:4\n')
  expect(lines(kept, /DISCONTINUITY$/)).toHaveLength(1)
  const removed = renderMediaPlaylist({ ...playlist(segments), removedDsn: 5 })
  expect(removed).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:5\n')
  expect(lines(removed, /DISCONTINUITY$/)).toHaveLength(0)
})

test('a delta for v2 leaves old date ranges out, names the removed ones, and needs version 10; the others do not', () => {
  const dateRanges = {
    all: ['#EXT-X-DATERANGE:ID="a"', '#EXT-X-DATERANGE:ID="b"'],
    recent: ['#EXT-X-DATERANGE:ID="b"'],
    removedIds: ['x', 'y'],
  }
  const whole = playlist(range(100, 20), { dateRanges })
  const ids = (text: string) => lines(text, /DATERANGE:/).map((line) => line.slice(-2, -1))
  const full = renderMediaPlaylist(whole)
  const delta = renderMediaPlaylist(whole, { segments: 8, isV2: false })
  const v2 = renderMediaPlaylist(whole, { segments: 8, isV2: true })
  expect([full, delta, v2].map((text) => ids(text).join(''))).toEqual(['ab', 'ab', 'b'])
  expect([full, delta, v2].map((text) => /VERSION:(\d+)/.exec(text)?.[1])).toEqual(['9', '9', '10'])
  expect(v2).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=8,RECENTLY-REMOVED-DATERANGES="x\ty"\n')
  expect(renderMediaPlaylist(whole, { segments: 0, isV2: true })).toBe(full)
})

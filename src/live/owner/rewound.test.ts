// A stream that is recorded goes live again: its playlist reaches back over what was recorded before.
import { expect, test } from 'vitest'
import { rational } from '../../core/rational.ts'
import type { PastSegment, PastTrack } from '../../dvr/rewound-past.ts'
import type { CommonFacts, TrackFacts } from '../../dvr/track-facts.ts'
import { TIMELINE_EPOCH_MS } from '../../media/timeline/cell.ts'
import { flv, NOON_MS, Stage } from './live-stage.test-support.ts'

const CELL_MS = 2000
const FIRST_CELL = (NOON_MS - TIMELINE_EPOCH_MS) / CELL_MS
const DVR = { isEnabled: true, rewindMs: 3_600_000, retentionMs: 7_200_000 }
const COMMON: CommonFacts = { cell: rational(2, 1), targetDurationSec: 4, hasIndependentSegments: false }
const VIDEO: TrackFacts = {
  ...COMMON,
  kind: 'video',
  codecs: 'avc1.42c00b',
  widthPx: 160,
  heightPx: 90,
  frameRate: rational(30, 1),
}
const AUDIO: TrackFacts = {
  ...COMMON,
  kind: 'audio',
  codecs: 'mp4a.40.2',
  codec: 'aac',
  channels: 2,
  language: 'und',
  name: null,
  role: null,
  isDefault: true,
}

/** Cells before noon, counted backwards: 10 is twenty seconds before. */
function recorded(facts: TrackFacts, cells: readonly number[], dsnOf: (cell: number) => number = () => 0): PastTrack {
  const segments = cells.map((before): PastSegment => {
    const msn = FIRST_CELL - before
    const startsAtMs = NOON_MS - before * CELL_MS
    return { msn, dsn: dsnOf(before), startsAtMs, durationSec: 2, initName: `init-${facts.kind}.mp4`, sizeBytes: 1000 }
  })
  return { id: facts.kind === 'video' ? 'v0' : 'a0', facts, segments }
}

function countdown(from: number, to: number): number[] {
  return Array.from({ length: from - to + 1 }, (_, index) => from - index)
}

async function live(past: readonly PastTrack[], settings = DVR): Promise<Stage> {
  const stage = new Stage({ settings: { dvr: settings }, past })
  await stage.feed(stage.open('flv'), await flv({ seconds: 8 }))
  return stage
}

test('the playlist begins with what was recorded before, and goes on without a hole', async () => {
  const stage = await live([recorded(VIDEO, countdown(10, 4)), recorded(AUDIO, countdown(10, 3))])
  for (const track of ['v0', 'a0']) {
    const segments = stage.segments(track)
    expect(segments.map(({ msn }) => msn)).toEqual(segments.map((_, index) => FIRST_CELL - 10 + index))
    expect(segments.length).toBeGreaterThan(12)
    const gaps = segments.filter(({ isGap }) => isGap).map(({ msn }) => FIRST_CELL - msn)
    expect(gaps).toEqual(track === 'v0' ? [3, 2, 1] : [2, 1])
    const { segments: parsed } = stage.playlist(track)
    expect(parsed[0]?.map?.uri).toBe(track === 'v0' ? 'init-video.mp4' : 'init-audio.mp4')
    // Dates follow lengths, but for where the first picture lies in its cell.
    const dated = parsed.flatMap(({ programDateTime, duration, uri }) =>
      programDateTime === undefined || uri === ''
        ? []
        : [{ atMs: programDateTime.getTime(), lastsMs: duration * 1000 }],
    )
    for (const [index, { atMs, lastsMs }] of dated.slice(0, -1).entries())
      expect(Math.abs((dated[index + 1]?.atMs ?? 0) - atMs - lastsMs)).toBeLessThan(CELL_MS)
  }
})

test('tracks change to the next discontinuity in the same cell, also where one of them has a hole', async () => {
  const dsnOf = (before: number) => (before > 6 ? 0 : 1)
  const holed = countdown(10, 2).filter((before) => before < 5 || before > 7)
  const stage = await live([recorded(VIDEO, holed, dsnOf), recorded(AUDIO, countdown(10, 2), dsnOf)])
  const numbers = (track: string) => stage.segments(track).map(({ msn, dsn }) => [FIRST_CELL - msn, dsn])
  expect(numbers('v0').slice(0, 9)).toEqual(numbers('a0').slice(0, 9))
  expect(numbers('v0').find(([, dsn]) => dsn === 1)?.[0]).toBe(6)
})

test('numbers that were recorded are not given to other bytes', async () => {
  const stage = await live([recorded(VIDEO, countdown(5, -1)), recorded(AUDIO, countdown(5, -1))])
  for (const track of ['v0', 'a0']) {
    const segments = stage.segments(track)
    expect(segments.map(({ msn }) => msn)).toEqual(segments.map((_, index) => FIRST_CELL - 5 + index))
    expect(stage.playlist(track).segments[6]?.uri).toBe(`${FIRST_CELL + 1}.m4s`)
    expect(stage.media(track, `${FIRST_CELL + 1}.m4s`)).toBeNull()
    expect(stage.media(track, `${FIRST_CELL + 2}.m4s`)).not.toBeNull()
  }
})

test.each([
  ['what was cut in other lengths', { ...VIDEO, cell: rational(4, 1), targetDurationSec: 8 }, DVR],
  ['what a stream recorded that records no more', VIDEO, { ...DVR, isEnabled: false }],
])('%s is not listed', async (_, facts, settings) => {
  const stage = await live([recorded(facts as TrackFacts, countdown(10, 1))], settings)
  expect(stage.segments('v0')[0]?.msn).toBeGreaterThanOrEqual(FIRST_CELL)
})

test('the playlist reaches back over the rewind and no further', async () => {
  const stage = await live([recorded(VIDEO, countdown(100, 1))], { ...DVR, rewindMs: 60_000 })
  expect(stage.segments('v0')[0]?.msn).toBe(FIRST_CELL - 30)
})

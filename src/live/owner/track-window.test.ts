import { expect, test } from 'vitest'
import { TrackWindow } from './track-window.ts'

function head(msn: number, initUri: string | null = 'init-a.mp4') {
  return { msn, dsn: 0, initUri, startsAtMs: msn * 2000 }
}

function addSegment(window: TrackWindow, msn: number, options: { sec?: number; bytes?: number; init?: string } = {}) {
  const { sec = 2, bytes = 1000, init = 'init-a.mp4' } = options
  window.startSegment(head(msn, init))
  for (const half of [0, 1]) {
    window.addPart({
      uri: `p${msn}-${half}`,
      durationSec: sec / 2,
      isIndependent: half === 0,
      isGap: false,
      keyframeBytes: null,
      slice: { slabId: 1, offset: (2 * msn + half) * bytes, length: bytes / 2 },
    })
  }
  return window.endSegment(sec)
}

test('a finished segment has the bytes of its parts, and the length it is told', () => {
  const window = new TrackWindow()
  window.startSegment(head(7))
  window.addPart({
    uri: 'a',
    durationSec: 0.5,
    isIndependent: true,
    isGap: false,
    keyframeBytes: null,
    slice: { slabId: 1, offset: 0, length: 10 },
  })
  window.addPart({
    uri: 'b',
    durationSec: 0.25,
    isIndependent: false,
    isGap: false,
    keyframeBytes: null,
    slice: { slabId: 1, offset: 10, length: 5 },
  })
  window.addPart({
    uri: 'c',
    durationSec: 0.25,
    isIndependent: false,
    isGap: false,
    keyframeBytes: null,
    slice: { slabId: 2, offset: 0, length: 7 },
  })
  expect(window.openParts).toHaveLength(3)
  expect(window.endSegment(1)).toEqual({
    name: '7.m4s',
    slices: [
      { slabId: 1, offset: 0, length: 15 },
      { slabId: 2, offset: 0, length: 7 },
    ],
  })
  expect(window.newest).toMatchObject({ msn: 7, uri: '7.m4s', durationSec: 1, isGap: false })
  expect(window.open).toBeNull()
})

test('a segment that never got a part does not exist', () => {
  const window = new TrackWindow()
  window.startSegment(head(7))
  expect(window.endSegment(2)).toBeNull()
  expect(window.endSegment(2)).toBeNull()
  expect(window.segments).toEqual([])
})

test('the newest segments that together reach the window are listed, the rest is kept until it is pruned', () => {
  const window = new TrackWindow()
  for (let msn = 1; msn <= 20; msn++) addSegment(window, msn)
  expect(window.listed(5).map(({ msn }) => msn)).toEqual([18, 19, 20])
  expect(window.listed(4).map(({ msn }) => msn)).toEqual([19, 20])
  expect(window.prune(10).map(({ msn }) => msn)).toEqual(Array.from({ length: 15 }, (_, index) => index + 1))
  expect(window.segments).toHaveLength(5)
  expect(window.prune(10)).toEqual([])
})

test('gaps count for the window and not for the bit rate', () => {
  const window = new TrackWindow()
  addSegment(window, 1, { bytes: 1000 })
  window.addGap(head(2), 2, [
    { uri: 'p2', durationSec: 2, isIndependent: false, isGap: true, keyframeBytes: null, slice: null },
  ])
  expect(window.averageBps).toBe(4000)
  expect(window.peakBps).toBe(4000)
  expect(window.listed(4).map(({ isGap }) => isGap)).toEqual([false, true])
})

test('a first segment of one keyframe does not set the peak for ever', () => {
  const window = new TrackWindow()
  addSegment(window, 1, { sec: 0.04, bytes: 100_000 })
  expect(window.peakBps).toBe(20_000_000)
  addSegment(window, 2, { bytes: 500_000 })
  expect(window.peakBps).toBe(2_000_000)
  addSegment(window, 3, { sec: 0.04, bytes: 100_000 })
  expect(window.peakBps).toBe(2_000_000)
  addSegment(window, 4, { bytes: 750_000 })
  addSegment(window, 5, { bytes: 250_000 })
  expect(window.peakBps).toBe(3_000_000)
})

test('it knows which init segments its segments need', () => {
  const window = new TrackWindow()
  addSegment(window, 1, { init: 'a' })
  addSegment(window, 2, { init: 'b' })
  window.startSegment(head(3, 'c'))
  expect([...window.initUris]).toEqual(['a', 'b', 'c'])
  window.prune(2)
  expect([...window.initUris]).toEqual(['b', 'c'])
})

test('what is remembered of the past stays listed without parts, as far as it reaches, and then goes from the front', () => {
  const window = new TrackWindow()
  const listed = () => window.listed(6).map(({ msn, parts }) => [msn, parts.length])
  for (let msn = 1; msn <= 8; msn += 1) addSegment(window, msn)
  window.rememberPast(window.prune(6), 8)
  expect(listed()).toEqual([...[2, 3, 4, 5].map((msn) => [msn, 0]), ...[6, 7, 8].map((msn) => [msn, 2])])
  expect(window.removedDsn(6)).toBe(0)
  addSegment(window, 9)
  window.rememberPast(window.prune(6), 8)
  expect(listed().map(([msn]) => msn)).toEqual([3, 4, 5, 6, 7, 8, 9])
  window.forgetPast()
  expect(listed().map(([msn]) => msn)).toEqual([7, 8, 9])
})

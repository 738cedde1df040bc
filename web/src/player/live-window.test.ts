import { expect, test } from 'vitest'
import {
  dateAt,
  gapAt,
  type LiveWindow,
  mediaTimeAt,
  type PlaylistFragments,
  playableFrom,
  windowOf,
} from './live-window.ts'

const T0 = Date.parse('2026-11-21T10:00:00.000Z')
const segment = (index: number, more: { cc?: number; gap?: boolean; programDateTime?: number } = {}) => ({
  programDateTime: T0 + index * 2000,
  duration: 2,
  start: 100 + index * 2,
  cc: 0,
  ...more,
})

function windowWith(details: PlaylistFragments): LiveWindow {
  const window = windowOf(details)
  if (window === null) throw new Error('no window')
  return window
}

/** 200 segments; of some the facts are others. */
function long(change: (index: number) => Parameters<typeof segment>[1] = () => ({})): LiveWindow {
  return windowWith({
    fragments: Array.from({ length: 200 }, (_, index) => segment(index, change(index))),
    partEnd: 500,
  })
}

test('a window runs from the first program date time to the newest part', () => {
  const window = windowWith({ fragments: [segment(0), segment(1)], partEnd: 104.6 })
  expect(window.startMs).toBe(T0)
  expect(window.endMs).toBeCloseTo(T0 + 4600, 3)
  expect(window.spans).toHaveLength(3)
})

test('gaps and discontinuities are kept apart', () => {
  const { spans } = windowWith({
    fragments: [segment(0), segment(1, { gap: true }), segment(2, { cc: 1 })],
    partEnd: 106,
  })
  expect(spans.map((each) => each.isGap)).toEqual([false, true, false])
  expect(spans.map((each) => each.startsDiscontinuity)).toEqual([false, false, true])
})

test('a long playlist is a few spans: media, gaps, and what another clock began', () => {
  const { spans } = long((index) => ({ gap: index >= 50 && index < 80, cc: index < 120 ? 0 : 1 }))
  expect(spans.map(({ startMs, endMs, isGap }) => [(startMs - T0) / 2000, (endMs - T0) / 2000, isGap])).toEqual([
    [0, 50, false],
    [50, 80, true],
    [80, 120, false],
    [120, 200, false],
  ])
  expect(spans.map(({ startsDiscontinuity }) => startsDiscontinuity)).toEqual([false, false, false, true])
})

test('the growing segment belongs to the media before it', () => {
  const window = windowWith({
    fragments: Array.from({ length: 200 }, (_, index) => segment(index)),
    partEnd: 500.8,
  })
  expect(window.spans).toHaveLength(1)
  expect(window.spans[0]?.endMs).toBe(window.endMs)
})

test('a playlist without program date times has no window', () => {
  expect(windowOf({ fragments: [{ ...segment(0), programDateTime: null }], partEnd: 102 })).toBeNull()
  expect(windowOf({ fragments: [], partEnd: 0 })).toBeNull()
})

test('a click outside the window lands on its edge', () => {
  const window = windowWith({ fragments: [segment(0), segment(1)], partEnd: 104 })
  expect(mediaTimeAt(window, T0 + 1500)).toBeCloseTo(101.5)
  expect(mediaTimeAt(window, T0 - 99_000)).toBe(100)
  expect(mediaTimeAt(window, T0 + 99_000)).toBe(104)
})

test('an hour that the clock jumped over moves no media', () => {
  const window = long((index) => (index < 100 ? {} : { programDateTime: T0 + 3_600_000 + index * 2000 }))
  expect(mediaTimeAt(window, T0 + 99 * 2000)).toBeCloseTo(298)
  expect(mediaTimeAt(window, T0 + 3_600_000 + 110 * 2000)).toBeCloseTo(320)
  expect(mediaTimeAt(window, T0 + 1_800_000)).toBeCloseTo(300)
  expect(dateAt(window, 320)).toBe(T0 + 3_600_000 + 110 * 2000)
  expect(dateAt(window, 99)).toBeNull()
})

test('a gap is found by its media time', () => {
  const window = long((index) => ({ gap: index >= 50 && index < 80 }))
  expect(gapAt(window, 199.9)).toBeNull()
  expect(gapAt(window, 200)?.endMs).toBe(T0 + 160_000)
  expect(gapAt(window, 259.9)).not.toBeNull()
  expect(gapAt(window, 260)).toBeNull()
})

test('who seeks into a gap begins behind it', () => {
  const window = long((index) => ({ gap: (index >= 50 && index < 80) || index >= 190 }))
  expect(playableFrom(window, T0 + 10_000)).toBe(T0 + 10_000)
  expect(playableFrom(window, T0 + 120_000)).toBe(T0 + 160_000)
  expect(playableFrom(window, T0 - 1)).toBe(T0)
  expect(playableFrom(window, T0 + 385_000)).toBeNull()
})

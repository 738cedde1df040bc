import { expect, test } from 'vitest'
import { mediaTimeAt, windowOf } from './live-window.ts'

const T0 = Date.parse('2026-11-21T10:00:00.000Z')
const segment = (index: number, more: { cc?: number; gap?: boolean } = {}) => ({
  programDateTime: T0 + index * 2000,
  duration: 2,
  start: 100 + index * 2,
  cc: 0,
  ...more,
})

test('a window runs from the first program date time to the newest part', () => {
  const window = windowOf({ fragments: [segment(0), segment(1)], partEnd: 104.6 })
  expect(window?.startMs).toBe(T0)
  expect(window?.endMs).toBeCloseTo(T0 + 4600, 3)
  expect(window?.segments).toHaveLength(3)
})

test('gaps and discontinuities are kept apart', () => {
  const window = windowOf({ fragments: [segment(0), segment(1, { gap: true }), segment(2, { cc: 1 })], partEnd: 106 })
  expect(window?.segments.map((each) => each.isGap)).toEqual([false, true, false])
  expect(window?.segments.map((each) => each.startsDiscontinuity)).toEqual([false, false, true])
})

test('a playlist without program date times has no window', () => {
  expect(windowOf({ fragments: [{ ...segment(0), programDateTime: null }], partEnd: 102 })).toBeNull()
  expect(windowOf({ fragments: [], partEnd: 0 })).toBeNull()
})

test('a click outside the window lands on its edge', () => {
  const window = windowOf({ fragments: [segment(0), segment(1)], partEnd: 104 })
  if (window === null) throw new Error('no window')
  expect(mediaTimeAt(window, T0 + 1500)).toBeCloseTo(101.5)
  expect(mediaTimeAt(window, T0 - 99_000)).toBe(100)
  expect(mediaTimeAt(window, T0 + 99_000)).toBe(104)
})

import { expect, test } from 'vitest'
import type { LiveWindow } from './live-window.ts'
import { destinationAt, distanceWords, isRewindable, keyDestination, LIVE, playheadWords } from './seek-bar.ts'

const NOW = Date.UTC(2026, 10, 21, 12)
const MIN = 60_000

function reaching(lengthMs: number): LiveWindow {
  const startMs = NOW - lengthMs
  return {
    startMs,
    endMs: NOW,
    spans: [{ startMs, endMs: NOW, startSec: 0, isGap: false, startsDiscontinuity: false }],
  }
}

const rewind = reaching(240 * MIN)
const press = (key: string, shiftKey = false, fromMs = NOW - 60 * MIN) =>
  keyDestination({ key, shiftKey }, fromMs, rewind)
const time = (atMs: number) => ({ kind: 'time', atMs })

test('arrows move five seconds, with shift a minute, pages ten', () => {
  expect(press('ArrowLeft')).toEqual(time(NOW - 60 * MIN - 5000))
  expect(press('ArrowRight')).toEqual(time(NOW - 60 * MIN + 5000))
  expect(press('ArrowLeft', true)).toEqual(time(NOW - 61 * MIN))
  expect(press('ArrowRight', true)).toEqual(time(NOW - 59 * MIN))
  expect(press('PageDown')).toEqual(time(NOW - 70 * MIN))
  expect(press('PageUp')).toEqual(time(NOW - 50 * MIN))
})

test('Home is the oldest that can be reached, End is live', () => {
  expect(press('Home')).toEqual(time(NOW - 240 * MIN))
  expect(press('End')).toEqual(LIVE)
  expect(press('x')).toBeNull()
})

test('nobody goes back further than there is, and beyond the end is live', () => {
  expect(press('ArrowLeft', true, rewind.startMs + 1000)).toEqual(time(rewind.startMs))
  expect(press('ArrowRight', true, NOW - 20_000)).toEqual(LIVE)
})

test('the last stretch of a long bar is live, however long the bar is', () => {
  expect(destinationAt(rewind, NOW - 14_000)).toEqual(LIVE)
  expect(destinationAt(rewind, NOW - 16_000)).toEqual(time(NOW - 16_000))
  expect(destinationAt(reaching(30_000), NOW - 2000)).toEqual(time(NOW - 2000))
  expect(destinationAt(reaching(30_000), NOW)).toEqual(LIVE)
})

test('the live window alone is nothing to rewind', () => {
  expect([null, reaching(30_000), reaching(10 * MIN)].map(isRewindable)).toEqual([false, false, true])
})

test('distances', () => {
  expect([0, 42, 723, 3727].map(distanceWords)).toEqual(['0:00', '0:42', '12:03', '1:02:07'])
  expect(playheadWords('10:58:03', 3727, false)).toBe('10:58:03, 1 hour 2 minutes 7 seconds behind live')
  expect(playheadWords('10:58:03', null, false)).toBe('10:58:03')
  expect(playheadWords('12:00:00', 1, true)).toBe('12:00:00, live')
})

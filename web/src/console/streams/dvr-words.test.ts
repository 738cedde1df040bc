import { expect, test } from 'vitest'
import { dayWords, fullBytes, hourWords, lossWords, pictureOf, spanWords, spoolShare } from './dvr-words.ts'

test('growth is said in the unit a person would say, and what is not known is not 0', () => {
  const growth = { bytesPerHour: 2_710_000_000, bytesPerDayForecast: 65_000_000_000 }
  expect(hourWords(growth)).toBe('2.7\u00a0GB an hour')
  expect(dayWords(growth)).toBe('65.0\u00a0GB a day')
  expect(hourWords({ bytesPerHour: null, bytesPerDayForecast: null })).toBe('not known yet')
  expect(hourWords({ bytesPerHour: 0, bytesPerDayForecast: 0 })).toBe('0\u00a0B an hour')
})

test('a full retention holds the forecast of its length', () => {
  expect(fullBytes({ bytesPerHour: 1, bytesPerDayForecast: 24_000, retention: '6h' })).toBe(6000)
  expect(fullBytes({ bytesPerHour: 1, bytesPerDayForecast: 24_000, retention: '7d' })).toBe(168_000)
  expect(fullBytes({ bytesPerHour: 0, bytesPerDayForecast: 0, retention: '6h' })).toBeNull()
  expect(fullBytes({ bytesPerHour: null, bytesPerDayForecast: null, retention: '6h' })).toBeNull()
})

test('what a lost machine takes with it is said with its reason', () => {
  expect(lossWords({ rpoSec: 300, write: 'pack' })).toBe('the last 5\u00a0min: packs go to the store that often')
  expect(lossWords({ rpoSec: 30, write: 'segment' })).toBe('the last 30\u00a0s: segments go to the store that often')
  expect(lossWords({ rpoSec: null, write: null })).toBe('not known yet')
})

test('spans of time', () => {
  expect([45, 600, 7200, 9000].map(spanWords)).toEqual(['45\u00a0s', '10\u00a0min', '2\u00a0h', '2\u00a0h 30\u00a0min'])
})

test('a spool without a limit is not full', () => {
  const none = { oldestUnsavedAt: null, oldestUnsavedSec: 0 }
  expect(spoolShare({ bytes: 5, maxBytes: 0, ...none })).toBe(0)
  expect(spoolShare({ bytes: 5, maxBytes: 20, ...none })).toBe(0.25)
})

test('the picture begins with the recording, not with the retention, and is ten minutes wide at least', () => {
  const at = (minutes: number) => new Date(Date.UTC(2026, 10, 21, 12) - minutes * 60_000).toISOString()
  const view = {
    from: at(1440),
    to: at(0),
    ranges: [{ from: at(90), to: at(0) }],
    gaps: [{ from: at(20), to: at(19) }],
  }
  expect(pictureOf(view)).toMatchObject({ startMs: Date.parse(at(90)), gaps: [{ startMs: Date.parse(at(20)) }] })
  expect(pictureOf({ ...view, ranges: [{ from: at(2), to: at(0) }] }).startMs).toBe(Date.parse(at(10)))
  expect(pictureOf({ ...view, ranges: [] }).startMs).toBe(Date.parse(at(10)))
})

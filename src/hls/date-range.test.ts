import { parse } from 'hls-parser'
import { expect, test } from 'vitest'
import { type DateRange, DateRangeListing, endOf, renderDateRange, sortDateRanges } from './date-range.ts'

const NOON = Date.UTC(2026, 10, 21, 12)
const OPEN: DateRange = {
  ...{ id: 'ad', class: null, startMs: NOON, endMs: null, durationSec: null, plannedDurationSec: null },
  ...{ isEndOnNext: false, attributes: [] },
}

test('every attribute in its place and form, as a parser reads it', () => {
  const line = renderDateRange({
    ...{ id: 'ad-1', class: 'com.example.ad', startMs: NOON, endMs: NOON + 30_000, durationSec: 30 },
    ...{ plannedDurationSec: 29.5, isEndOnNext: false },
    attributes: [
      { name: 'SCTE35-OUT', value: { kind: 'hex', hex: '0xFC002F' } },
      { name: 'X-COM-EXAMPLE', value: { kind: 'text', text: 'a, b = c' } },
      { name: 'X-SCORE', value: { kind: 'number', number: 1.5 } },
    ],
  })
  expect(line).toBe(
    '#EXT-X-DATERANGE:ID="ad-1",CLASS="com.example.ad",START-DATE="2026-11-21T12:00:00.000Z",' +
      'END-DATE="2026-11-21T12:00:30.000Z",DURATION=30.00000,PLANNED-DURATION=29.50000,' +
      'SCTE35-OUT=0xFC002F,X-COM-EXAMPLE="a, b = c",X-SCORE=1.5',
  )
  const head = '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:1\n'
  const text = `${head}#EXT-X-PROGRAM-DATE-TIME:2026-11-21T12:00:00.000Z\n${line}\n#EXTINF:2,\n1.m4s\n`
  const playlist = parse(text)
  if (playlist.isMasterPlaylist) throw new Error('not a media playlist')
  expect(playlist.segments[0]?.dateRange).toMatchObject({ id: 'ad-1', classId: 'com.example.ad', duration: 30 })
})

test('the end is what is said, or where the next of the class starts; a plan is none', () => {
  expect(endOf(OPEN, [])).toBe(Number.POSITIVE_INFINITY)
  expect(endOf({ ...OPEN, plannedDurationSec: 5 }, [])).toBe(Number.POSITIVE_INFINITY)
  expect(endOf({ ...OPEN, durationSec: 5 }, [])).toBe(NOON + 5000)
  const first = { ...OPEN, class: 'show', isEndOnNext: true }
  const all = [first, { ...first, id: 'b', startMs: NOON + 9 }, { ...first, id: 'c', class: 'x', startMs: NOON + 3 }]
  expect(endOf(first, all)).toBe(NOON + 9)
})

test('ranges that begin together stand in the order of their ids, whatever order they came in', () => {
  const ranges = ['b', 'a', 'c'].map((id) => ({ ...OPEN, id }))
  expect(sortDateRanges([...ranges, { ...OPEN, id: 'z', startMs: NOON - 1 }]).map(({ id }) => id)).toEqual([
    'z',
    'a',
    'b',
    'c',
  ])
})

test('a range is listed while any of it lies in the playlist, and named as gone for one skip boundary', () => {
  const listing = new DateRangeListing()
  const range = { ...OPEN, durationSec: 10 }
  const at = (startMs: number) => listing.update([range], NOON + startMs, NOON + startMs + 30_000, 24_000)
  expect(at(9_999)).toMatchObject({ all: [renderDateRange(range)], removedIds: [] })
  expect(at(10_000)).toEqual({ all: [], recent: [], removedIds: ['ad'] })
  expect(at(34_000).removedIds).toEqual(['ad'])
  expect(at(34_001).removedIds).toEqual([])
})

test('a delta leaves out what a base from within the skip boundary has; a change makes a range new again', () => {
  const listing = new DateRangeListing()
  const at = (range: DateRange, edgeMs: number) => listing.update([range], NOON, NOON + edgeMs, 24_000)
  expect(at(OPEN, 0).recent).toHaveLength(1)
  expect(at(OPEN, 24_000).recent).toHaveLength(1)
  expect(at(OPEN, 24_001)).toMatchObject({ all: [renderDateRange(OPEN)], recent: [] })
  const ended = { ...OPEN, endMs: NOON + 25_000 }
  expect(at(ended, 25_000).recent).toEqual([renderDateRange(ended)])
})

import { expect, test } from 'vitest'
import { hourOf } from '../storage/keys.ts'
import { gapsIn, type HourIndex, mediaIn, mergeSegments, parseHourIndex, renderHourIndex } from './hour-index.ts'
import { GAP, HOUR_MS, indexed, msnOf, TRACK } from './recordings.test-support.ts'

const index: HourIndex = {
  track: TRACK,
  hour: hourOf(HOUR_MS),
  updatedAtMs: HOUR_MS + 60_000,
  segments: [
    indexed(0),
    indexed(1, { durationSec: 2.002, initName: 'init-2.mp4' }),
    indexed(2, GAP),
    indexed(3, { placement: { kind: 'pack', id: 'p1', offset: 0, length: 100 } }),
    indexed(5, { dsn: 1, placement: { kind: 'pack', id: 'p1', offset: 100, length: 100 } }),
    indexed(6, { ...GAP, initName: null }),
  ],
}

test('an index comes back as it was written', () => {
  expect(parseHourIndex(renderHourIndex(index))).toEqual(index)
  expect(parseHourIndex(renderHourIndex({ ...index, segments: [] }))).toEqual({ ...index, segments: [] })
})

test('an index can be read without Mirror: what it covers, how much, what is missing, where it lies', () => {
  expect(JSON.parse(renderHourIndex(index))).toMatchObject({
    tenant: 'default',
    stream: 'demo',
    track: 'v0',
    hour: '2026-11-21T07',
    startsAtMs: HOUR_MS,
    segmentCount: 6,
    bytes: 400,
    keyPrefix: 'dvr/default/demo/v0/2026/11/21/07/',
    gaps: [
      [HOUR_MS + 4000, HOUR_MS + 6000],
      [HOUR_MS + 8000, HOUR_MS + 10_000],
      [HOUR_MS + 12_000, HOUR_MS + 14_000],
    ],
  })
})

test.each([
  ['', 'not JSON'],
  ['{}', 'no format'],
  [renderHourIndex(index).slice(0, -40), 'not JSON'],
  [renderHourIndex(index).replace('"format":1', '"format":2'), 'newer Mirror'],
  [renderHourIndex(index).replace('T07"', 'T77"'), 'missing'],
  [renderHourIndex(index).replace(`[${msnOf(1)},`, `[${msnOf(0)},`), 'row 1'],
  [renderHourIndex(index).replace('"packs":["p1"]', '"packs":[]'), 'row 3'],
  [renderHourIndex(index).replace(`[${msnOf(1)},0,`, `[${msnOf(1)},"0",`), 'row 1'],
])('a damaged index is refused by name (%#)', (text, what) => {
  expect(() => parseHourIndex(text)).toThrow(
    expect.objectContaining({ code: 'index_damaged', message: expect.stringContaining(what) }),
  )
})

test('what is merged is in order; media wins over a gap, and the first media over the second', () => {
  const merged = mergeSegments(
    [indexed(2), indexed(0, GAP), indexed(1, GAP)],
    [indexed(3), indexed(0), indexed(2, { sha256: 'other' }), indexed(1, GAP)],
  )
  expect(merged).toEqual([indexed(0), indexed(1, GAP), indexed(2), indexed(3)])
})

test('media and gaps add up to the whole time', () => {
  expect(mediaIn(index.segments)).toEqual([
    { fromMs: HOUR_MS, toMs: HOUR_MS + 4002 },
    { fromMs: HOUR_MS + 6000, toMs: HOUR_MS + 8000 },
    { fromMs: HOUR_MS + 10_000, toMs: HOUR_MS + 12_000 },
  ])
  expect(gapsIn(index.segments)).toHaveLength(3)
})

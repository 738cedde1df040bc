import { expect, test } from 'vitest'
import { hourOf } from '../storage/keys.ts'
import {
  gapsIn,
  type HourIndex,
  mediaIn,
  mergeSegments,
  parseHourIndex,
  renderHourIndex,
  salvageHourIndex,
} from './hour-index.ts'
import { FACTS, GAP, HOUR_MS, indexed, msnOf, TRACK } from './recordings.test-support.ts'

const index: HourIndex = {
  track: TRACK,
  hour: hourOf(HOUR_MS),
  facts: FACTS,
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

test('of an index that was cut short the whole rows are salvaged, and of nothing nothing', () => {
  const text = renderHourIndex(index)
  expect(salvageHourIndex(text)).toEqual({ facts: FACTS, segments: index.segments })
  const rows = text.split('\n')
  const torn = `${rows.slice(0, 4).join('\n')}\n${rows[4]?.slice(0, 20)}`
  expect(salvageHourIndex(torn)).toEqual({ facts: FACTS, segments: index.segments.slice(0, 3) })
  expect(salvageHourIndex(text.slice(0, 100))).toBeNull()
  expect(salvageHourIndex('')).toBeNull()
})

test('an index of which any bit was changed is not believed', () => {
  const text = Buffer.from(renderHourIndex(index))
  for (let at = 0; at < text.length; at += 1) {
    const changed = Buffer.from(text)
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 7))
    expect(() => parseHourIndex(changed.toString('utf8'))).toThrow(expect.objectContaining({ code: 'index_damaged' }))
  }
})

test('an index of before it had facts and a check is read', () => {
  const old = renderHourIndex({ ...index, facts: null })
    .replace('"format":2', '"format":1')
    .replace('"facts":null,', '')
    .replace(/,"check":"[0-9a-f]+"/, '')
  expect(parseHourIndex(old)).toEqual({ ...index, facts: null })
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
  [renderHourIndex(index).replace('"format":2', '"format":3'), 'newer Mirror'],
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

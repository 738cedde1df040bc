import { expect, test } from 'vitest'
import { rational } from '../../core/rational.ts'
import type { InputSample } from '../../media/samples.ts'
import { TIMELINE_EPOCH_MS } from '../../media/timeline/cell.ts'
import type { TimelineEntry } from '../../media/timeline/entry.ts'
import { firstCellOf, planSession } from './session.ts'

const CELL = rational(2, 1)
const NOON_MS = Date.UTC(2026, 10, 21, 12)
const NOON_CELL = (NOON_MS - TIMELINE_EPOCH_MS) / 2000

function plan(changed: Partial<Parameters<typeof planSession>[0]>) {
  return planSession({ wantedCell: 1000, cell: CELL, previous: null, endedMsn: null, graceMs: 300_000, ...changed })
}

test.each([
  ['nothing before', {}, { isContinuing: false, firstCell: 1000 }],
  ['a hole', { previous: { lastMsn: 990, cell: CELL } }, { isContinuing: true, firstCell: 1000 }],
  ['the cell is in use', { previous: { lastMsn: 1000, cell: CELL } }, { isContinuing: true, firstCell: 1001 }],
  ['gaps ran ahead', { previous: { lastMsn: 1003, cell: CELL } }, { isContinuing: true, firstCell: 1004 }],
  ['a clock far ahead', { previous: { lastMsn: 800, cell: CELL } }, { isContinuing: false, firstCell: 1000 }],
  ['a clock far behind', { previous: { lastMsn: 1200, cell: CELL } }, { isContinuing: false, firstCell: 1000 }],
  [
    'another cell length',
    { previous: { lastMsn: 1000, cell: rational(3, 1) } },
    { isContinuing: false, firstCell: 1001 },
  ],
  ['a playlist that has just ended', { endedMsn: 1001 }, { isContinuing: false, firstCell: 1002 }],
  ['a playlist that ended long ago', { endedMsn: 10 }, { isContinuing: false, firstCell: 1000 }],
])('after %s', (_, changed, expected) => {
  expect(plan(changed)).toEqual(expected)
})

const entry: TimelineEntry = {
  version: 1,
  dsn: 0,
  cell: CELL,
  clock: 'rtmp',
  epochUs: (NOON_MS + 500) * 1000,
  configHash: '',
  tracks: [
    { id: 'v0', ticksPerSec: 1000, firstTimestamp: 0, timescale: 90_000, frameTicks: 3000, rate: rational(30, 1) },
    { id: 'a0', ticksPerSec: 1000, firstTimestamp: 0, timescale: 48_000, frameTicks: 1024, rate: rational(375, 8) },
  ],
  createdAtMs: NOON_MS,
}

function first(trackId: string, dts: number) {
  const sample: InputSample = { trackId, dts, cto: 0, duration: null, isKeyframe: true, data: new Uint8Array(1) }
  return { sample, arrivedAtMs: NOON_MS + 500 + dts }
}

test('the creator of an entry starts at once, in the cell of its video', () => {
  expect(firstCellOf(entry, [first('v0', 0), first('a0', 0)], false)).toBe(NOON_CELL)
  expect(firstCellOf(entry, [first('a0', 0), first('v0', 1600)], false)).toBe(NOON_CELL + 1)
  expect(firstCellOf(entry, [first('a0', 4000)], false)).toBe(NOON_CELL + 2)
})

test('an adopter starts with the first cell that it has seen from its start in every track', () => {
  expect(firstCellOf(entry, [first('v0', 0), first('a0', 0)], true)).toBe(NOON_CELL + 1)
  expect(firstCellOf(entry, [first('v0', 0), first('a0', 1600)], true)).toBe(NOON_CELL + 2)
})

import { expect, test } from 'vitest'
import { rational } from '../../core/rational.ts'
import { planSession } from './session.ts'

const CELL = rational(2, 1)

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

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rational } from '../../core/rational.ts'
import { type DriftPoint, type DriftView, driftPointSchema, driftSec, isSettled, planDriftPoint } from './drift.ts'

const CELL = rational(2, 1)
const MSN = 434_851_200

function view(changed: Partial<DriftView> = {}): DriftView {
  return { newest: null, cell: CELL, msn: MSN, lagSec: 0, delaySec: 0, ppm: 0, nowMs: 0, ...changed }
}

function pointFor(changed: Partial<DriftView>): DriftPoint {
  const point = planDriftPoint(view(changed))
  if (point === null) throw new Error('no point was planned')
  return point
}

test('true enough times are left alone, and so is media that is late by more than a clock could be', () => {
  expect(planDriftPoint(view({ lagSec: 0.05 }))).toBeNull()
  expect(planDriftPoint(view({ lagSec: -0.05 }))).toBeNull()
  expect(planDriftPoint(view({ lagSec: 0.4, delaySec: 0.4 }))).toBeNull()
  expect(planDriftPoint(view({ lagSec: 2.1 }))).toBeNull()
  expect(planDriftPoint(view({ lagSec: -2.1 }))).not.toBeNull()
})

test('a point holds from three minutes ahead, changes nothing before, and ends where the clock was measured', () => {
  const point = pointFor({ lagSec: 0.3, ppm: 100 })
  expect(driftPointSchema.parse(JSON.parse(JSON.stringify(point)))).toEqual(point)
  const [, slew, settled] = point.pieces
  expect(slew?.fromMsn).toBe(MSN + 90)
  for (const msn of [MSN, MSN + 89, MSN + 90]) expect(driftSec(point, CELL, msn)).toBe(0)
  const untilMsn = settled?.fromMsn ?? 0
  expect((untilMsn - MSN - 90) * 2).toBeGreaterThanOrEqual(120)
  expect(driftSec(point, CELL, untilMsn)).toBeCloseTo(0.3 + (untilMsn - MSN) * 2e-4, 3)
  expect(driftSec(point, CELL, untilMsn + 5000) - driftSec(point, CELL, untilMsn)).toBeCloseTo(1, 3)
  expect(isSettled(point, untilMsn - 1)).toBe(false)
  expect(planDriftPoint(view({ newest: point, msn: untilMsn - 1, lagSec: 1 }))).toBeNull()
})

test('times never move faster than 2.5 ms per second, never jump, and the next point follows on from the last', () => {
  const errors = fc.double({ min: -5, max: 2, noNaN: true })
  const ppms = fc.option(fc.double({ min: -900, max: 900, noNaN: true }))
  fc.assert(
    fc.property(errors, ppms, errors, ppms, (first, firstPpm, second, secondPpm) => {
      const one = planDriftPoint(view({ lagSec: first, ppm: firstPpm }))
      const msn = one?.pieces.at(-1)?.fromMsn ?? MSN
      const lagSec = driftSec(one, CELL, msn) + second
      const two = planDriftPoint(view({ newest: one, msn, lagSec, ppm: secondPpm }))
      for (const [before, point, fromMsn] of [
        [null, one, MSN],
        [one, two, msn],
      ] as const) {
        if (point === null) continue
        expect(point.n).toBe((before?.n ?? 0) + 1)
        for (let at = fromMsn; at < fromMsn + 90; at++) {
          expect(driftSec(point, CELL, at)).toBeCloseTo(driftSec(before, CELL, at), 5)
        }
        for (let at = fromMsn; at < fromMsn + 1500; at++) {
          const stepSec = driftSec(point, CELL, at + 1) - driftSec(point, CELL, at)
          expect(Math.abs(stepSec)).toBeLessThanOrEqual(0.0051)
        }
      }
    }),
    { numRuns: 60 },
  )
})

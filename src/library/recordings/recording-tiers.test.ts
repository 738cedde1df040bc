import { expect, test } from 'vitest'
import { TIERS } from '../../storage/tiers.ts'
import { movesDue } from './recording-tiers.ts'

const DAY = 86_400_000
const AGES = { warmAfterMs: 30 * DAY, coldAfterMs: 90 * DAY }

test('what is old enough for cold goes there at once, from hot and from warm', () => {
  expect(movesDue(AGES, TIERS, 100 * DAY)).toEqual([
    { to: 'cold', from: ['hot', 'warm'], cameBeforeMs: 10 * DAY },
    { to: 'warm', from: ['hot'], cameBeforeMs: 70 * DAY },
  ])
})

test('what never moves, and tiers that the store does not keep, are left out', () => {
  expect(movesDue({ ...AGES, coldAfterMs: null }, TIERS, 0).map(({ to }) => to)).toEqual(['warm'])
  expect(movesDue(AGES, ['hot', 'cold'], 0).map(({ to }) => to)).toEqual(['cold'])
  expect(movesDue(AGES, ['hot'], 0)).toEqual([])
})

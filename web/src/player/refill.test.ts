import { expect, test } from 'vitest'
import { Refill } from './refill.ts'

test('playback is held until a share of the target is there', () => {
  const refill = new Refill(0, 0)
  expect(refill.isHolding(250, { bufferedSec: 0.2, targetSec: 1 })).toBe(true)
  expect(refill.isHolding(500, { bufferedSec: 0.5, targetSec: 1 })).toBe(true)
  expect(refill.isHolding(750, { bufferedSec: 0.6, targetSec: 1 })).toBe(false)
})

test('when nothing comes any more, it is not held back from being repaired', () => {
  const refill = new Refill(0, 0.05)
  expect(refill.isHolding(750, { bufferedSec: 0.05, targetSec: 1 })).toBe(true)
  expect(refill.isHolding(1000, { bufferedSec: 0.05, targetSec: 1 })).toBe(false)
})

test('however slowly it comes, it is not held for more than three seconds', () => {
  const refill = new Refill(0, 0)
  const held = Array.from({ length: 16 }, (_, tick) => (tick + 1) * 250).filter((nowMs) =>
    refill.isHolding(nowMs, { bufferedSec: nowMs / 10_000, targetSec: 1 }),
  )
  expect(held.at(-1)).toBe(3000)
})

import { expect, test } from 'vitest'
import { RefusalLimit } from './refusal-limit.ts'

test('twenty refusals a second are told; how many more there were, with the next one', () => {
  const limit = new RefusalLimit()
  const told = Array.from({ length: 500 }, (_, index) => limit.take(index)).filter(({ isTold }) => isTold)
  expect(told).toHaveLength(20)
  expect(limit.take(1000)).toEqual({ isTold: true, untold: 480 })
  expect(limit.take(1001)).toEqual({ isTold: true, untold: 0 })
})

test('a clock that is set back does not silence it', () => {
  const limit = new RefusalLimit()
  for (let n = 0; n < 100; n++) limit.take(1_000_000)
  expect(limit.take(0)).toEqual({ isTold: true, untold: 80 })
})

import { expect, test } from 'vitest'
import { MirrorError } from '../core/errors.ts'
import { retryAtMs } from './after-failure.ts'

const now = { nowMs: 0, random: () => 0.5 }
const delays = (error: MirrorError) =>
  [1, 2, 3, 4, 5].map((attempt) => retryAtMs({ attempt, maxAttempts: 5 }, error, now))

test('what fails is tried again within seconds, and what finds no room on the disk within minutes', () => {
  expect(delays(new MirrorError('store_unavailable', ''))).toEqual([2000, 4000, 8000, 16_000, null])
  const minutes = [5, 10, 20, 40].map((min) => min * 60_000)
  expect(delays(new MirrorError('scratch_full', ''))).toEqual([...minutes, null])
})

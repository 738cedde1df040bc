import { expect, test } from 'vitest'
import { Pace } from './pace.ts'

const { signal } = new AbortController()

test('bytes wait for their turn, also after a pause that was not used', async () => {
  const pace = new Pace(100_000, performance.now.bind(performance))
  const begunAtMs = performance.now()
  for (let n = 0; n < 5; n += 1) await pace.passed(10_000, signal)
  expect(performance.now() - begunAtMs).toBeGreaterThan(450)
})

test('whoever waits is let go when it is told to stop', async () => {
  const stop = new AbortController()
  const waiting = new Pace(1, performance.now.bind(performance)).passed(1_000_000, stop.signal)
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow()
})

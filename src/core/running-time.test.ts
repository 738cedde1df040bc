import { stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { afterRunning, runningTimeout } from './running-time.ts'

/** As a busy machine does: nothing in this thread runs meanwhile. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

test('an answer that came during a stand-still is read before the wait for it is over', async () => {
  const signal = runningTimeout(1000)
  // The answer to each question comes while nobody listens, or right after.
  const asked = (async () => {
    for (let question = 0; question < 3; question++) await stat('.')
    return signal.aborted
  })()
  standStill(1200)
  expect(await asked).toBe(false)
  await expect.poll(() => signal.aborted).toBe(true)
  expect(signal.reason).toMatchObject({ name: 'TimeoutError' })
})

test('without a stand-still it lasts as long as a clock says', async () => {
  const startedAtMs = performance.now()
  await new Promise<void>((resolve) => {
    afterRunning(100, resolve)
    setTimeout(() => {}, 60_000).unref()
  })
  expect(performance.now() - startedAtMs).toBeGreaterThan(90)
})

test('what is cancelled is never called', async () => {
  let isCalled = false
  const wait = afterRunning(20, () => {
    isCalled = true
  })
  wait.cancel()
  await delay(60)
  expect(isCalled).toBe(false)
})

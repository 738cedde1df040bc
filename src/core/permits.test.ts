import { expect, test } from 'vitest'
import { Permits } from './permits.ts'

const signal = new AbortController().signal

test('no more than the permitted number work at once, and all get their turn in order', async () => {
  const permits = new Permits(3)
  let busy = 0
  let most = 0
  const order: number[] = []
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      permits.run(signal, async () => {
        busy += 1
        most = Math.max(most, busy)
        order.push(n)
        await new Promise(setImmediate)
        busy -= 1
      }),
    ),
  )
  expect(most).toBe(3)
  expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n))
})

test('work that fails gives its place back', async () => {
  const permits = new Permits(1)
  await expect(permits.run(signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await permits.run(signal, async () => 7)).toBe(7)
})

test('who stops waiting is told why, and takes nobody else along', async () => {
  const permits = new Permits(1)
  const holding = Promise.withResolvers<void>()
  const first = permits.run(signal, () => holding.promise)
  const stop = new AbortController()
  const second = permits.run(stop.signal, async () => 'second')
  const third = permits.run(signal, async () => 'third')
  const reason = new Error('stop')
  stop.abort(reason)
  await expect(second).rejects.toBe(reason)
  holding.resolve()
  await first
  expect(await third).toBe('third')
})

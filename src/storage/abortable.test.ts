import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { abortable } from './abortable.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('a chunk that was taken is let go while the rest still comes', async () => {
  const first: { chunk: WeakRef<Uint8Array> | null } = { chunk: null }
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < 4; at += 1) {
      const chunk = new Uint8Array(2 ** 20)
      first.chunk ??= new WeakRef(chunk)
      yield chunk
    }
  }
  let taken = 0
  for await (const _chunk of abortable(source(), new AbortController().signal)) {
    taken += 1
    if (taken < 4) continue
    // A weak reference lasts until the end of a turn.
    await new Promise((resolve) => setTimeout(resolve, 1))
    collectGarbage()
    expect(first.chunk?.deref()).toBeUndefined()
  }
  expect(taken).toBe(4)
})

test('an abort is heard while the source hangs, between two chunks, and at the beginning', async () => {
  async function* source(count: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < count; at += 1) yield new Uint8Array(1)
    await new Promise(() => {})
  }
  const why = new Error('enough')
  const read = async (abortAt: number, afterMs: number | null) => {
    const stop = new AbortController()
    if (abortAt === 0) stop.abort(why)
    let count = 0
    if (afterMs !== null) setTimeout(() => stop.abort(why), afterMs)
    for await (const _ of abortable(source(3), stop.signal)) {
      count += 1
      if (count === abortAt) stop.abort(why)
    }
  }
  await expect(read(0, null)).rejects.toBe(why)
  await expect(read(2, null)).rejects.toBe(why)
  await expect(read(-1, 10)).rejects.toBe(why)
})

test('what the source throws, and its end, come through', async () => {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1)
    throw new Error('broken')
  }
  const { signal } = new AbortController()
  const read = async () => {
    for await (const _ of abortable(source(), signal)) {
    }
  }
  await expect(read()).rejects.toThrow('broken')
})

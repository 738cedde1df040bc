import fc from 'fast-check'
import { expect, test } from 'vitest'
import { equalParts } from './equal-parts.ts'

const signal = new AbortController().signal

async function* chunked(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

async function all(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const seen: Uint8Array[] = []
  for await (const part of parts) seen.push(part)
  return seen
}

test('any body comes in equal pieces, the last one shorter, none empty but that of an empty body', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 64 }),
      async (chunks, partBytes) => {
        const whole = Buffer.concat(chunks)
        const parts = await all(equalParts(chunked(chunks), partBytes, signal))
        expect(Buffer.concat(parts)).toEqual(whole)
        expect(parts.length).toBe(Math.max(1, Math.ceil(whole.length / partBytes)))
        for (const part of parts.slice(0, -1)) expect(part.byteLength).toBe(partBytes)
      },
    ),
  )
})

test('a piece is a copy: what the source does with its memory later does not show', async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(65)
  const [part] = await all(equalParts(shared, 10, signal))
  shared.fill(66)
  expect(part).toEqual(new Uint8Array([65, 65, 65, 65]))
})

test('no chunk is pulled before it is needed', async () => {
  let pulled = 0
  const source = (async function* () {
    for (; pulled < 10; ) {
      pulled += 1
      yield new Uint8Array(10)
    }
  })()
  const parts = equalParts(source, 20, signal)
  await parts.next()
  expect(pulled).toBe(2)
  await parts.next()
  expect(pulled).toBe(4)
})

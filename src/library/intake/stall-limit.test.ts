import { expect, test } from 'vitest'
import { stallLimited } from './stall-limit.ts'

async function* slow(waitsMs: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const ms of waitsMs) {
    await new Promise((resolve) => setTimeout(resolve, ms))
    yield new Uint8Array(1)
  }
}

async function count(source: AsyncIterable<Uint8Array>, pauseMs = 0): Promise<number> {
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.byteLength
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return bytes
}

test('what comes in time comes through, and a slow reader is no stall', async () => {
  expect(await count(stallLimited(slow([0, 1, 0]), 300), 400)).toBe(3)
})

test('what lets wait for itself is given up by name, also when it never comes', async () => {
  const never: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }
  await expect(count(stallLimited(never, 20))).rejects.toMatchObject({ code: 'upload_stalled' })
})

test('what the source throws comes through', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1)
    throw new Error('cut')
  }
  await expect(count(stallLimited(broken(), 1000))).rejects.toThrow('cut')
})

import { expect, test } from 'vitest'
import { CAPABILITY_IDS, type CapabilityMatrix } from './capabilities.ts'
import { probeKey } from './keys.ts'
import { createMemoryStore } from './memory-store.ts'
import { exchangeMatrix, readMatrix } from './stored-matrix.ts'

const { signal } = new AbortController()
const matrix = (probedAtMs: number): CapabilityMatrix => ({
  version: 1,
  place: 'https://s3.example/media',
  probedAtMs,
  tookMs: 1500.5,
  answers: Object.fromEntries(
    CAPABILITY_IDS.map((id) => [id, { outcome: 'yes', note: '' }]),
  ) as CapabilityMatrix['answers'],
})

test('a matrix is kept in the store, and the one before is handed back', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  expect(await exchangeMatrix(store, matrix(1), signal)).toBeNull()
  expect(await exchangeMatrix(store, matrix(2), signal)).toEqual(matrix(1))
  expect(await readMatrix(store, signal)).toEqual(matrix(2))
})

test('one that cannot be read is replaced', async () => {
  const store = createMemoryStore({ nowMs: Date.now })
  for (const text of ['{', '{"version":2}', `{"version":1,"pad":"${'x'.repeat(100_000)}"}`]) {
    await store.put(probeKey('capabilities.json'), Buffer.from(text), { signal, contentType: 'application/json' })
    expect(await exchangeMatrix(store, matrix(3), signal)).toBeNull()
    expect(await readMatrix(store, signal)).toEqual(matrix(3))
  }
})

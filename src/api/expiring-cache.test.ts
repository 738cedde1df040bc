import { expect, test } from 'vitest'
import { createExpiringCache } from './expiring-cache.ts'

test('an entry is forgotten after its time', () => {
  let nowMs = 0
  const cache = createExpiringCache<number>({ maxEntries: 2, ttlMs: 10, clock: () => nowMs })
  cache.set('a', 1)
  nowMs = 9
  expect(cache.get('a')).toBe(1)
  nowMs = 10
  expect(cache.get('a')).toBeUndefined()
})

test('a full cache forgets what was unused for longest', () => {
  const cache = createExpiringCache<number>({ maxEntries: 2, ttlMs: 10, clock: () => 0 })
  cache.set('a', 1)
  cache.set('b', 2)
  cache.get('a')
  cache.set('c', 3)
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3])
})

import { expect, test } from 'vitest'
import { LocalConnectionCounts, SharedConnectionCounts } from './connection-counts.ts'

test('a thread sees the connections of all, and a successor forgets those of its predecessor alone', () => {
  const memory = SharedConnectionCounts.allocate(2)
  const [first, second] = [new SharedConnectionCounts(memory, 0, 7), new SharedConnectionCounts(memory, 1, 7)]
  first.add('10.0.0.1')
  second.add('10.0.0.1')
  second.add('10.0.0.2')
  expect([first.total, first.of('10.0.0.1'), first.of('10.0.0.2'), first.of('10.0.0.3')]).toEqual([3, 2, 1, 0])
  second.remove('10.0.0.1')
  expect(first.of('10.0.0.1')).toBe(1)
  new SharedConnectionCounts(memory, 0, 7)
  expect([second.total, second.of('10.0.0.1'), second.of('10.0.0.2')]).toEqual([1, 0, 1])
})

test('ten thousand addresses hardly share slots', () => {
  const counts = new SharedConnectionCounts(SharedConnectionCounts.allocate(1), 0, 99)
  const keys = Array.from({ length: 10_000 }, (_, index) => `127.${index % 3}.${index >> 8}.${index & 255}`)
  for (const key of keys) counts.add(key)
  expect(Math.max(...keys.map((key) => counts.of(key)))).toBeLessThanOrEqual(6)
})

test('counts of one thread forget an address with its last connection', () => {
  const counts = new LocalConnectionCounts()
  counts.add('a')
  counts.add('a')
  counts.remove('a')
  expect([counts.total, counts.of('a')]).toEqual([1, 1])
  counts.remove('a')
  expect([counts.total, counts.of('a')]).toEqual([0, 0])
})

import { expect, test } from 'vitest'
import { ownerOf } from './ownership.ts'
import { Registry } from './registry.ts'
import { DEFAULT_STREAM_SETTINGS } from './settings.ts'

function stream(id: string, ...keyLookups: string[]) {
  return { id, tenantId: 'default', settings: DEFAULT_STREAM_SETTINGS, dateRanges: [], holds: [], keyLookups }
}

test('a rotated key opens nothing any more', () => {
  const registry = new Registry([stream('one', 'old')])
  expect(registry.streamOfKey('old')).toBe('one')
  registry.set(stream('one', 'new'))
  expect(registry.streamOfKey('old')).toBeNull()
  expect(registry.streamOfKey('new')).toBe('one')
  expect(registry.all()).toHaveLength(1)
})

test('an update of a stream leaves it busy, a removal does not', () => {
  const registry = new Registry([stream('one', 'key')])
  registry.setBusy('one', true)
  registry.set(stream('one', 'key'))
  expect(registry.isBusy('one')).toBe(true)
  registry.remove('one')
  expect(registry.isBusy('one')).toBe(false)
  expect([registry.get('one'), registry.streamOfKey('key')]).toEqual([null, null])
})

test('every thread computes the same owner, and streams spread over all', () => {
  const owners = Array.from({ length: 200 }, (_, index) => ownerOf(`stream-${index}`, 4))
  expect(new Set(owners)).toEqual(new Set([0, 1, 2, 3]))
  expect(owners).toEqual(Array.from({ length: 200 }, (_, index) => ownerOf(`stream-${index}`, 4)))
  for (const owner of [0, 1, 2, 3]) expect(owners.filter((each) => each === owner).length).toBeGreaterThan(25)
})

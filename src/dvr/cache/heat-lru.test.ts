import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HeatLru } from './heat-lru.ts'

const entry = (name: string, sizeBytes = 10) => ({ name, sizeBytes })
const lru = (maxBytes = 100, maxEntries = 1000) => new HeatLru<ReturnType<typeof entry>>({ maxBytes, maxEntries })
const names = (entries: readonly { readonly name: string }[]) => entries.map(({ name }) => name)

test('the longest unused goes first', () => {
  const cache = lru(30)
  for (const name of ['a', 'b', 'c']) cache.add(name, entry(name))
  expect(names(cache.add('d', entry('d')))).toEqual(['a'])
  expect(cache.use('a')).toBeNull()
  expect(cache.bytes).toBe(30)
})

test('what was used again outlives a long walk through what is used once', () => {
  const cache = lru(100)
  for (const name of ['hot-1', 'hot-2']) cache.add(name, entry(name))
  cache.use('hot-1')
  cache.use('hot-2')
  for (let n = 0; n < 1000; n++) cache.add(`walk-${n}`, entry(`walk-${n}`))
  expect(cache.use('hot-1')?.name).toBe('hot-1')
  expect(cache.use('hot-2')?.name).toBe('hot-2')
})

test('what was hot once does not stay for ever', () => {
  const cache = lru(100)
  for (let n = 0; n < 10; n++) {
    cache.add(`old-${n}`, entry(`old-${n}`))
    cache.use(`old-${n}`)
  }
  for (let n = 0; n < 20; n++) {
    cache.add(`new-${n}`, entry(`new-${n}`))
    cache.use(`new-${n}`)
  }
  expect(cache.use('old-0')).toBeNull()
  expect(cache.use('new-19')?.name).toBe('new-19')
})

test('an entry that is larger than the cache goes itself', () => {
  const cache = lru(100)
  cache.add('a', entry('a'))
  expect(names(cache.add('huge', entry('huge', 101)))).toContain('huge')
  expect(cache.use('huge')).toBeNull()
})

test('the number of entries is bounded, too', () => {
  const cache = lru(1000, 3)
  for (let n = 0; n < 10; n++) cache.add(String(n), entry(String(n), 0))
  expect(cache.entries).toBe(3)
})

test('whatever happens, every entry is either there and counted or was given back once', () => {
  const step = fc.record({
    act: fc.constantFrom('add', 'use', 'remove', 'shrink'),
    key: fc.integer({ min: 0, max: 12 }).map(String),
    bytes: fc.integer({ min: 0, max: 60 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const cache = lru(100, 8)
      const there = new Map<string, { readonly name: string; readonly sizeBytes: number }>()
      const gone = (entries: readonly { readonly name: string; readonly sizeBytes: number }[]) => {
        for (const each of entries) {
          const key = each.name.split('/')[0] ?? ''
          expect(there.get(key)).toBe(each)
          there.delete(key)
        }
      }
      steps.forEach(({ act, key, bytes }, index) => {
        if (act === 'add') {
          const added = entry(`${key}/${index}`, bytes)
          const before = there.get(key)
          const evicted = cache.add(key, added)
          if (before !== undefined) gone([before])
          there.set(key, added)
          gone(evicted.filter((each) => each !== before))
        } else if (act === 'use') expect(cache.use(key)).toBe(there.get(key) ?? null)
        else if (act === 'remove') {
          expect(cache.remove(key)).toBe(there.get(key) ?? null)
          there.delete(key)
        } else gone(cache.shrink(bytes))
        const bytesThere = [...there.values()].reduce((sum, each) => sum + each.sizeBytes, 0)
        expect(cache.bytes).toBe(bytesThere)
        expect(cache.entries).toBe(there.size)
        expect(cache.bytes).toBeLessThanOrEqual(100)
        expect(cache.entries).toBeLessThanOrEqual(8)
      })
    }),
  )
})

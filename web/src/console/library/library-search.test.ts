import { expect, test } from 'vitest'
import { apiQuery, hasFilters, parseLibrarySearch, tagSearch, tagsOf } from './library-search.ts'

const NOW_MS = Date.parse('2026-11-21T10:17:00Z')

test('an address with nonsense in it is an address without it', () => {
  const wild = {
    q: '',
    kind: 'film',
    status: 7,
    folder: {},
    from: '2026-13-40',
    age: 'old',
    trash: 'true',
    view: 'list',
  }
  expect(parseLibrarySearch(wild)).toEqual({})
  expect(parseLibrarySearch({ q: 2026, folder: 'a/b', from: '2026-11-01' })).toEqual({
    ...{ q: '2026', folder: 'a/b', from: '2026-11-01' },
  })
})

test('the API is asked for exactly what is chosen', () => {
  const asked = (search: Parameters<typeof apiQuery>[0]) => [...new URLSearchParams(apiQuery(search, NOW_MS))]
  expect(asked({})).toEqual([['limit', '40']])
  expect(asked({ tag: 'a,b', folder: '/', trash: true, kind: 'image', view: 'table' })).toEqual([
    ...[
      ['limit', '40'],
      ['kind', 'image'],
      ['folder', ''],
      ['tag', 'a'],
      ['tag', 'b'],
      ['trash', 'true'],
    ],
  ])
})

test('an age is counted from the hour, a day ends where the next begins', () => {
  const asked = (search: Parameters<typeof apiQuery>[0]) => new URLSearchParams(apiQuery(search, NOW_MS))
  expect(asked({ age: '24h' }).get('from')).toBe('2026-11-20T10:00:00.000Z')
  const days = asked({ from: '2026-11-01', to: '2026-11-01' })
  expect(Date.parse(days.get('to') ?? '') - Date.parse(days.get('from') ?? '')).toBe(86_400_000)
})

test('the trash and the view are no filters', () => {
  expect(hasFilters({ trash: true, view: 'table' })).toBe(false)
  expect(hasFilters({ tag: 'a' })).toBe(true)
})

test('tags come back as they were put in', () => {
  for (const tags of [[], ['a'], ['a b', 'ü']])
    expect(tagsOf(parseLibrarySearch({ tag: tagSearch(tags) }))).toEqual(tags)
})

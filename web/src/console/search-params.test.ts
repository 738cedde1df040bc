import { expect, test } from 'vitest'
import { matchesStatus, parseEventSearch, parseStreamSearch, parseStreamsSearch } from './search-params.ts'

test('an address bar full of nonsense is an unfiltered list', () => {
  expect(parseStreamsSearch({ q: '', state: 'purple', sort: 7, desc: 'yes' })).toEqual({})
  expect(parseStreamSearch({ tab: 'x', range: '9y' })).toEqual({})
})

test('filters survive', () => {
  expect(parseStreamsSearch({ q: 'studio', state: 'live', desc: true })).toEqual({
    q: 'studio',
    state: 'live',
    desc: true,
  })
})

test('a stream id of digits is text, although the address bar says number', () => {
  expect(parseEventSearch({ stream: 42 })).toEqual({ stream: '42' })
})

test('offline finds ended streams too', () => {
  expect(matchesStatus('ended', 'offline')).toBe(true)
  expect(matchesStatus('live', 'offline')).toBe(false)
  expect(matchesStatus('interrupted', undefined)).toBe(true)
})

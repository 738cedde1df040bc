import { expect, test } from 'vitest'
import { parseObjectKey, parseTimelineDsn, timelineEntryKey, timelinePrefix } from './keys.ts'

test('a timeline entry lies below its stream', () => {
  expect(timelineEntryKey('default', 'Demo-1', 12)).toBe('timeline/default/Demo-1/12.json')
  expect(timelinePrefix('default', 'Demo-1')).toBe('timeline/default/Demo-1/')
  expect(timelineEntryKey('default', 'a', 0).startsWith(timelinePrefix('default', 'a'))).toBe(true)
})

test('the sequence number of a timeline key is read back', () => {
  for (const dsn of [0, 7, 1234, Number.MAX_SAFE_INTEGER]) {
    expect(parseTimelineDsn(timelineEntryKey('default', 'demo', dsn))).toBe(dsn)
  }
  for (const text of ['timeline/default/demo/01.json', 'timeline/default/demo/x.json', 'timeline/demo/1.json', 'a']) {
    expect(parseTimelineDsn(parseObjectKey(text)!)).toBeNull()
  }
})

test('ids that would leave their place make no key', () => {
  expect(() => timelineEntryKey('default', '..', 1)).toThrow(RangeError)
  expect(() => timelineEntryKey('default', 'a/b', 1)).toThrow(RangeError)
  expect(() => timelineEntryKey('', 'a', 1)).toThrow(RangeError)
  for (const dsn of [-1, 0.5, Number.NaN, 2 ** 53]) expect(() => timelineEntryKey('t', 's', dsn)).toThrow(RangeError)
})

test('a key has only proper segments', () => {
  for (const text of ['a', 'a/b.c', '...', 'Ärger/東京', 'x'.repeat(200), `${'é'.repeat(100)}/y`]) {
    expect(parseObjectKey(text)).toBe(text)
  }
  for (const text of ['', '/', '/a', 'a/', 'a//b', '.', '..', 'a/../b', './a', 'a\u0000b', 'a\nb', '\ud800']) {
    expect(parseObjectKey(text)).toBeNull()
  }
  expect(parseObjectKey('e\u0301')).toBeNull() // not composed
  expect(parseObjectKey('x'.repeat(201))).toBeNull()
  expect(parseObjectKey('é'.repeat(101))).toBeNull()
  expect(parseObjectKey(`${'x'.repeat(200)}/`.repeat(6))).toBeNull()
})

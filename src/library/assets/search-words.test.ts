import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fts5Query, searchWords, tsQuery } from './search-words.ts'

test('case, accents and signs do not count', () => {
  expect(searchWords(['Überfahrt_2026.JPG', 'Große Straße', 'été'])).toEqual([
    ...['uberfahrt', '2026', 'jpg', 'grosse', 'strasse', 'ete'],
  ])
  expect(searchWords(['日本語 テスト'])).toEqual(['日本語', 'テスト'])
  expect(searchWords([' ', '--', '"*:&|!()'])).toEqual([])
})

test('a word stands once; very long texts are cut', () => {
  expect(searchWords(['a a A', 'á'])).toEqual(['a'])
  expect(searchWords([Array.from({ length: 999 }, (_, n) => `w${n}`).join(' ')])).toHaveLength(200)
  expect(searchWords(['x'.repeat(5000)])).toEqual(['x'.repeat(64)])
})

test('a question is every word or what begins with it', () => {
  expect(fts5Query(['red', 'car'])).toBe('"red"* AND "car"*')
  expect(tsQuery(['red', 'car'])).toBe("'red':* & 'car':*")
})

test('whatever the text, words hold nothing that either query language reads as its own', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      for (const word of searchWords([text])) expect(word).toMatch(/^[^\s"'*:&|!()\\]+$/)
    }),
  )
})

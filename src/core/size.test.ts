import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatSize, parseSize } from './size.ts'

test.each([
  ['100B', 100],
  ['64kB', 64_000],
  ['5MiB', 5_242_880],
  ['1.5 GiB', 1_610_612_736],
  ['0B', 0],
])('%s is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each(['', '5', '5 mib', '-1MiB', '1e3B', '0.3B', '99999999TiB', 'MiB'])('"%s" is not a size', (text) => {
  expect(parseSize(text)).toBeNull()
})

test('a formatted size reads back exactly', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => parseSize(formatSize(bytes)) === bytes))
})

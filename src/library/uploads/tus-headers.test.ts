import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseBytes, parseChecksum, parseMetadata, renderMetadata } from './tus-headers.ts'

const refused = expect.objectContaining({ code: 'invalid_request' })

test('metadata is text by keys, a value may be missing', () => {
  expect(parseMetadata('filename d29ybGQ=, is_confidential')).toEqual({ filename: 'world', is_confidential: '' })
  expect(parseMetadata(undefined)).toEqual({})
  expect(parseMetadata('')).toEqual({})
  // A key is data, whatever it is called.
  expect(Object.entries(parseMetadata('__proto__ eA==,constructor eQ=='))).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
})

test('metadata comes back as it was', () => {
  const key = fc.stringMatching(/^[\x21-\x2b\x2d-\x7e]{1,20}$/)
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 10 }), fc.string({ unit: 'grapheme' }), (keys, value) => {
      const metadata = Object.fromEntries(keys.map((one) => [one, value]))
      expect(parseMetadata(renderMetadata(metadata))).toEqual(metadata)
    }),
  )
})

test.each(['a b c', 'a !!', ',', 'a eA==,a eQ==', 'ä eA==', `a ${'A'.repeat(9000)}`, 'a /w=='])(
  'metadata that is none is refused: %.20s',
  (header) => {
    expect(() => parseMetadata(header)).toThrow(refused)
  },
)

test('a checksum names its algorithm and has its length', () => {
  const digest = Buffer.alloc(32, 7)
  expect(parseChecksum(`sha256 ${digest.toString('base64')}`)).toEqual({ algorithm: 'sha256', digest })
  expect(parseChecksum(undefined)).toBeNull()
  for (const header of ['md5 eA==', 'sha256', 'sha256 eA==', `sha1 ${digest.toString('base64')}`, '']) {
    expect(() => parseChecksum(header), header).toThrow(refused)
  }
})

test('a number of bytes is a whole one', () => {
  expect(parseBytes('Upload-Offset', '0')).toBe(0)
  expect(parseBytes('Upload-Offset', undefined)).toBeNull()
  for (const header of ['', '-1', '1.5', '1e3', '0x10', '9007199254740993', 'a']) {
    expect(() => parseBytes('Upload-Offset', header), header).toThrow(refused)
  }
})

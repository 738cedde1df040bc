import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readExif } from './read-exif.ts'

/** A TIFF block of one directory; each entry is tag, type, count and the four bytes of its value or offset. */
function tiff(
  entries: readonly (readonly [number, number, number, Buffer])[],
  isLittle: boolean,
  rest = Buffer.alloc(0),
) {
  const head = Buffer.alloc(8 + 2 + entries.length * 12 + 4)
  const put16 = (value: number, at: number) =>
    isLittle ? head.writeUInt16LE(value, at) : head.writeUInt16BE(value, at)
  const put32 = (value: number, at: number) =>
    isLittle ? head.writeUInt32LE(value, at) : head.writeUInt32BE(value, at)
  head.write(isLittle ? 'II' : 'MM', 'latin1')
  put16(42, 2)
  put32(8, 4)
  put16(entries.length, 8)
  for (const [n, [tag, type, count, value]] of entries.entries()) {
    put16(tag, 10 + n * 12)
    put16(type, 12 + n * 12)
    put32(count, 14 + n * 12)
    value.copy(head, 18 + n * 12)
  }
  return Buffer.concat([head, rest])
}

const uint32 = (value: number, isLittle: boolean) => {
  const bytes = Buffer.alloc(4)
  if (isLittle) bytes.writeUInt32LE(value)
  else bytes.writeUInt32BE(value)
  return bytes
}

test.each([true, false])('texts, numbers and fractions are read in both byte orders (little: %s)', (isLittle) => {
  const short = Buffer.alloc(4)
  if (isLittle) short.writeUInt16LE(6)
  else short.writeUInt16BE(6)
  const at = 8 + 2 + 3 * 12 + 4
  const rest = Buffer.concat([Buffer.from('Köln-Cam\0'), uint32(1, isLittle), uint32(250, isLittle)])
  const block = tiff(
    [
      [0x010f, 2, 10, uint32(at, isLittle)],
      [0x0112, 3, 1, short],
      [0x829a, 5, 1, uint32(at + 10, isLittle)],
    ],
    isLittle,
    rest,
  )
  const { tags, hasLocation } = readExif(Buffer.concat([Buffer.from('Exif\0\0'), block]))
  expect(tags).toEqual({ make: 'Köln-Cam', orientation: 6, exposureTimeSec: 0.004 })
  expect(hasLocation).toBe(false)
})

test('a place is noticed, and not given', () => {
  const at = 8 + 2 + 12 + 4
  const gps = Buffer.alloc(2 + 12)
  gps.writeUInt16LE(1, 0)
  gps.writeUInt16LE(2, 2)
  const exif = readExif(tiff([[0x8825, 4, 1, uint32(at, true)]], true, gps))
  expect(exif).toEqual({ tags: {}, hasLocation: true })
})

test('whatever the bytes are, reading ends without an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isLittle) => {
      const head = Buffer.from(isLittle ? 'II*\0\x08\0\0\0' : 'MM\0*\0\0\0\x08', 'latin1')
      for (const value of Object.values(readExif(Buffer.concat([head, bytes])).tags)) {
        expect(Number.isFinite(value) || typeof value === 'string').toBe(true)
      }
    }),
  )
})

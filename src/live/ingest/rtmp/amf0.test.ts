import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMirrorError } from '../../../core/errors.ts'
import { AmfEcmaArray, type AmfValue, amfObject, decodeAmf0, encodeAmf0 } from './amf0.ts'

const text = fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed())
const { value: anyValue } = fc.letrec<{ value: AmfValue; properties: [string, AmfValue][] }>((tie) => ({
  properties: fc.array(fc.tuple(text, tie('value')), { maxLength: 4 }),
  value: fc.oneof(
    { maxDepth: 4 },
    fc.double(),
    fc.boolean(),
    text,
    fc.constant(null),
    fc.constant(undefined),
    fc.date({ noInvalidDate: true }),
    tie('properties').map((properties) => new Map(properties)),
    tie('properties').map((properties) => new AmfEcmaArray(properties)),
    fc.array(tie('value'), { maxLength: 4 }),
  ),
}))

test('what is encoded is decoded', () => {
  fc.assert(
    fc.property(fc.array(anyValue, { maxLength: 4 }), (values) => {
      expect(decodeAmf0(encodeAmf0(values))).toEqual(values)
    }),
  )
})

test('a connect command has the bytes of the specification', () => {
  const bytes = encodeAmf0(['connect', 1, amfObject({ app: 'live', fpad: false })])
  expect(Buffer.from(bytes).toString('hex')).toBe(
    // string "connect"; number 1; object { "app": string "live", "fpad": boolean false }, end marker
    '020007636f6e6e656374003ff00000000000000300036170700200046c69766500046670616401000000' + '09',
  )
})

test('the count of an ECMA array is not believed', () => {
  const bytes = Uint8Array.of(0x08, 0, 0, 0, 0, 0, 1, 0x61, 0x05, 0, 0, 0x09)
  expect(decodeAmf0(bytes)).toEqual([new AmfEcmaArray([['a', null]])])
})

test('a string of more than 65535 bytes takes the long form', () => {
  const long = 'ä'.repeat(40_000)
  expect(encodeAmf0([long])[0]).toBe(0x0c)
  expect(decodeAmf0(encodeAmf0([long]))).toEqual([long])
})

test('a property named __proto__ is just a property', () => {
  const [decoded] = decodeAmf0(encodeAmf0([new Map([['__proto__', true]])]))
  expect(decoded).toEqual(new Map([['__proto__', true]]))
  expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false)
})

test('nesting and number of values are limited', () => {
  const nested = new Uint8Array(400).map((_, index) => (index % 5 === 0 ? 0x0a : index % 5 === 4 ? 1 : 0))
  expect(() => decodeAmf0(nested)).toThrow('nested deeper')
  expect(() => decodeAmf0(new Uint8Array(5000).fill(0x05))).toThrow('more than 4096 values')
  expect(() => decodeAmf0(Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x05))).toThrow('longer than its message')
})

test('any bytes decode or are called malformed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        decodeAmf0(bytes)
      } catch (error) {
        expect(isMirrorError(error, 'ingest_malformed')).toBe(true)
      }
    }),
    { numRuns: 500 },
  )
})

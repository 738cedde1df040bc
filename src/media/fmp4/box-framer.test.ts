import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMirrorError } from '../../core/errors.ts'
import { BoxFramer, type FramedBox } from './box-framer.ts'

function box(type: string, payload = 0): Uint8Array {
  const bytes = Buffer.alloc(8 + payload, 0xab)
  bytes.writeUInt32BE(bytes.length)
  bytes.write(type, 4)
  return new Uint8Array(bytes)
}

function longBox(type: string, size: bigint, payload = 0): Uint8Array {
  const bytes = Buffer.alloc(16 + payload, 0xcd)
  bytes.writeUInt32BE(1)
  bytes.write(type, 4)
  bytes.writeBigUInt64BE(size, 8)
  return new Uint8Array(bytes)
}

function header(size: number, type: string): Uint8Array {
  const bytes = box(type)
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, size)
  return bytes
}

function errorOf(...chunks: readonly Uint8Array[]) {
  const framer = new BoxFramer({ maxBoxBytes: 1000 })
  try {
    for (const chunk of chunks) for (const _ of framer.push(chunk));
    framer.end()
  } catch (error) {
    if (isMirrorError(error)) return { code: error.code, message: error.message }
    throw error
  }
  return null
}

test('boxes come whole and in order, however the stream is cut', () => {
  const boxes = [
    box('ftyp', 12),
    longBox('moov', 40n, 24),
    box('moof', 100),
    box('mdat'),
    longBox('mdat', 16n),
    box('free', 3),
  ]
  const stream = Buffer.concat(boxes)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 30 }), (sizes) => {
      const framer = new BoxFramer()
      const found: FramedBox[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length] ?? 1
        found.push(...framer.push(stream.subarray(at, at + size)))
        at += size
      }
      framer.end()
      expect(framer.isAtBoundary).toBe(true)
      expect(found.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).toEqual(
        boxes.map((bytes) => Buffer.from(bytes).toString('hex')),
      )
      expect(found.map(({ type }) => type)).toEqual(['ftyp', 'moov', 'moof', 'mdat', 'mdat', 'free'])
      expect(found.map(({ headerBytes }) => headerBytes)).toEqual([8, 16, 8, 8, 16, 8])
      expect(found.map(({ offset }) => offset)).toEqual([0, 20, 60, 168, 176, 192])
    }),
  )
})

test('a box within one chunk is not copied', () => {
  const chunk = box('mdat', 100)
  expect([...new BoxFramer().push(chunk)][0]?.bytes.buffer).toBe(chunk.buffer)
})

test('a size beyond the limit is refused as soon as the header is seen', () => {
  expect(errorOf(header(0xffff_fff0, 'mdat'))).toMatchObject({
    code: 'ingest_fragment_too_large',
    message: expect.stringMatching(/"mdat" claims 4294967280 bytes; the limit is 1000/),
  })
  expect(errorOf(longBox('moof', 0xffff_ffff_ffff_ffffn))?.code).toBe('ingest_fragment_too_large')
  expect(errorOf(header(1000, 'mdat'))?.code).toBe('ingest_truncated')
  expect(errorOf(header(1001, 'mdat'))?.code).toBe('ingest_fragment_too_large')
})

test('what is no box is malformed', () => {
  expect(errorOf(header(7, 'ftyp'))?.code).toBe('ingest_malformed')
  expect(errorOf(longBox('moof', 15n))?.code).toBe('ingest_malformed')
  expect(errorOf(header(20, 'ab\0c'))?.code).toBe('ingest_malformed')
  expect(errorOf(Buffer.from('GET / HTTP/1.1\r\n\r\n'))?.code).toBe('ingest_malformed')
  expect(errorOf(box('ftyp'), header(0, 'mdat'))?.code).toBe('ingest_malformed')
})

test('the end may cut only boxes that hold no media', () => {
  expect(errorOf(box('ftyp'), header(100, 'mfra'))).toBeNull()
  expect(errorOf(box('ftyp'), header(0, 'free'), box('abcd', 2000))).toBeNull()
  expect(errorOf(box('ftyp'), box('moof').subarray(0, 3))?.code).toBe('ingest_truncated')
  expect(errorOf(box('ftyp'), header(100, 'mdat'))?.code).toBe('ingest_truncated')
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMirrorError } from '../../../core/errors.ts'
import { ChunkReader, MAX_COMMAND_BYTES } from './chunk-reader.ts'
import { ChunkWriter } from './chunk-writer.ts'
import type { RtmpMessage } from './message.ts'

function read(pieces: Iterable<Uint8Array>, allowMedia = true): RtmpMessage[] {
  const messages: RtmpMessage[] = []
  const reader = new ChunkReader((message) => messages.push(message))
  if (allowMedia) reader.allowMedia()
  for (const piece of pieces) reader.push(piece)
  return messages
}

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))
}

/** Cuts bytes at the given places, each piece a copy that is wiped after use, as a reused read buffer would be. */
function* cut(bytes: Uint8Array, places: readonly number[]): Generator<Uint8Array> {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  for (let index = 1; index < sorted.length; index += 1) {
    const piece = bytes.slice(sorted[index - 1], sorted[index])
    yield piece
    piece.fill(0xee)
  }
}

const message: fc.Arbitrary<RtmpMessage> = fc.record({
  type: fc.constantFrom(8, 9, 18, 20),
  timestampMs: fc.oneof(
    fc.nat(100_000),
    fc.integer({ min: 0xfffff0, max: 0x100000f }),
    fc.integer({ min: 0, max: 0xffffffff }),
  ),
  streamId: fc.integer({ min: 0, max: 0xffffffff }),
  body: fc.uint8Array({ maxLength: 700 }),
})

test('messages come out whole, however the bytes are cut', () => {
  const chunkSize = fc.integer({ min: 1, max: 300 })
  const channel = fc.integer({ min: 3, max: 10 })
  fc.assert(
    fc.property(
      chunkSize,
      fc.array(fc.tuple(channel, message), { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 30 }),
      (size, sent, places) => {
        const writer = new ChunkWriter()
        const body = new Uint8Array(4)
        new DataView(body.buffer).setUint32(0, size)
        const chunks = [writer.write(2, { type: 1, timestampMs: 0, streamId: 0, body })]
        for (const [id, each] of sent) chunks.push(writer.write(id, each))
        expect(read(cut(Buffer.concat(chunks), places))).toEqual(sent.map(([, each]) => each))
      },
    ),
  )
})

test('deltas, repeated headers and interleaved streams add up', () => {
  const bytes = hex(
    `
    04 000064 000002 08 01000000 aaaa  // format 0 at 100 ms
    c4 bbbb                            // format 3: the same again, 100 ms later (5.3.1.2.4)
    84 000014 cccc                     // format 2: 20 ms later
    c4 dddd                            // format 3: another 20 ms
    44 000001 000001 09 ee             // format 1: 1 ms later, another type and length
    00 05 00000a 000082 12 02000000 ${'11'.repeat(128)} // two-byte basic header: chunk stream 69, 130 bytes
    c4 ff                              // in between: chunk stream 4 again
    c0 05 2222
  `.replaceAll(/\/\/.*/g, ''),
  )
  const expected = [
    [8, 100, 1, 2],
    [8, 200, 1, 2],
    [8, 220, 1, 2],
    [8, 240, 1, 2],
    [9, 241, 1, 1],
    [9, 242, 1, 1],
    [18, 10, 2, 130],
  ]
  const columns = (messages: RtmpMessage[]): number[][] =>
    messages.map(({ type, timestampMs, streamId, body }) => [type, timestampMs, streamId, body.length])
  expect(columns(read([bytes]))).toEqual(expected)
  expect(columns(read(Array.from(bytes, (byte) => Uint8Array.of(byte))))).toEqual(expected)
})

test('a three-byte basic header reaches the high chunk streams', () => {
  const [found] = read([hex('01 0001 000000 000001 08 00000000 aa'), hex('c1 0001 bb')])
  expect(found?.body).toEqual(hex('aa'))
})

test.each([
  ['repeated in continuations', '01000000'],
  ['left out of continuations', ''],
])('an extended timestamp is read when it is %s', (_, repeated) => {
  const bytes = hex(`04 ffffff 000083 09 01000000 01000000 ${'ab'.repeat(128)} c4 ${repeated} 010203`)
  // One more message, so that a misread continuation cannot hide at the end.
  const after = hex('04 ffffff 000001 09 01000000 02000000 07')
  for (const pieces of [[bytes, after], Array.from(Buffer.concat([bytes, after]), (byte) => Uint8Array.of(byte))]) {
    const [long, short] = read(pieces)
    expect(long?.timestampMs).toBe(0x01000000)
    expect(long?.body.subarray(128)).toEqual(hex('010203'))
    expect(short).toMatchObject({ timestampMs: 0x02000000, body: hex('07') })
  }
})

test('timestamps wrap at 32 bits', () => {
  const [first, second] = read([hex('04 ffffff 000001 08 00000000 fffffff0 aa 84 000020 bb')])
  expect([first?.timestampMs, second?.timestampMs]).toEqual([0xfffffff0, 0x10])
})

test('an aborted message leaves no trace', () => {
  const started = hex(`04 000000 000100 09 01000000 ${'aa'.repeat(128)}`)
  const abort = hex('02 000000 000004 02 00000000 00000004')
  const next = hex('04 000005 000001 09 01000000 bb')
  expect(read([started, abort, next])).toEqual([{ type: 9, timestampMs: 5, streamId: 1, body: hex('bb') }])
})

test.each([
  ['a continuation of nothing', 'c4 00', 'never began'],
  ['a delta on nothing', '84 000000 00', 'never began'],
  ['a chunk size of 0', '02 000000 000004 01 00000000 00000000', 'chunk size'],
  [
    'a message within a message',
    `04 000000 000100 09 01000000 ${'aa'.repeat(128)} 04 000000 000001 09 01000000`,
    'inside another',
  ],
])('%s is malformed', (_, bytes, reason) => {
  expect(() => read([hex(bytes)])).toThrow(reason)
})

test('strangers may send commands only, publishers large messages, and nobody may start too many', () => {
  const large = hex('04 000000 010001 09 01000000')
  expect(() => read([large], false)).toThrow(`exceeds the limit of ${MAX_COMMAND_BYTES}`)
  expect(read([large])).toEqual([])
  // A chunk of 128 bytes of each message, so that all of them are under way at once.
  const begun = (id: number): Uint8Array => hex(`0${id} 000000 ffffff 09 01000000 ${'00'.repeat(128)}`)
  expect(() => read([begun(3), begun(4), begun(5)])).toThrow('unfinished messages')
  const many = Array.from({ length: 65 }, (_, index) =>
    hex(`00 ${(index + 16).toString(16)} 000000 000000 08 00000000`),
  )
  expect(() => read(many)).toThrow('more than 64 chunk streams')
})

test('finished messages make room for others', () => {
  const writer = new ChunkWriter()
  const size = writer.write(2, { type: 1, timestampMs: 0, streamId: 0, body: hex('00ffffff') })
  const large: RtmpMessage = { type: 9, timestampMs: 0, streamId: 1, body: new Uint8Array(12 * 1024 * 1024) }
  const chunks = writer.write(4, large) // Three of them are more than may be under way at once.
  expect(read([size, chunks, chunks, chunks])).toHaveLength(3)
})

test('noise is read or called malformed, in any pieces, with the same outcome', () => {
  const outcome = (pieces: Iterable<Uint8Array>): unknown => {
    const messages: RtmpMessage[] = []
    const reader = new ChunkReader((each) => messages.push(each))
    try {
      for (const piece of pieces) reader.push(piece)
      return messages
    } catch (error) {
      expect(isMirrorError(error, 'ingest_malformed')).toBe(true)
      return [messages, String(error)]
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.array(fc.nat(), { maxLength: 20 }), (noise, places) => {
      expect(outcome(cut(noise, places))).toEqual(outcome([noise]))
    }),
    { numRuns: 500 },
  )
})

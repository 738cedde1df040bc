import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isMirrorError } from '../../../core/errors.ts'
import type { InputFault } from '../protocol.ts'
import { type AmfValue, amfObject, decodeAmf0, encodeAmf0 } from './amf0.ts'
import { ChunkReader } from './chunk-reader.ts'
import { ChunkWriter } from './chunk-writer.ts'
import type { FlvTag } from './flv-tag.ts'
import type { RtmpMessage } from './message.ts'
import { RtmpSession } from './session.ts'

/** A session whose host accepts the key "k" for stream "x" and writes down everything. */
function setUp() {
  const said: RtmpMessage[] = []
  const done: string[] = []
  const tags: FlvTag[] = []
  const faults: [InputFault, boolean][] = []
  const listener = new ChunkReader((message) => said.push(message))
  const session = new RtmpSession({
    send: (bytes) => listener.push(bytes),
    authorise: (streamId, key) =>
      key === 'k'
        ? { ok: true, streamId: streamId ?? 'x' }
        : { ok: false, fault: { code: 'publish_key_wrong', message: 'wrong key' } },
    open: (streamId) => done.push(`open ${streamId}`),
    media: (tag) => tags.push(tag),
    unpublish: () => done.push('unpublish'),
    close: (fault, reported) => {
      done.push('close')
      faults.push([fault, reported])
    },
  })
  const writer = new ChunkWriter()
  const send = (type: number, body: Uint8Array, timestampMs = 0): void =>
    session.receive(writer.write(3, { type, timestampMs, streamId: 1, body }))
  const command = (...values: AmfValue[]): void => send(20, encodeAmf0(values))
  const answers = (): AmfValue[][] =>
    said.filter((message) => message.type === 20).map((message) => decodeAmf0(message.body))
  const publish = (): void => {
    command('connect', 1, amfObject({ app: 'live' }))
    command('createStream', 2, null)
    command('publish', 3, null, 'x?key=k', 'live')
    session.accepted()
  }
  return { session, said, done, tags, faults, send, command, answers, publish }
}

test('connect announces window, bandwidth and chunk size before its answer', () => {
  const { command, said } = setUp()
  command('connect', 1, amfObject({ app: 'live', tcUrl: 'rtmp://host/live' }))
  expect(said.map((message) => message.type)).toEqual([5, 6, 20]) // The reader consumes Set Chunk Size (1) itself.
})

test('a client without enhanced capabilities sees none', () => {
  const { command, answers } = setUp()
  command('connect', 1, amfObject({ app: 'live' }))
  const information = answers()[0]?.[3] as Map<string, unknown>
  expect(information.has('objectEncoding')).toBe(true)
  expect(information.has('fourCcList')).toBe(false)
})

test('the publication of OBS and ffmpeg gets every answer that they wait for', () => {
  const { session, command, answers, done } = setUp()
  command('connect', 1, amfObject({ app: 'live' }))
  command('releaseStream', 2, null, 'x?key=k')
  command('FCPublish', 3, null, 'x?key=k')
  command('createStream', 4, null)
  command('_checkbw', 5, null)
  command('publish', 6, null, 'x?key=k', 'live')
  expect(done).toEqual(['open x'])
  expect(answers().map(([name, transaction]) => [name, transaction])).toEqual(
    [1, 2, 3, 4, 5].map((transaction) => ['_result', transaction]),
  )
  session.accepted()
  const [name, , , information] = answers().at(-1) ?? []
  expect(name).toBe('onStatus')
  expect((information as Map<string, unknown>).get('code')).toBe('NetStream.Publish.Start')
  command('FCUnpublish', 7, null, 'x?key=k')
  command('deleteStream', 8, null, 1)
  expect(done).toEqual(['open x', 'unpublish'])
})

test('media counts only while something is published', () => {
  const { send, tags, publish, command } = setUp()
  send(9, Uint8Array.of(1))
  publish()
  send(9, Uint8Array.of(2), 40)
  send(8, new Uint8Array(0))
  command('closeStream', 0, null)
  send(9, Uint8Array.of(3))
  expect(tags).toEqual([{ type: 9, timestampMs: 40, body: Uint8Array.of(2) }])
})

test('an aggregate is split, its parts shifted to its own time', () => {
  const { send, tags, publish } = setUp()
  publish()
  const part = (type: number, timestampMs: number, byte: number): number[] => [
    ...[type, 0, 0, 1, 0, 0, timestampMs, 0, 0, 0, 0],
    ...[byte, 0, 0, 0, 12],
  ]
  // The command (20) within is not one for us: an aggregate carries media.
  send(22, Uint8Array.from([...part(8, 10, 0xa), ...part(20, 15, 0xc), ...part(9, 30, 0xb)]), 1000)
  expect(tags).toEqual([
    { type: 8, timestampMs: 1000, body: Uint8Array.of(0xa) },
    { type: 9, timestampMs: 1020, body: Uint8Array.of(0xb) },
  ])
  expect(() => send(22, Uint8Array.of(8, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1))).toThrow('aggregate')
})

test('script data loses @setDataFrame, also in its AMF3 envelope', () => {
  const { send, tags, publish } = setUp()
  publish()
  const frame = encodeAmf0(['@setDataFrame', 'onMetaData', new Map()])
  const bare = encodeAmf0(['onMetaData', new Map()])
  send(18, frame)
  send(15, Uint8Array.from([0, ...frame]))
  send(18, bare)
  send(18, encodeAmf0(['@clearDataFrame', 'onMetaData']))
  expect(tags).toEqual(Array(3).fill({ type: 18, timestampMs: 0, body: bare }))
})

test('received bytes are acknowledged once per window of the client', () => {
  const { send, said, publish } = setUp()
  publish()
  send(5, Uint8Array.of(0, 0, 0x10, 0)) // 4096
  for (let index = 0; index < 20; index += 1) send(9, new Uint8Array(1000).fill(index))
  const acknowledged = said
    .filter((message) => message.type === 3)
    .map((message) => Buffer.from(message.body).readUInt32BE())
  expect(acknowledged.length).toBeGreaterThanOrEqual(3)
  for (const [index, value] of acknowledged.entries()) {
    expect(value - (acknowledged[index - 1] ?? 0)).toBeGreaterThanOrEqual(4096)
  }
})

test('a ping is answered with its own timestamp', () => {
  const { send, said } = setUp()
  send(4, Uint8Array.of(0, 6, 1, 2, 3, 4))
  expect(said.at(-1)?.body).toEqual(Uint8Array.of(0, 7, 1, 2, 3, 4))
})

test('after the close nothing is said or taken any more', () => {
  const { session, send, command, said, done, tags, publish } = setUp()
  publish()
  session.end({ code: 'input_ended', message: 'over' })
  const before = said.length
  send(9, Uint8Array.of(1))
  command('publish', 9, null, 'x?key=k', 'live')
  session.end({ code: 'input_ended', message: 'over' })
  session.ping(1)
  expect([said.length, tags.length, done]).toEqual([before, 0, ['open x', 'close']])
})

test('commands before connect, a second connect and nameless commands are malformed', () => {
  expect(() => setUp().command('createStream', 1, null)).toThrow('before "connect"')
  const { command } = setUp()
  command('connect', 1, amfObject({ app: 'live' }))
  expect(() => command('connect', 1, amfObject({ app: 'live' }))).toThrow('twice')
  expect(() => setUp().command(7)).toThrow('no name')
})

test('no message body does more harm than a named error', () => {
  const type = fc.constantFrom(3, 4, 5, 6, 8, 9, 15, 17, 18, 20, 22, 99)
  fc.assert(
    fc.property(fc.array(fc.tuple(type, fc.uint8Array({ maxLength: 60 })), { maxLength: 6 }), (messages) => {
      const { send, publish } = setUp()
      publish()
      try {
        for (const [each, body] of messages) send(each, body)
      } catch (error) {
        expect(isMirrorError(error, 'ingest_malformed')).toBe(true)
      }
    }),
    { numRuns: 300 },
  )
})

// What goes wrong with RTMP, against a real Mirror: the encoder reads a status, people read an event, and the stream next
// door does not notice.
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PublishKeyView, StreamView } from '../../src/api/stream-contract.ts'
import { Encoder, pictureArgs } from '../support/encoder.ts'
import {
  expectBridgedOutage,
  expectPlayersToldOfDeletion,
  expectSingleTrack,
  UNHURRIED,
} from '../support/live-checks.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { RtmpClient, RtmpRefused, type RtmpStatus } from '../support/rtmp-client.ts'
import { EventSocket, expectTold } from '../support/told.ts'
import { Witness } from '../support/witness.ts'

const TINY = { size: '160x90', rate: '30', gop: 15 } as const
const SETTINGS = { segment: '500ms', part: '100ms' } as const

let mirror: MirrorProcess
let witness: Witness
let port = 0

beforeAll(async () => {
  mirror = await MirrorProcess.start()
  witness = await Witness.start(mirror, 'rtmp')
  port = Number(new URL((await mirror.stream('witness')).ingest?.rtmpServer ?? '').port)
})

afterAll(async () => {
  await witness?.[Symbol.asyncDispose]()
  await mirror?.[Symbol.asyncDispose]()
})

test('a wrong key with the stream id is refused, and the encoder prints why', async () => {
  await mirror.createStream('keys')
  using socket = await EventSocket.open(mirror, ['stream.keys'])
  expect(await refusalOf('keys?key=wrong')).toEqual({
    level: 'error',
    code: 'NetStream.Publish.Denied',
    description: 'wrong publish key for stream keys',
  })
  await socket.expectEvent('stream.error', 'publish_key_wrong')
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'publish_key_wrong',
    streamId: 'keys',
    message: /RTMP publisher refused: wrong publish key/,
  })
  await using encoder = publishTo(`rtmp://127.0.0.1:${port}/live/keys?key=wrong`)
  expect(await encoder.exited()).not.toBe(0)
  expect(encoder.stderr).toContain('wrong publish key for stream keys')
  await witness.expectUnharmed()
})

test('a wrong bare key is refused', async () => {
  expect(await refusalOf('wrong')).toMatchObject({
    code: 'NetStream.Publish.Denied',
    description: 'no stream has this publish key',
  })
  await expectTold(mirror, {
    type: 'system.warning',
    code: 'publish_key_wrong',
    streamId: null,
    message: /no stream has this publish key/,
  })
})

test('a wrong key in the server address is refused at connect', async () => {
  const sinceMs = Date.now()
  const refused = await RtmpClient.connect({ port, app: 'live?key=wrong' }).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(RtmpRefused)
  expect(refused).toMatchObject({
    status: { code: 'NetConnection.Connect.Rejected', description: 'no stream has this publish key' },
  })
  const message = /no stream has this publish key/
  await expectTold(mirror, { type: 'system.warning', code: 'publish_key_wrong', streamId: null, message }, sinceMs)
})

test('an unknown stream is refused', async () => {
  expect(await refusalOf('nobody?key=x')).toMatchObject({
    code: 'NetStream.Publish.Denied',
    description: 'there is no stream nobody',
  })
  await expectTold(mirror, {
    type: 'system.warning',
    code: 'stream_not_found',
    streamId: null,
    message: /no stream nobody/,
  })
})

test('a second publisher is refused while the first goes on', async () => {
  const stream = await mirror.createStream('busy', SETTINGS)
  await using first = publishTo(stream.ingest?.rtmp ?? '')
  await mirror.waitForStatus('busy', 'live')
  expect(await refusalOf(stream.ingest?.rtmpKey ?? '')).toMatchObject({
    code: 'NetStream.Publish.BadName',
    description: expect.stringMatching(/already has a publisher/),
  })
  await using second = publishTo(stream.ingest?.rtmp ?? '')
  expect(await second.exited()).not.toBe(0)
  expect(second.stderr).toContain('stream busy already has a publisher')
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'stream_busy',
    streamId: 'busy',
    message: /already has a publisher/,
  })
  expect(first.isRunning).toBe(true)
  expect((await mirror.stream('busy')).status).toBe('live')
  await witness.expectUnharmed()
})

test('where takeover is allowed the second publisher gets the stream and the first is told', async () => {
  const stream = await mirror.createStream('takeover', { ...SETTINGS, onBusy: 'takeover' })
  const first = await publishAs(stream)
  const told = first.waitForStatus()
  await using second = publishTo(stream.ingest?.rtmp ?? '')
  expect(await told).toMatchObject({
    level: 'error',
    code: 'NetStream.Publish.Rejected',
    description: 'another publisher took over',
  })
  await first.closed
  await expectTold(mirror, {
    type: 'stream.input_disconnected',
    code: 'input_ended',
    streamId: 'takeover',
    message: /another publisher took over/,
  })
  await mirror.waitForStatus('takeover', 'live')
  expect(second.isRunning).toBe(true)
})

test('two publishers that come at once on one stream: one is live, the other is refused', async () => {
  const stream = await mirror.createStream('race')
  const clients = await Promise.all([RtmpClient.connect({ port }), RtmpClient.connect({ port })])
  const answers = await Promise.allSettled(clients.map((client) => client.publish(stream.ingest?.rtmpKey ?? '')))
  expect(answers.map((answer) => answer.status).toSorted()).toEqual(['fulfilled', 'rejected'])
  expect(answers.find((answer) => answer.status === 'rejected')?.reason).toMatchObject({
    status: { code: 'NetStream.Publish.BadName' },
  })
  for (const client of clients) client.vanish()
})

test('two publishers that come at once on two streams are both live', async () => {
  const streams = await Promise.all(['left', 'right'].map((id) => mirror.createStream(id, SETTINGS)))
  await using left = publishTo(streams[0]?.ingest?.rtmp ?? '')
  await using right = publishTo(streams[1]?.ingest?.rtmp ?? '')
  await Promise.all(streams.map((stream) => mirror.waitForStatus(stream.id, 'live')))
  expect([left.isRunning, right.isRunning]).toEqual([true, true])
})

test('random bytes on the port end the connection and are shown', async () => {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(Buffer.concat([Buffer.from([0x47]), randomBytes(5000)]))
  socket.resume()
  await closed
  await expectTold(mirror, {
    type: 'system.warning',
    code: 'ingest_malformed',
    streamId: null,
    message: /RTMP publisher refused: .*RTMP/,
  })
  await witness.expectUnharmed()
})

test('noise after the handshake ends the connection', async () => {
  const client = await RtmpClient.open(port)
  const closed = client.closed.catch(() => {}) // A reset is as good an end as any.
  client.socket.write(Uint8Array.from({ length: 100_000 }, (_, index) => 0xff - ((index * 7919) >>> 3)))
  await closed
  expect(client.messages).toEqual([])
  await witness.expectUnharmed()
})

test('a publisher that sends nonsense is told so in the protocol', async () => {
  const stream = await mirror.createStream('noise')
  const client = await publishAs(stream)
  const told = client.waitForStatus()
  client.sendTag({ type: 9, timestampMs: 0, body: Uint8Array.of(0x17, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9) })
  const status = await told
  expect(status).toMatchObject({ level: 'error', code: 'NetStream.Publish.Rejected' })
  await client.closed
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_malformed',
    streamId: 'noise',
    message: new RegExp(escaped(status.description)),
  })
  await mirror.waitForStatus('noise', 'offline')
  await witness.expectUnharmed()
})

test('broken chunks in the middle of a publication end it with a status', async () => {
  const stream = await mirror.createStream('chunks')
  const client = await publishAs(stream)
  const told = client.waitForStatus()
  // A chunk of type 3 on a chunk stream that never began.
  client.socket.write(Uint8Array.of(0xff, 1, 2, 3, 4, 5, 6, 7))
  expect(await told).toMatchObject({
    level: 'error',
    code: 'NetStream.Publish.Rejected',
    description: expect.stringMatching(/chunk stream/),
  })
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_malformed',
    streamId: 'chunks',
    message: /chunk stream/,
  })
})

test('a codec that cannot be carried is named to the encoder', async () => {
  const stream = await mirror.createStream('mp3')
  const inputs = ['-re', '-f', 'lavfi', '-i', 'sine=f=440:r=44100', '-t', '20']
  await using encoder = new Encoder([
    '-hide_banner',
    '-loglevel',
    'warning',
    '-nostdin',
    ...inputs,
    '-c:a',
    'libmp3lame',
    '-f',
    'flv',
    stream.ingest?.rtmp ?? '',
  ])
  expect(await encoder.exited()).not.toBe(0)
  expect(encoder.stderr).toMatch(/audio codec MP3 is not supported/)
  await expectTold(mirror, { type: 'stream.error', code: 'ingest_codec_unsupported', streamId: 'mp3', message: /MP3/ })
})

test.each([
  ['video', { audio: false }],
  ['audio', { video: false }],
] as const)('a publisher with %s alone is played as one track', async (kind, without) => {
  const stream = await mirror.createStream(`only-${kind}`, SETTINGS)
  await using _encoder = publishTo(stream.ingest?.rtmp ?? '', without)
  await expectSingleTrack(mirror, stream, kind)
})

test('a publisher that vanishes leaves gaps, and the stream goes on when it returns', async () => {
  const stream = await mirror.createStream('vanish', SETTINGS)
  await expectBridgedOutage(mirror, stream, () => publishTo(stream.ingest?.rtmp ?? ''))
  await witness.expectUnharmed()
})

test('a restart tells the encoder, and it may come back at once', async () => {
  const stream = await mirror.createStream('restarted', SETTINGS)
  await using encoder = publishTo(stream.ingest?.rtmp ?? '')
  await mirror.waitForStatus('restarted', 'live')
  await mirror.api('POST', '/streams/restarted/restart')
  expect(await encoder.exited()).not.toBe(0)
  expect(encoder.stderr).toContain('the stream was restarted')
  await expectTold(mirror, {
    type: 'stream.input_disconnected',
    code: 'input_ended',
    streamId: 'restarted',
    message: /was restarted/,
  })
  const client = await publishAs(stream)
  client.vanish()
})

test('deleting the stream tells its encoder, and players that wait', async () => {
  const stream = await mirror.createStream('deleted', UNHURRIED)
  await using encoder = publishTo(stream.ingest?.rtmp ?? '')
  await mirror.waitForStatus('deleted', 'live')
  await expectPlayersToldOfDeletion(mirror, stream)
  expect(await encoder.exited()).not.toBe(0)
  expect(encoder.stderr).toContain('the stream was removed')
  expect(await refusalOf(stream.ingest?.rtmpKey ?? '')).toMatchObject({
    code: 'NetStream.Publish.Denied',
    description: 'there is no stream deleted',
  })
  await witness.expectUnharmed()
})

test('a key that is rotated ends no publication, but opens none any more', async () => {
  const stream = await mirror.createStream('rotated')
  const running = await publishAs(stream)
  const { key } = await mirror.api<PublishKeyView>('POST', '/streams/rotated/keys', { rotate: true })
  await expect.poll(async () => (await refusalOf(stream.ingest?.rtmpKey ?? '')).code).toBe('NetStream.Publish.Denied')
  // The new key is right: what stands in the way is the publisher that stayed.
  expect(await refusalOf(`rotated?key=${key}`)).toMatchObject({ code: 'NetStream.Publish.BadName' })
  expect(running.socket.destroyed).toBe(false)
  await running.close()
  const client = await RtmpClient.connect({ port })
  expect(await client.publish(`rotated?key=${key}`)).toMatchObject({ code: 'NetStream.Publish.Start' })
  client.vanish()
})

function publishTo(url: string, without: { audio?: false; video?: false } = {}): Encoder {
  return new Encoder([...pictureArgs({ seconds: 60, ...TINY, ...without }), '-f', 'flv', url])
}

async function publishAs(stream: StreamView): Promise<RtmpClient> {
  const client = await RtmpClient.connect({ port })
  await client.publish(stream.ingest?.rtmpKey ?? '')
  return client
}

/** The status that refuses a publisher; an accepted one is a failure. */
async function refusalOf(streamKey: string): Promise<RtmpStatus> {
  const client = await RtmpClient.connect({ port })
  const answer = await client.publish(streamKey).catch((error: unknown) => error)
  client.vanish()
  if (answer instanceof RtmpRefused) return answer.status
  throw new Error(`${streamKey} was not refused: ${JSON.stringify(answer)}`)
}

function escaped(text: string): string {
  return text.replaceAll(/[^\w ]/g, '.')
}

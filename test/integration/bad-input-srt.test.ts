// What goes wrong with SRT, against a real Mirror with a passphrase: the caller reads a reject code, people read an event,
// and the stream next door does not notice.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PublishKeyView, StreamView } from '../../src/api/stream-contract.ts'
import { Encoder, patientSrt, pictureArgs } from '../support/encoder.ts'
import {
  expectBridgedOutage,
  expectPlayersToldOfDeletion,
  expectSingleTrack,
  UNHURRIED,
} from '../support/live-checks.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { SrtCaller } from '../support/srt-caller.ts'
import { EventSocket, expectTold } from '../support/told.ts'
import { Witness } from '../support/witness.ts'

const TINY = { size: '160x90', rate: '30', gop: 15 } as const
const SETTINGS = { segment: '500ms', part: '100ms' } as const
const PASSPHRASE = 'correct-horse'
/** SRT_REJECT_REASON of srt.h: the passwords do not match, or one side has none. */
const SRT_REJ_BADSECRET = 10
const SRT_REJ_UNSECURE = 11

let folder: string
let mirror: MirrorProcess
let witness: Witness
let port = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-bad-srt-'))
  await writeFile(join(folder, 'mirror.yml'), `srt: { passphrase: ${PASSPHRASE} }\n`)
  mirror = await MirrorProcess.start({ env: { MIRROR_CONFIG: join(folder, 'mirror.yml') } })
  witness = await Witness.start(mirror, 'srt')
  port = Number(new URL((await mirror.stream('witness')).ingest?.srt ?? '').port)
})

afterAll(async () => {
  await witness?.[Symbol.asyncDispose]()
  await mirror?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('a wrong key is refused with 1401', async () => {
  await mirror.createStream('keys')
  using socket = await EventSocket.open(mirror, ['stream.keys'])
  expect(await rejectReason('publish:keys:wrong')).toBe(1401)
  await socket.expectEvent('stream.error', 'publish_key_wrong')
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'publish_key_wrong',
    streamId: 'keys',
    message: /SRT publisher refused: Wrong publish key for stream "keys"/,
  })
  await using encoder = publishTo(`srt://127.0.0.1:${port}?streamid=publish:keys:wrong&passphrase=${PASSPHRASE}`)
  expect(await encoder.exited()).not.toBe(0)
  await witness.expectUnharmed()
})

test.each([
  ['an unknown stream', 'publish:nobody:x', 1404, 'stream_not_found', /There is no stream "nobody"/],
  ['a stream id that cannot be read', 'hello', 1400, 'invalid_request', /expected "publish:<stream>:<key>"/],
])('%s is refused with a code', async (_title, streamId, reason, code, message) => {
  expect(await rejectReason(streamId)).toBe(reason)
  await expectTold(mirror, { type: 'system.warning', code, streamId: null, message })
})

test.each([
  ['a wrong passphrase', 'battery-staple', SRT_REJ_BADSECRET],
  ['no passphrase', null, SRT_REJ_UNSECURE],
])('%s is refused in the handshake', async (title, passphrase, reason) => {
  const stream = await mirror.createStream(title.replaceAll(' ', '-'))
  const sinceMs = Date.now()
  expect(await rejectReason(streamIdOf(stream), passphrase)).toBe(reason)
  const message = /passphrase .* is missing or wrong/
  // libsrt tells the listener nothing: a caller that was let in and never came is what there is to see.
  await mirror.waitForEvent((event) => event.streamId === stream.id && event.code === 'publish_key_wrong', 4000)
  await expectTold(mirror, { type: 'stream.error', code: 'publish_key_wrong', streamId: stream.id, message }, sinceMs)
})

test('a second publisher is refused with 1409 while the first goes on', async () => {
  const stream = await mirror.createStream('busy', SETTINGS)
  await using first = publishTo(patientSrt(stream))
  await mirror.waitForStatus('busy', 'live')
  expect(await rejectReason(streamIdOf(stream))).toBe(1409)
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'stream_busy',
    streamId: 'busy',
    message: /Another publisher is live on stream "busy"/,
  })
  expect(first.isRunning).toBe(true)
  expect((await mirror.stream('busy')).status).toBe('live')
  await witness.expectUnharmed()
})

test('where takeover is allowed the second publisher gets the stream and the first loses its connection', async () => {
  const stream = await mirror.createStream('takeover', { ...SETTINGS, onBusy: 'takeover' })
  await using first = publishTo(patientSrt(stream))
  await mirror.waitForStatus('takeover', 'live')
  await using second = publishTo(patientSrt(stream))
  expect(await first.exited()).not.toBe(0)
  await expectTold(mirror, {
    type: 'stream.input_disconnected',
    code: 'input_ended',
    streamId: 'takeover',
    message: /another publisher took over/,
  })
  expect(second.isRunning).toBe(true)
})

test('two publishers that come at once on one stream: one is let in, the other is refused', async () => {
  const stream = await mirror.createStream('race')
  // Who is silent for long gives way to others: neither may be late because its process was.
  const call = { port, streamId: streamIdOf(stream), passphrase: PASSPHRASE, waits: true }
  await using left = new SrtCaller(call)
  await using right = new SrtCaller(call)
  await Promise.all([left.ready, right.ready])
  for (const caller of [left, right]) caller.call()
  const reasons = await Promise.all([left.rejectReason, right.rejectReason])
  expect(reasons.toSorted()).toEqual([1409, null])
})

test('a publisher that sends no MPEG-TS is cut off and shown', async () => {
  const stream = await mirror.createStream('noise')
  await using caller = new SrtCaller({
    port,
    streamId: streamIdOf(stream),
    passphrase: PASSPHRASE,
    payload: 'random',
  })
  expect(await caller.rejectReason).toBeNull()
  await caller.ended
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_malformed',
    streamId: 'noise',
    message: /hold no MPEG-TS packets/,
  })
  await mirror.waitForStatus('noise', 'offline')
  await witness.expectUnharmed()
})

test('a codec that cannot be carried is named', async () => {
  const stream = await mirror.createStream('mpeg2')
  const input = ['-re', '-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25', '-t', '20']
  const url = patientSrt(stream)
  await using encoder = new Encoder(['-hide_banner', '-nostdin', ...input, '-c:v', 'mpeg2video', '-f', 'mpegts', url])
  expect(await encoder.exited()).not.toBe(0)
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_codec_unsupported',
    streamId: 'mpeg2',
    message: /MPEG-2 video \(0x02\)/,
  })
})

test.each([
  ['video', { audio: false }],
  ['audio', { video: false }],
] as const)('a publisher with %s alone is played as one track', async (kind, without) => {
  const stream = await mirror.createStream(`only-${kind}`, SETTINGS)
  await using _encoder = publishTo(patientSrt(stream), without)
  await expectSingleTrack(mirror, stream, kind)
})

test('a publisher that vanishes leaves gaps, and the stream goes on when it returns', async () => {
  const stream = await mirror.createStream('vanish', SETTINGS)
  await expectBridgedOutage(mirror, stream, () => publishTo(patientSrt(stream)))
  await witness.expectUnharmed()
})

test('deleting the stream ends its publisher, and players that wait are answered', async () => {
  const stream = await mirror.createStream('deleted', UNHURRIED)
  await using encoder = publishTo(patientSrt(stream))
  await mirror.waitForStatus('deleted', 'live')
  await expectPlayersToldOfDeletion(mirror, stream)
  expect(await encoder.exited()).not.toBe(0)
  expect(await rejectReason(streamIdOf(stream))).toBe(1404)
  await witness.expectUnharmed()
})

test('a key that is rotated ends no publication, but opens none any more', async () => {
  const stream = await mirror.createStream('rotated', SETTINGS)
  await using encoder = publishTo(patientSrt(stream))
  await mirror.waitForStatus('rotated', 'live')
  const { key } = await mirror.api<PublishKeyView>('POST', '/streams/rotated/keys', { rotate: true })
  await expect.poll(() => rejectReason(streamIdOf(stream))).toBe(1401)
  // The new key is right: what stands in the way is the publisher that stayed.
  expect(await rejectReason(`publish:rotated:${key}`)).toBe(1409)
  expect(encoder.isRunning).toBe(true)
})

function publishTo(url: string, without: { audio?: false; video?: false } = {}): Encoder {
  return new Encoder([...pictureArgs({ seconds: 60, ...TINY, ...without }), '-f', 'mpegts', url])
}

function streamIdOf(stream: StreamView): string {
  return `publish:${stream.id}:${stream.publishKey}`
}

async function rejectReason(streamId: string, passphrase: string | null = PASSPHRASE): Promise<number | null> {
  await using caller = new SrtCaller({ port, streamId, passphrase })
  return await caller.rejectReason
}

// What goes wrong with CMAF over HTTP, against a real Mirror: the encoder reads an HTTP status and a problem code, people
// read an event, and the stream next door does not notice.
import { type ClientRequest, request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { CMAF_OUTPUT, Encoder, pictureArgs } from '../support/encoder.ts'
import { makeFixture, testInputs } from '../support/fixtures.ts'
import { mediaPlaylist } from '../support/hls.ts'
import {
  expectBridgedOutage,
  expectPlayersToldOfDeletion,
  expectSingleTrack,
  UNHURRIED,
} from '../support/live-checks.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { EventSocket, expectTold } from '../support/told.ts'
import { Witness } from '../support/witness.ts'

const H264_AAC = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '15', '-c:a', 'aac']
const TINY = { size: '160x90', rate: '30', gop: 15 } as const
const SETTINGS = { segment: '500ms', part: '100ms' } as const

let mirror: MirrorProcess
let witness: Witness
/** Three seconds of H.264 and AAC in fragments of 0.2 s. */
let cmaf: Uint8Array
/** Runs beside all other tests: it is slow by nature. */
let slowRequest: ReturnType<typeof sendSlowly>

beforeAll(async () => {
  mirror = await MirrorProcess.start()
  cmaf = await makeFixture(
    [...testInputs({ seconds: 3, size: '160x90', rate: '30' }), ...H264_AAC, ...CMAF_OUTPUT],
    'bad.mp4',
  )
  witness = await Witness.start(mirror, 'cmaf')
  slowRequest = sendSlowly()
})

afterAll(async () => {
  await witness?.[Symbol.asyncDispose]()
  await mirror?.[Symbol.asyncDispose]()
})

test('a wrong key is refused with 403, in the query and as a bearer token', async () => {
  const { id } = await mirror.createStream('keys')
  using socket = await EventSocket.open(mirror, [`stream.${id}`])
  const inQuery = await post(`/ingest/${id}?key=wrong`, cmaf)
  const asBearer = await post(`/ingest/${id}`, cmaf, { authorization: 'Bearer wrong' })
  const missing = await post(`/ingest/${id}`, cmaf)
  for (const answer of [inQuery, asBearer, missing]) {
    expect(answer).toMatchObject({
      status: 403,
      code: 'publish_key_wrong',
      detail: `wrong publish key for stream ${id}`,
    })
  }
  await socket.expectEvent('stream.error', 'publish_key_wrong')
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'publish_key_wrong',
    streamId: id,
    message: /CMAF publisher refused: wrong publish key/,
  })
  await witness.expectUnharmed()
})

test('an unknown stream is refused with 404', async () => {
  expect(await post('/ingest/nobody?key=x', cmaf)).toMatchObject({ status: 404, code: 'stream_not_found' })
  await expectTold(mirror, {
    type: 'system.warning',
    code: 'stream_not_found',
    streamId: null,
    message: /there is no stream nobody/,
  })
})

test('a second publisher is refused with 409 while the first goes on', async () => {
  const stream = await mirror.createStream('busy', SETTINGS)
  await using first = publish(stream)
  await mirror.waitForStatus('busy', 'live')
  expect(await post(cmafPath(stream), cmaf)).toMatchObject({ status: 409, code: 'stream_busy' })
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'stream_busy',
    streamId: 'busy',
    message: /already has a publisher/,
  })
  await using second = publish(stream)
  await second.exited()
  // ffmpeg reads no answer before it has sent everything; that it cannot go on is all it says.
  expect(second.child.exitCode).not.toBe(0)
  expect(first.isRunning).toBe(true)
  expect(await mirror.stream('busy')).toMatchObject({ status: 'live', live: { input: { protocol: 'cmaf' } } })
  await witness.expectUnharmed()
})

test('where takeover is allowed the second publisher gets the stream and the first is told', async () => {
  const stream = await mirror.createStream('takeover', { ...SETTINGS, onBusy: 'takeover' })
  const first = open(cmafPath(stream))
  first.request.write(cmaf)
  await waitForStart('takeover')
  await using second = publish(stream)
  expect(await first.answer).toMatchObject({ status: 410, code: 'input_ended', detail: 'another publisher took over' })
  await expectTold(mirror, {
    type: 'stream.input_disconnected',
    code: 'input_ended',
    streamId: 'takeover',
    message: /another publisher took over/,
  })
  await expect
    .poll(async () => (await mirror.stream('takeover')).live.input?.receivedBytes ?? 0)
    .toBeGreaterThan(20_000)
  expect(second.isRunning).toBe(true)
})

test('bytes that are no MP4 are refused with 400 and shown', async () => {
  const stream = await mirror.createStream('noise')
  const noise = Uint8Array.from({ length: 50_000 }, (_, index) => (index * 7919) >>> 3)
  expect(await post(cmafPath(stream), noise)).toMatchObject({ status: 400, code: 'ingest_malformed' })
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_malformed',
    streamId: 'noise',
    message: /no MP4 box at byte 0/,
  })
  // Shorter than a box header, and text without a type.
  for (const body of ['x', 'GET / HTTP/1.1\r\nHost: there\r\n\r\n']) {
    expect(await post(cmafPath(stream), Buffer.from(body))).toMatchObject({ status: 400 })
  }
  await witness.expectUnharmed()
  expect((await mirror.stream('noise')).status).toBe('offline')
})

test('MPEG-TS is refused with a status that says what belongs here', async () => {
  const stream = await mirror.createStream('wrong-container')
  const ts = await makeFixture([...testInputs({ seconds: 1 }), ...H264_AAC, '-f', 'mpegts'], 'bad.ts')
  expect(await post(cmafPath(stream), ts)).toMatchObject({ status: 400, code: 'ingest_malformed' })
  expect(await post(cmafPath(stream), ts, { 'content-type': 'video/mp2t' })).toMatchObject({
    status: 415,
    code: 'ingest_type_unsupported',
    detail: expect.stringMatching(/video\/mp2t.*fragmented MP4/),
  })
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_type_unsupported',
    streamId: 'wrong-container',
    message: /fragmented MP4/,
  })
})

test('text is refused with 415 before it is read', async () => {
  const stream = await mirror.createStream('prose')
  const answer = await post(cmafPath(stream), Buffer.from('hello'), { 'content-type': 'text/plain' })
  expect(answer).toMatchObject({ status: 415, code: 'ingest_type_unsupported' })
})

test('a body cut inside a fragment is told, and what came before it was published', async () => {
  const stream = await mirror.createStream('cut', SETTINGS)
  const lastMdat = Buffer.from(cmaf).lastIndexOf('mdat')
  const answer = await post(cmafPath(stream), cmaf.subarray(0, lastMdat + 20))
  expect(answer).toMatchObject({
    status: 400,
    code: 'ingest_truncated',
    detail: expect.stringMatching(/inside box "mdat"/),
  })
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_truncated',
    streamId: 'cut',
    message: /ended inside box "mdat"/,
  })
  const publishedSec = async () => {
    const { segments } = await mediaPlaylist(`${mirror.mediaUrl}/stream/cut/v0/playlist.m3u8`)
    return segments.reduce((sum, { uri, gap, duration }) => sum + (uri === '' || gap === true ? 0 : duration), 0)
  }
  await expect.poll(publishedSec).toBeGreaterThanOrEqual(2)
  await witness.expectUnharmed()
})

test('a connection that breaks inside a fragment is told as well', async () => {
  const stream = await mirror.createStream('torn', SETTINGS)
  const { request: sending, answer } = open(cmafPath(stream))
  answer.catch(() => {}) // Nobody is there to read it.
  sending.write(cmaf.subarray(0, Buffer.from(cmaf).lastIndexOf('mdat') + 20))
  await waitForStart('torn')
  sending.destroy()
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_truncated',
    streamId: 'torn',
    message: /ended inside box "mdat"/,
  })
})

test('fragments before the header are refused with 412', async () => {
  const stream = await mirror.createStream('headless')
  const firstMoof = Buffer.from(cmaf).indexOf('moof') - 4
  expect(await post(cmafPath(stream), cmaf.subarray(firstMoof))).toMatchObject({
    status: 412,
    code: 'ingest_init_missing',
  })
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_init_missing',
    streamId: 'headless',
    message: /before the movie header/,
  })
})

test('a box that claims 4 GB is refused with 413 at once, while the body is still open', async () => {
  const stream = await mirror.createStream('giant')
  const { request: sending, answer } = open(cmafPath(stream))
  sending.write(cmaf.subarray(0, Buffer.from(cmaf).indexOf('moof') - 4))
  sending.write(Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff]), Buffer.from('mdat')]))
  // An encoder that sends nothing more would be ended for that, by another name.
  expect(await answer).toMatchObject({
    status: 413,
    code: 'ingest_fragment_too_large',
    detail: expect.stringMatching(/4294967295 bytes/),
  })
  sending.destroy()
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_fragment_too_large',
    streamId: 'giant',
    message: /the limit is/,
  })
  await witness.expectUnharmed()
})

test('fragments without samples are counted and do not end the stream', async () => {
  const stream = await mirror.createStream('hollow', SETTINGS)
  const { request: sending, answer } = open(cmafPath(stream))
  sending.write(cmaf)
  await waitForStart('hollow')
  for (let sequence = 1000; sequence < 1005; sequence += 1) sending.write(emptyFragment(sequence))
  await expectTold(mirror, {
    type: 'stream.warning',
    code: 'corrupt_sample',
    streamId: 'hollow',
    message: /fragment without samples/,
  })
  await expect.poll(async () => (await mirror.stream('hollow')).live.drops).toEqual({ corrupt_sample: 5 })
  sending.end()
  expect(await answer).toMatchObject({ status: 200 })
})

test('an MP4 that is not fragmented is refused with 415 and the option that helps', async () => {
  const stream = await mirror.createStream('plain')
  const inputs = testInputs({ seconds: 1, size: '160x90' })
  const mdatFirst = await makeFixture([...inputs, ...H264_AAC, '-f', 'mp4'], 'plain.mp4')
  const moovFirst = await makeFixture([...inputs, ...H264_AAC, '-movflags', '+faststart', '-f', 'mp4'], 'faststart.mp4')
  for (const file of [mdatFirst, moovFirst]) {
    expect(await post(cmafPath(stream), file)).toMatchObject({
      status: 415,
      code: 'ingest_type_unsupported',
      detail: expect.stringMatching(/fragmented.*-movflags \+cmaf/),
    })
  }
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_type_unsupported',
    streamId: 'plain',
    message: /-movflags \+cmaf/,
  })
})

test('a codec that cannot be carried is named', async () => {
  const stream = await mirror.createStream('vp9')
  const vp9 = ['-an', '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8']
  const file = await makeFixture([...testInputs({ seconds: 1, size: '160x90' }), ...vp9, ...CMAF_OUTPUT], 'vp9.mp4')
  expect(await post(cmafPath(stream), file)).toMatchObject({
    status: 415,
    code: 'ingest_codec_unsupported',
    detail: expect.stringMatching(/vp09/),
  })
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ingest_codec_unsupported',
    streamId: 'vp9',
    message: /video "vp09"/,
  })
})

test.each([
  ['video', { audio: false }],
  ['audio', { video: false }],
] as const)('a publisher with %s alone is played as one track', async (kind, without) => {
  const stream = await mirror.createStream(`only-${kind}`, SETTINGS)
  await using _encoder = publish(stream, without)
  await expectSingleTrack(mirror, stream, kind)
})

test('a publisher that vanishes leaves gaps, and the stream goes on when it returns', async () => {
  const stream = await mirror.createStream('vanish', SETTINGS)
  await expectBridgedOutage(mirror, stream, () => publish(stream))
  await witness.expectUnharmed()
})

test('deleting the stream tells its encoder, and players that wait', async () => {
  const stream = await mirror.createStream('deleted', UNHURRIED)
  const { request: sending, answer } = open(cmafPath(stream))
  sending.write(cmaf)
  await waitForStart('deleted')
  await expectPlayersToldOfDeletion(mirror, stream)
  expect(await answer).toMatchObject({ status: 410, code: 'input_ended', detail: 'the stream was removed' })
  expect(await post(cmafPath(stream), cmaf)).toMatchObject({ status: 404, code: 'stream_not_found' })
  await witness.expectUnharmed()
})

test('nonsense on the media port is answered with a problem and never with a failure', async () => {
  const answers = await Promise.all(
    nonsensePaths().map(async (path) => ({ path, ...(await raw(`GET ${path} HTTP/1.1`)) })),
  )
  expect(answers).toHaveLength(101)
  for (const { path, status, head, body } of answers) {
    expect([400, 404], `${path} → ${status}`).toContain(status)
    // Bytes that are no HTTP at all never reach the routes.
    if (body !== '') expect(head, path).toMatch(/content-type: application\/problem\+json/i)
  }
  await witness.expectUnharmed()
})

test('half a request that never ends is cut', async () => {
  const { tookMs, lines } = await slowRequest
  expect(tookMs).toBeGreaterThan(9000)
  // Headers may take 10 s and are looked at every 2 s; the rest is for a Mirror that stands still.
  expect(lines).toBeLessThan(17)
  await witness.expectUnharmed()
})

/** Sends a header line a second, without end. Resolves to how long the connection was borne, and how many lines. */
async function sendSlowly(): Promise<{ readonly tookMs: number; readonly lines: number }> {
  const { port } = new URL(mirror.mediaUrl)
  const socket = connect({ port: Number(port), host: '127.0.0.1' })
  socket.on('error', () => {}) // A reset is as good an end as any.
  const startedAtMs = performance.now()
  socket.write('GET /stream/witness/playlist.m3u8 HTTP/1.1\r\nHost: x\r\n')
  let lines = 0
  const drip = setInterval(() => {
    lines += 1
    if (socket.writable) socket.write('X-Slow: 1\r\n')
  }, 1000)
  socket.resume()
  await new Promise((resolve) => socket.once('close', resolve))
  clearInterval(drip)
  return { tookMs: performance.now() - startedAtMs, lines }
}

/** The media of a body that was sent at once is over soon: its stream may have fallen silent by the time one looks. */
async function waitForStart(id: string): Promise<void> {
  await mirror.waitForEvent(({ type, streamId }) => type === 'stream.started' && streamId === id, 10_000)
}

function publish(stream: StreamView, without: { audio?: false; video?: false } = {}): Encoder {
  return new Encoder([...pictureArgs({ seconds: 60, ...TINY, ...without }), ...CMAF_OUTPUT, stream.ingest?.cmaf ?? ''])
}

function cmafPath(stream: StreamView): string {
  return (stream.ingest?.cmaf ?? '').slice(mirror.mediaUrl.length)
}

interface Answer {
  readonly status: number
  readonly code: string | null
  readonly detail: string
}

async function post(path: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  const sent = open(path, headers)
  sent.request.end(body)
  return await sent.answer
}

/** A chunked POST that stays open until the caller ends it; the answer may come before that. */
function open(
  path: string,
  headers: Record<string, string> = {},
): { readonly request: ClientRequest; readonly answer: Promise<Answer> } {
  const sending = request(`${mirror.mediaUrl}${path}`, {
    method: 'POST',
    headers: { 'transfer-encoding': 'chunked', ...headers },
  })
  const answer = new Promise<Answer>((resolve, reject) => {
    sending.on('error', reject)
    sending.on('response', async (response) => {
      let text = ''
      for await (const chunk of response) text += String(chunk)
      const problem = text === '' ? {} : (JSON.parse(text) as { code?: string; detail?: string })
      resolve({ status: response.statusCode ?? 0, code: problem.code ?? null, detail: problem.detail ?? '' })
    })
  })
  return { request: sending, answer }
}

/** One request, byte for byte as given: HTTP clients would tidy the address up. */
async function raw(
  requestLine: string,
): Promise<{ readonly status: number; readonly head: string; readonly body: string }> {
  const { port } = new URL(mirror.mediaUrl)
  const socket = connect({ port: Number(port), host: '127.0.0.1' })
  socket.on('error', () => {}) // What came before it is judged.
  socket.write(Buffer.from(`${requestLine}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`, 'latin1'))
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  await new Promise((resolve) => socket.once('close', resolve))
  const [head = '', body = ''] = text.split('\r\n\r\n', 2)
  return { status: Number(head.split(' ')[1]), head, body }
}

function nonsensePaths(): readonly string[] {
  const shapes = [
    '/',
    '//',
    '/..',
    '/../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/stream',
    '/stream/',
    '/stream//',
    '/stream/witness',
    '/stream/witness/',
    '/stream/witness/playlist',
    '/stream/witness/v0',
    '/stream/witness/v0/',
    '/stream/witness/v9/playlist.m3u8',
    '/stream/witness/x0/playlist.m3u8',
    '/stream/witness/v0/playlist.m3u8?_HLS_msn=-1',
    '/stream/witness/v0/playlist.m3u8?_HLS_msn=x',
    '/stream/witness/v0/playlist.m3u8?_HLS_part=1',
    '/stream/witness/v0/playlist.m3u8?_HLS_msn=99999999999999999999',
    '/stream/witness/v0/playlist.m3u8?_HLS_msn=1e9',
    '/stream/witness/v0/0.m4s',
    '/stream/witness/v0/-1.m4s',
    '/stream/witness/v0/99999999999999999999.m4s',
    '/stream/witness/v0/p-.m4s',
    '/stream/witness/v0/init.mp4',
    '/stream/witness/v0/..%2f..%2fplaylist.m3u8',
    '/stream/witness/v0/playlist.m3u8/',
    '/stream/witness/v0/%00',
    '/stream/%00/playlist.m3u8',
    '/stream/%ff%fe/playlist.m3u8',
    '/stream/%/playlist.m3u8',
    '/stream/%zz/v0/playlist.m3u8',
    '/stream/__proto__/playlist.m3u8',
    '/stream/constructor/v0/playlist.m3u8',
    '/stream/witness/__proto__/playlist.m3u8',
    '/stream/witness/v0/__proto__',
    '/stream/witness/v0/constructor',
    '/stream/Witness/playlist.m3u8',
    `/stream/${'a'.repeat(65)}/playlist.m3u8`,
    `/${'a'.repeat(5000)}`,
    `/stream/witness/v0/${'9'.repeat(3000)}.m4s`,
    `/${'/'.repeat(2000)}`,
    '/watch',
    '/watch/',
    '/watch/../x',
    '/watch/%00',
    '/watch/witness/x',
    '/watch-assets',
    '/watch-assets/',
    '/watch-assets/../../package.json',
    '/watch-assets/..%2f..%2fpackage.json',
    '/watch-assets/%00',
    '/watch-assets/%zz',
    '/watch-assets/__proto__',
    '/watch-assets//etc/passwd',
    '/ingest',
    '/ingest/',
    '/ingest/witness',
    '/ingest/witness/v0',
    '/health/x',
    '/healthz',
    '/metrics',
    '/api/v1/streams',
    '/favicon.ico',
    '/robots.txt',
    '/index.html',
    '/.env',
    '/.git/config',
    '/wp-login.php',
    '/cgi-bin/test',
    '/stream/witness/playlist.m3u8.bak',
    '/stream/witness;x/playlist.m3u8',
    '/stream/witness/v0;x/playlist.m3u8',
    '/?',
    '/?a=b',
    '/#',
    '/stream?id=witness',
    '*',
    'nonsense',
    'http://',
    'http://example.com/',
    '/\\..\\..\\',
    '/\xff\xfe',
    '/a b',
    '/\t',
    '/\x01',
    '/stream/wit ness/playlist.m3u8',
  ]
  return [
    ...shapes,
    ...Array.from({ length: 101 - shapes.length }, (_, n) => `/stream/witness/v0/p${n}-${'x'.repeat(n)}`),
  ]
}

/** `moof` with `mfhd` alone, and an empty `mdat`. */
function emptyFragment(sequence: number): Buffer {
  const mfhd = Buffer.alloc(16)
  mfhd.writeUInt32BE(16, 0)
  mfhd.write('mfhd', 4)
  mfhd.writeUInt32BE(sequence, 12)
  const moof = Buffer.alloc(8)
  moof.writeUInt32BE(24, 0)
  moof.write('moof', 4)
  const mdat = Buffer.alloc(8)
  mdat.writeUInt32BE(8, 0)
  mdat.write('mdat', 4)
  return Buffer.concat([moof, mfhd, mdat])
}

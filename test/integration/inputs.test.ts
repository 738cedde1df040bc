// Inputs that Mirror runs by itself, fed and served by real ffmpeg.
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ConfiguredInputView, InputListView } from '../../src/api/input-contract.ts'
import { Encoder, pictureArgs } from '../support/encoder.ts'
import { freeUdpPort } from '../support/free-ports.ts'
import { childrenOf } from '../support/listeners.ts'
import { encodedFile } from '../support/live-media.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const run = promisify(execFile)
const suite = new AsyncDisposableStack()
let mirror: MirrorProcess
let opened: AsyncDisposableStack

beforeAll(async () => {
  mirror = suite.use(await MirrorProcess.start())
})

afterAll(() => suite.disposeAsync())

beforeEach(() => {
  opened = new AsyncDisposableStack()
})

afterEach(() => opened.disposeAsync())

const PICTURE = pictureArgs({ seconds: 120, gop: 15, size: '320x180' })

test.each([
  ['udp', 'mpegts', (port: number) => `udp://127.0.0.1:${port}?pkt_size=1316`],
  ['rtp', 'rtp_mpegts', (port: number) => `rtp://127.0.0.1:${port}?pkt_size=1316`],
] as const)(
  'MPEG-TS over %s goes live, and the port falls free again when the input is removed',
  async (kind, format, url) => {
    const port = await freeUdpPort()
    await mirror.createStream(kind)
    const input = await add(kind, { kind, port })
    expect(input).toMatchObject({ id: `${kind}-1`, kind, port, state: 'configured', error: null })
    let encoder = opened.use(new Encoder([...PICTURE, '-f', format, url(port)]))
    const live = await mirror.waitForStatus(kind, 'live')
    expect(live).toMatchObject({ live: { input: { protocol: kind } }, inputs: [{ id: input.id, state: 'receiving' }] })
    expect(await probe(live.playback.hls)).toEqual(['aac', 'h264'])

    await encoder.stop()
    await waitForInput(kind, input.id, ({ state }) => state === 'configured')
    await mirror.waitForStatus(kind, 'interrupted')
    encoder = opened.use(new Encoder([...PICTURE, '-f', format, url(port)]))
    await mirror.waitForStatus(kind, 'live')

    await mirror.api('DELETE', `/streams/${kind}/inputs/${input.id}`)
    await expect(bound(port)).resolves.toBeUndefined()
    expect((await mirror.stream(kind)).inputs).toEqual([])
  },
)

test('a port belongs to one input of one stream, and is kept over a restart of Mirror', async () => {
  const port = await freeUdpPort()
  await mirror.createStream('first')
  await mirror.createStream('second')
  await add('first', { kind: 'udp', port })
  await expect(add('second', { kind: 'rtp', port })).rejects.toThrow(
    /409.*input udp-1 of stream first.*input_port_taken/,
  )
  await mirror.stop()
  await mirror.start()
  await expect(add('second', { kind: 'rtp', port })).rejects.toThrow(/409/)
  opened.use(new Encoder([...PICTURE, '-f', 'mpegts', `udp://127.0.0.1:${port}?pkt_size=1316`]))
  await mirror.waitForStatus('first', 'live')
  await mirror.api('DELETE', '/streams/first')
  await add('second', { kind: 'rtp', port })
})

test('a port that another program has is told by name, and taken when it is free', async () => {
  const other = createSocket('udp4').bind(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address()
  await mirror.createStream('clash')
  const input = await add('clash', { kind: 'udp', port })
  const event = await mirror.waitForEvent(({ code }) => code === 'port_taken')
  expect(event).toMatchObject({ streamId: 'clash', details: { inputId: input.id, port } })
  other.close()
  await mirror.api('POST', `/streams/clash/inputs/${input.id}/restart`)
  await waitForInput('clash', input.id, ({ state }) => state === 'configured')
})

test('garbage on a port ends nothing and is told', async () => {
  const port = await freeUdpPort()
  await mirror.createStream('garbage')
  const input = await add('garbage', { kind: 'udp', port })
  const socket = createSocket('udp4')
  opened.defer(() => void socket.close())
  const sending = setInterval(() => socket.send(Buffer.alloc(1316, 0x80), port, '127.0.0.1'), 20)
  opened.defer(() => clearInterval(sending))
  const failing = await waitForInput('garbage', input.id, ({ state }) => state === 'failing')
  expect(failing.error).toContain('not MPEG-TS')
  expect((await mirror.stream('garbage')).status).toBe('offline')
})

test('a file is pulled in a loop, and another stream takes its playlist', async () => {
  const file = await encodedFile('h264')
  await mirror.createStream('file')
  const input = await add('file', { kind: 'pull', url: pathToFileURL(file).href })
  const source = await mirror.waitForStatus('file', 'live', 20_000)
  expect(await probe(source.playback.hls)).toEqual(['aac', 'h264'])

  await mirror.createStream('copy')
  const copying = await add('copy', { kind: 'pull', url: source.playback.hls })
  const copy = await mirror.waitForStatus('copy', 'live', 30_000)
  expect(copy.live.input?.protocol).toBe('pull')
  expect(await probe(copy.playback.hls)).toEqual(['aac', 'h264'])

  await mirror.api('POST', `/streams/file/inputs/${input.id}/stop`)
  await mirror.waitForStatus('file', 'interrupted')
  expect((await mirror.stream('file')).inputs).toMatchObject([{ enabled: false, state: 'configured' }])
  await expect.poll(() => children(file)).toBe(0)
  await mirror.api('POST', `/streams/file/inputs/${input.id}/start`)
  await mirror.waitForStatus('file', 'live', 20_000)
  expect(children(file)).toBe(1)

  await mirror.api('DELETE', `/streams/copy/inputs/${copying.id}`)
  await mirror.api('DELETE', '/streams/file')
  await expect.poll(() => children(file)).toBe(0)
  await expect.poll(() => children('/stream/file/')).toBe(0)
})

test('an SRT source that dies is told without its passphrase, and taken up again when it returns', async () => {
  const port = await freeUdpPort()
  const listen = ['-f', 'mpegts', `srt://127.0.0.1:${port}?mode=listener&passphrase=correct-horse`]
  const source = opened.use(new Encoder([...PICTURE, ...listen]))
  await mirror.createStream('srt-pull')
  const input = await add('srt-pull', { kind: 'pull', url: `srt://127.0.0.1:${port}?passphrase=correct-horse` })
  expect(input.url).toBe(`srt://127.0.0.1:${port}?passphrase=***`)
  const live = await mirror.waitForStatus('srt-pull', 'live', 20_000)
  expect(await probe(live.playback.hls)).toEqual(['aac', 'h264'])

  await source.stop('SIGKILL')
  await waitForInput('srt-pull', input.id, ({ state }) => state === 'failing', 20_000)
  // Before that Mirror may have called while the source did not listen yet.
  await mirror.waitForEvent(
    ({ code, streamId, message }) =>
      code === 'input_source_failed' && streamId === 'srt-pull' && message.includes('The source ended'),
  )
  opened.use(new Encoder([...PICTURE, ...listen]))
  await mirror.waitForStatus('srt-pull', 'live', 40_000)
  await waitForInput('srt-pull', input.id, ({ state }) => state === 'receiving')
  expect(JSON.stringify(await mirror.events()) + mirror.output).not.toContain('correct-horse')
  await mirror.api('DELETE', '/streams/srt-pull')
})

test('addresses that ffmpeg could be misled with are refused', async () => {
  await mirror.createStream('strict')
  for (const url of ['concat:/etc/passwd', '-version', 'udp://127.0.0.1:5004', 'http://', 'file://host/x', 'data:,x']) {
    await expect(add('strict', { kind: 'pull', url }), url).rejects.toThrow(/400/)
  }
  const { key } = await mirror.api<{ key: string }>('POST', '/api-keys', { name: 'op', role: 'operator' })
  const response = await fetch(`${mirror.consoleUrl}/api/v1/streams/strict/inputs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'pull', url: 'file:///etc/passwd' }),
  })
  expect([response.status, await response.json()]).toMatchObject([403, { code: 'forbidden' }])
})

test('a configured input stands by while an encoder is on air, and takes its place when it leaves', async () => {
  const port = await freeUdpPort()
  const { ingest } = await mirror.createStream('shared', { onBusy: 'takeover' })
  const encoder = opened.use(new Encoder([...PICTURE, '-f', 'flv', ingest?.rtmp ?? '']))
  await mirror.waitForStatus('shared', 'live')
  const input = await add('shared', { kind: 'udp', port })
  opened.use(new Encoder([...PICTURE, '-f', 'mpegts', `udp://127.0.0.1:${port}?pkt_size=1316`]))
  await expect
    .poll(async () => (await mirror.stream('shared')).live.inputs.map(({ id, role, health }) => [id, role, health]))
    .toEqual([
      ['push-1', 'active', 'healthy'],
      [input.id, 'standby', 'healthy'],
    ])
  await encoder.stop()
  await expect.poll(async () => (await mirror.stream('shared')).live.input?.protocol).toBe('udp')
  await mirror.waitForStatus('shared', 'live')
})

function add(stream: string, body: unknown): Promise<ConfiguredInputView> {
  return mirror.api<ConfiguredInputView>('POST', `/streams/${stream}/inputs`, body)
}

async function waitForInput(
  stream: string,
  id: string,
  fits: (input: ConfiguredInputView) => boolean,
  timeoutMs = 15_000,
): Promise<ConfiguredInputView> {
  const deadline = performance.now() + timeoutMs
  while (true) {
    const { configured } = await mirror.api<InputListView>('GET', `/streams/${stream}/inputs`)
    const input = configured.find((candidate) => candidate.id === id)
    if (input !== undefined && fits(input)) return input
    if (performance.now() > deadline) throw new Error(`input ${id} is ${JSON.stringify(input)}`)
    await delay(50)
  }
}

/** Codec names, sorted, as ffprobe finds them behind the playlist. */
async function probe(url: string): Promise<string[]> {
  const args = ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'json', url]
  const { stdout } = await run('ffprobe', args, { timeout: 20_000 })
  const { streams } = JSON.parse(stdout) as { streams: { codec_name: string }[] }
  return [...new Set(streams.map((stream) => stream.codec_name))].sort()
}

/** How many children of Mirror have `text` in their command line. */
function children(text: string): number {
  return childrenOf(mirror.pid, text).length
}

/** Resolves when the port can be bound: soon, or on a busy machine a little later. */
async function bound(port: number): Promise<void> {
  const deadline = performance.now() + 15_000
  while (true) {
    const socket = createSocket('udp4').bind(port, '127.0.0.1')
    const isFree = await once(socket, 'listening').then(
      () => true,
      () => false,
    )
    socket.close()
    if (isFree) return
    if (performance.now() > deadline) throw new Error(`port ${port} is still taken`)
    await delay(20)
  }
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { MirrorError } from '../../src/core/errors.ts'
import { silentLog } from '../../src/core/log.ts'
import { runningTimeout } from '../../src/core/running-time.ts'
import type { Admission, GateInput, InputFault, InputGate, PublishAttempt } from '../../src/live/ingest/protocol.ts'
import { AmfEcmaArray, amfObject, encodeAmf0 } from '../../src/live/ingest/rtmp/amf0.ts'
import {
  type RtmpRefusal,
  type RtmpServer,
  type RtmpServerOptions,
  startRtmpServer,
} from '../../src/live/ingest/rtmp/rtmp-server.ts'
import { RtmpClient, RtmpRefused, readFlvTags } from '../support/rtmp-client.ts'

const FLV_HEADER = Uint8Array.of(0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0)

class RecordedInput implements GateInput {
  readonly streamId: string
  chunks: Uint8Array[] = []
  /** Undefined while open. */
  ending: { readonly fault: InputFault | null } | undefined
  full = false
  onDrain: () => void = () => {}
  onEnded: (fault: InputFault) => void = () => {}
  readonly closed: Promise<void>
  #resolveClosed: () => void = () => {}

  constructor(streamId: string) {
    this.streamId = streamId
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
  }

  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  write(bytes: Uint8Array): boolean {
    // As the real gate does: the buffer leaves for another thread, so it must be wholly ours.
    expect(bytes.byteLength).toBe(bytes.buffer.byteLength)
    this.chunks.push(structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] }))
    return !this.full
  }

  close(fault: InputFault | null): void {
    this.ending ??= { fault }
    this.#resolveClosed()
  }

  async finish(): Promise<null> {
    this.close(null)
    return null
  }

  reportNetwork(): void {}
}

class RecordingGate implements InputGate {
  readonly attempts: PublishAttempt[] = []
  readonly inputs: RecordedInput[] = []
  readonly #streams: ReadonlyMap<string, string>
  #watchers: (() => void)[] = []
  /** What the owner of a stream does before it answers. */
  beforeOpen: (signal: AbortSignal) => Promise<void> = async () => {}

  constructor(streams: Readonly<Record<string, string>>) {
    this.#streams = new Map(Object.entries(streams))
  }

  authorise(attempt: PublishAttempt): Admission {
    this.attempts.push(attempt)
    const byKey = [...this.#streams].find(([, key]) => key === attempt.key)?.[0]
    const streamId = attempt.streamId ?? byKey ?? ''
    if (attempt.streamId !== null && !this.#streams.has(attempt.streamId)) {
      return refusal('stream_not_found', `There is no stream "${attempt.streamId}".`)
    }
    if (this.#streams.get(streamId) !== attempt.key) return refusal('publish_key_wrong', 'The publish key is wrong.')
    return { ok: true, streamId }
  }

  async open({ streamId }: { readonly streamId: string }, signal: AbortSignal): Promise<GateInput> {
    await this.beforeOpen(signal)
    if (this.inputs.some((input) => input.streamId === streamId && input.ending === undefined)) {
      throw new MirrorError('stream_busy', `Another publisher is live on "${streamId}".`)
    }
    const input = new RecordedInput(streamId)
    this.inputs.push(input)
    for (const watcher of this.#watchers.splice(0)) watcher()
    return input
  }

  async nextInput(): Promise<RecordedInput> {
    const count = this.inputs.length
    await new Promise<void>((resolve) => this.#watchers.push(resolve))
    return this.inputs[count]!
  }
}

function refusal(code: InputFault['code'], message: string): Admission {
  return { ok: false, fault: { code, message } }
}

let folder = ''
let sourcePath = ''
const running: (AsyncDisposable | ChildProcess)[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mirror-rtmp-'))
  sourcePath = join(folder, 'source.flv')
  const made = spawnSync('ffmpeg', [
    ...['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30'],
    ...[
      '-f',
      'lavfi',
      '-i',
      'sine=sample_rate=48000',
      '-t',
      '3',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-bf',
      '2',
    ],
    ...['-g', '30', '-c:a', 'aac', '-flvflags', 'no_duration_filesize', sourcePath],
  ])
  expect(made.stderr.toString()).toBe('')
})

afterEach(async () => {
  for (const item of running.splice(0)) {
    if (Symbol.asyncDispose in item) await item[Symbol.asyncDispose]()
    else item.kill('SIGKILL')
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function start(gate: InputGate, options: Partial<RtmpServerOptions> = {}): Promise<RtmpServer> {
  const server = await startRtmpServer({ host: '127.0.0.1', port: 0, gate, log: silentLog, ...options })
  running.push(server)
  return server
}

interface Ffmpeg {
  readonly child: ChildProcess
  readonly exited: Promise<{ readonly code: number | null; readonly output: string }>
}

function publishWithFfmpeg(url: string, input: readonly string[] = ['-re', '-i', sourcePath]): Ffmpeg {
  const child = spawn('ffmpeg', ['-v', 'error', ...input, '-c', 'copy', '-f', 'flv', url], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  running.push(child)
  let output = ''
  child.stderr?.on('data', (text: Buffer) => {
    output += text.toString()
  })
  return { child, exited: once(child, 'close').then(([code]) => ({ code, output })) }
}

/** Lines of `stream,pts,dts,size`: equal lists mean equal packets. */
function packetsOf(path: string): string[] {
  const args = ['-v', 'error', '-show_entries', 'packet=stream_index,pts,dts,size', '-of', 'csv=p=0', path]
  const probe = spawnSync('ffprobe', args)
  expect(probe.stderr.toString()).toBe('')
  return probe.stdout.toString().trim().split('\n')
}

function recorded(input: RecordedInput): string {
  const path = join(folder, `${input.streamId}.flv`)
  writeFileSync(path, Buffer.concat([FLV_HEADER, ...input.chunks]))
  return path
}

async function refusedBy(attempt: Promise<unknown>): Promise<RtmpRefused> {
  try {
    await attempt
  } catch (error) {
    if (error instanceof RtmpRefused) return error
    throw error
  }
  throw new Error('the server accepted')
}

test('what ffmpeg publishes arrives packet by packet', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate)
  const { exited } = publishWithFfmpeg(`rtmp://127.0.0.1:${server.port}/live/x?key=k`)
  expect(await exited).toEqual({ code: 0, output: '' })
  const input = gate.inputs[0]!
  await input.closed
  expect(input.ending).toEqual({ fault: null })
  expect(packetsOf(recorded(input))).toEqual(packetsOf(sourcePath))
})

test('two publishers do not mix', async () => {
  const gate = new RecordingGate({ one: 'k1', two: 'k2' })
  const server = await start(gate)
  const url = `rtmp://127.0.0.1:${server.port}/live`
  const fast = ['-i', sourcePath]
  const endings = [`${url}/one?key=k1`, `${url}/two?k2`].map((address) => publishWithFfmpeg(address, fast).exited)
  expect(await Promise.all(endings)).toEqual([
    { code: 0, output: '' },
    { code: 0, output: '' },
  ])
  await Promise.all(gate.inputs.map((input) => input.closed))
  expect(gate.inputs.map((input) => input.streamId).sort()).toEqual(['one', 'two'])
  for (const input of gate.inputs) expect(packetsOf(recorded(input))).toEqual(packetsOf(sourcePath))
})

test('ffmpeg with a wrong key stops within two seconds and prints why', async () => {
  const server = await start(new RecordingGate({ x: 'k' }))
  const twoSeconds = runningTimeout(2000)
  const { code, output } = await publishWithFfmpeg(`rtmp://127.0.0.1:${server.port}/live/x?key=wrong`).exited
  expect(twoSeconds.aborted).toBe(false)
  expect(code).not.toBe(0)
  expect(output).toContain('The publish key is wrong.')
})

test('ffmpeg prints why an address is wrong or a connect key refused', async () => {
  const server = await start(new RecordingGate({ x: 'k' }))
  const app = await publishWithFfmpeg(`rtmp://127.0.0.1:${server.port}/vod/x?key=k`).exited
  expect(app.code).not.toBe(0)
  expect(app.output).toContain('There is no application "vod"')
  const key = await publishWithFfmpeg(`rtmp://127.0.0.1:${server.port}/live?key=wrong/x`).exited
  expect(key.code).not.toBe(0)
  expect(key.output).toContain('The publish key is wrong.')
})

test('the second publisher of a stream is told that it is busy', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate)
  const first = await RtmpClient.connect({ port: server.port })
  await first.publish('x?key=k')
  const { output, code } = await publishWithFfmpeg(`rtmp://127.0.0.1:${server.port}/live/x?key=k`).exited
  expect(code).not.toBe(0)
  expect(output).toContain('Another publisher is live on "x".')
  expect(gate.inputs[0]?.ending).toBeUndefined()
  await first.close()
})

test('when the owner ends an input, ffmpeg prints the reason and stops', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate)
  const opened = gate.nextInput()
  const { exited } = publishWithFfmpeg(`rtmp://127.0.0.1:${server.port}/live/x?key=k`, [
    ...['-re', '-stream_loop', '-1', '-i', sourcePath],
  ])
  const input = await opened
  await expect.poll(() => input.bytes).toBeGreaterThan(10_000)
  input.onEnded({ code: 'input_ended', message: 'The stream was restarted.' })
  const { code, output } = await exited
  expect(code).not.toBe(0)
  expect(output).toContain('The stream was restarted.')
  expect(input.ending).toBeUndefined() // Never closed after it was ended.
})

test('a killed publisher frees its input and another one may follow', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate)
  const url = `rtmp://127.0.0.1:${server.port}/live/x?key=k`
  const opened = gate.nextInput()
  const { child } = publishWithFfmpeg(url, ['-re', '-stream_loop', '-1', '-i', sourcePath])
  const input = await opened
  await expect.poll(() => input.bytes).toBeGreaterThan(10_000)
  child.kill('SIGKILL')
  await input.closed
  expect(input.ending).toEqual({ fault: null })
  expect(await publishWithFfmpeg(url, ['-i', sourcePath]).exited).toEqual({ code: 0, output: '' })
})

test('a reset connection closes its input without a fault', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate)
  const client = await RtmpClient.connect({ port: server.port })
  await client.publish('x?key=k')
  client.vanish()
  await gate.inputs[0]!.closed
  expect(gate.inputs[0]?.ending).toEqual({ fault: null })
  await expect.poll(() => server.connections).toBe(0)
})

test('garbage is cut off at once, is reported, and harms nobody', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const refusals: RtmpRefusal[] = []
  const server = await start(gate, { onRefused: (refused) => refusals.push(refused) })
  const { exited } = publishWithFfmpeg(`rtmp://127.0.0.1:${server.port}/live/x?key=k`)

  const stranger = connect(server.port, '127.0.0.1')
  stranger.on('error', () => {})
  stranger.write('GET / HTTP/1.1\r\n\r\n')
  await once(stranger, 'close')

  // A valid handshake and then noise; the first chunk continues what never began.
  const liar = await RtmpClient.open(server.port)
  liar.socket.write(Buffer.alloc(4096, 0xff))
  await liar.closed

  expect(refusals.map((refused) => refused.fault.code)).toEqual(['ingest_malformed', 'ingest_malformed'])
  expect(refusals[0]?.remoteAddress).toBe('127.0.0.1')
  expect(refusals[0]?.fault.message).toContain('first byte')
  expect(await exited).toEqual({ code: 0, output: '' })
  await gate.inputs[0]!.closed
  expect(packetsOf(recorded(gate.inputs[0]!))).toEqual(packetsOf(sourcePath))
})

test('a publisher that turns into noise is told so, and its input ends with that fault', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate)
  const client = await RtmpClient.connect({ port: server.port })
  await client.publish('x?key=k')
  const status = client.waitForStatus()
  client.sendTag({ type: 9, timestampMs: 0, body: Uint8Array.of(0x17, 0, 0, 0, 0) })
  client.socket.write(Uint8Array.of(0xff)) // Chunk stream 63 continues what it never began.
  expect(await status).toMatchObject({ level: 'error', code: 'NetStream.Publish.Rejected' })
  await client.closed
  const input = gate.inputs[0]!
  expect(input.ending?.fault?.code).toBe('ingest_malformed')
  expect(input.bytes).toBe(11 + 5 + 4) // What came before the noise was kept.
})

test('every form of stream key is understood', async () => {
  const gate = new RecordingGate({ x: 'k+/=' })
  const server = await start(gate)
  const escaped = encodeURIComponent('k+/=')
  const forms: [app: string, name: string][] = [
    ['live', `x?key=${escaped}`],
    ['live', 'x?k+/='],
    ['live/', 'k+/='],
    [`live?key=${escaped}`, 'x'],
    ['live', '?key=k+/='],
    ['/live', 'x?bandwidthtest=true&key=k+/='],
  ]
  for (const [app, name] of forms) {
    const client = await RtmpClient.connect({ port: server.port, app })
    await expect(client.publish(name), `${app} ${name}`).resolves.toMatchObject({ code: 'NetStream.Publish.Start' })
    await client.close()
    await gate.inputs.at(-1)!.closed
  }
  expect(gate.inputs).toHaveLength(forms.length)
})

test('each refusal has its code, arrives whole, and closes the connection', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const refusals: RtmpRefusal[] = []
  const server = await start(gate, { onRefused: (refused) => refusals.push(refused) })
  const publish = async (name: string): Promise<string> => {
    const client = await RtmpClient.connect({ port: server.port })
    const refused = await refusedBy(client.publish(name))
    await client.closed
    return refused.status.code
  }
  expect(await publish('x?key=wrong')).toBe('NetStream.Publish.Denied')
  expect(await publish('nobody?key=k')).toBe('NetStream.Publish.Denied')
  expect(refusals).toEqual([]) // The gate has reported these.
  expect(await publish('no body?key=k')).toBe('NetStream.Publish.Denied')
  const connectKey = await refusedBy(RtmpClient.connect({ port: server.port, app: 'live?key=wrong' }))
  expect(connectKey.status.code).toBe('NetConnection.Connect.Rejected')
  const app = await refusedBy(RtmpClient.connect({ port: server.port, app: 'other' }))
  expect(app.status.code).toBe('NetConnection.Connect.InvalidApp')

  const player = await RtmpClient.connect({ port: server.port })
  await player.call('createStream', null)
  const status = player.waitForStatus()
  player.send('play', 0, null, 'x')
  expect((await status).code).toBe('NetStream.Play.Failed')
  await player.closed
  expect(refusals.map((refused) => refused.fault.code)).toEqual([
    'stream_not_found',
    'invalid_request',
    'invalid_request',
  ])
})

test('tags that arrive before the owner has answered are not lost', async () => {
  const gate = new RecordingGate({ x: 'k' })
  let answer = (): void => {}
  const asked = new Promise<void>((resolveAsked) => {
    gate.beforeOpen = () =>
      new Promise((resolve) => {
        answer = resolve
        resolveAsked()
      })
  })
  const server = await start(gate)
  const client = await RtmpClient.connect({ port: server.port })
  await client.call('createStream', null)
  client.socket.cork() // Publish and media in one packet, as an impatient encoder sends them.
  client.send('publish', 0, null, 'x?key=k', 'live')
  client.sendTag({ type: 9, timestampMs: 5, body: Uint8Array.of(0x17, 0) })
  client.socket.uncork()
  const started = client.waitForStatus()
  await asked
  answer()
  expect((await started).code).toBe('NetStream.Publish.Start')
  await client.close()
  const input = gate.inputs[0]!
  expect([...readFlvTags(Buffer.concat([FLV_HEADER, ...input.chunks]))]).toMatchObject([{ type: 9, timestampMs: 5 }])
})

test('a full input stops the reading until it drains', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate)
  const client = await RtmpClient.connect({ port: server.port, chunkSize: 65_536 })
  await client.publish('x?key=k')
  const input = gate.inputs[0]!
  input.full = true
  // More than the socket buffers of both sides can hold.
  const total = 64
  const body = new Uint8Array(1024 * 1024).fill(0x17)
  for (let index = 0; index < total; index += 1) client.sendTag({ type: 9, timestampMs: index, body })
  await expect.poll(() => input.chunks.length).toBe(1)
  await new Promise((resolve) => setTimeout(resolve, 200)) // Nothing may happen: there is no event to wait for.
  expect(input.chunks.length).toBe(1)
  expect(client.socket.writableLength).toBeGreaterThan(10 * body.length)
  input.full = false
  input.onDrain()
  await expect.poll(() => input.bytes).toBe(total * (11 + body.length + 4))
  await client.close()
})

test('enhanced tags pass untouched and support is stated to those who ask', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate)
  const client = await RtmpClient.connect({
    port: server.port,
    connectProperties: { fourCcList: ['hvc1'], capsEx: 3, videoFourCcInfoMap: amfObject({ hvc1: 4 }) },
  })
  const information = client.commands[0]?.[3] as Map<string, unknown>
  expect(information.get('fourCcList')).toEqual(['av01', 'hvc1', 'avc1', 'Opus', 'mp4a'])
  expect(information.get('capsEx')).toBe(0)
  expect((information.get('videoFourCcInfoMap') as Map<string, number>).get('hvc1')).toBe(4)

  await client.publish('x?key=k')
  const metadata = new AmfEcmaArray([['videocodecid', 1752589105]])
  client.sendTag({ type: 18, timestampMs: 0, body: encodeAmf0(['@setDataFrame', 'onMetaData', metadata]) })
  const hevc = Uint8Array.of(0x90, 0x68, 0x76, 0x63, 0x31, 1, 2, 3)
  // Beyond 24 bits: the chunk header needs its extended timestamp, the tag its extension byte.
  client.sendTag({ type: 9, timestampMs: 0x0123_4567, body: hevc })
  await client.close()
  const input = gate.inputs[0]!
  expect([...readFlvTags(Buffer.concat([FLV_HEADER, ...input.chunks]))]).toEqual([
    { type: 18, timestampMs: 0, body: Buffer.from(encodeAmf0(['onMetaData', metadata])) },
    { type: 9, timestampMs: 0x0123_4567, body: Buffer.from(hevc) },
  ])
})

test('the test client sends a whole FLV file', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate)
  const client = await RtmpClient.connect({ port: server.port })
  await client.publish('x?key=k')
  await client.sendFlv(readFileSync(sourcePath), 0)
  await client.close()
  expect(packetsOf(recorded(gate.inputs[0]!))).toEqual(packetsOf(sourcePath))
})

test('a connection may publish again after it has unpublished', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate)
  const client = await RtmpClient.connect({ port: server.port })
  await client.publish('x?key=k')
  const goodbye = client.waitForStatus()
  client.send('FCUnpublish', 0, null, 'x')
  expect((await goodbye).code).toBe('NetStream.Unpublish.Success')
  expect(gate.inputs[0]?.ending).toEqual({ fault: null })
  await expect(client.publish('x?key=k')).resolves.toMatchObject({ code: 'NetStream.Publish.Start' })
  await client.close()
})

test('silence is pinged, then ended with a fault', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate, { limits: { pingAfterMs: 200, idleMs: 400 } })
  const client = await RtmpClient.connect({ port: server.port })
  await client.publish('x?key=k')
  const status = client.waitForStatus()
  await gate.inputs[0]!.closed
  expect(gate.inputs[0]?.ending?.fault?.code).toBe('ingest_timeout')
  expect((await status).level).toBe('error')
  expect(client.messages.some((message) => message.type === 4 && message.body[1] === 6)).toBe(true)
})

test('who does not shake hands or does not publish in time is reported and dropped', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const refusals: RtmpRefusal[] = []
  const limits = { handshakeMs: 400, publishMs: 500 }
  const server = await start(gate, { limits, onRefused: (refused) => refusals.push(refused) })
  const mute = connect(server.port, '127.0.0.1')
  await once(mute, 'close')
  const idler = await RtmpClient.connect({ port: server.port })
  await idler.closed
  // An owner that never answers.
  gate.beforeOpen = (signal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const waiting = await RtmpClient.connect({ port: server.port })
  expect((await refusedBy(waiting.publish('x?key=k'))).status.level).toBe('error')
  await waiting.closed
  expect(refusals.map((refused) => refused.fault.code)).toEqual(Array(3).fill('ingest_timeout'))
})

test('one address cannot take every connection', async () => {
  const refusals: RtmpRefusal[] = []
  const server = await start(new RecordingGate({ x: 'k' }), {
    limits: { maxConnectionsPerAddress: 1 },
    onRefused: (refused) => refusals.push(refused),
  })
  const first = await RtmpClient.connect({ port: server.port })
  await expect(RtmpClient.open(server.port)).rejects.toThrow()
  expect(refusals.map((refused) => refused.fault.code)).toEqual(['connections_per_address'])
  first.socket.end()
  await first.closed
  await expect.poll(() => server.connections).toBe(0)
  const next = await RtmpClient.connect({ port: server.port })
  await next.publish('x?key=k')
})

test('half-open handshakes give way to new connections, publishers never do', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const clock = { ms: 0 }
  const server = await start(gate, { limits: { maxConnections: 3, isTrusted: () => true }, now: () => clock.ms })
  const publisher = await RtmpClient.connect({ port: server.port })
  await publisher.publish('x?key=k')
  const halfOpen = [connect(server.port, '127.0.0.1'), connect(server.port, '127.0.0.1')]
  await expect.poll(() => server.connections).toBe(3)
  clock.ms += 1500
  const closed = once(halfOpen[0]!.resume(), 'close')
  await RtmpClient.connect({ port: server.port })
  await closed
  await expect.poll(() => server.connections).toBe(3)
  expect(publisher.socket.destroyed).toBe(false)
  for (const socket of halfOpen) socket.destroy()
})

test('stopping the server says goodbye, closes the inputs and takes about a second at most', async () => {
  const gate = new RecordingGate({ x: 'k' })
  const server = await start(gate)
  const client = await RtmpClient.connect({ port: server.port })
  await client.publish('x?key=k')
  const goodbye = client.waitForStatus()
  const aboutOneSecond = runningTimeout(1500)
  await server[Symbol.asyncDispose]()
  expect(aboutOneSecond.aborted).toBe(false)
  expect((await goodbye).code).toBe('NetStream.Unpublish.Success')
  expect(gate.inputs[0]?.ending).toEqual({ fault: null })
  expect(server.connections).toBe(0)
})

test('a port in use is named', async () => {
  const gate = new RecordingGate({})
  const server = await start(gate)
  await expect(start(gate, { port: server.port })).rejects.toMatchObject({
    code: 'port_taken',
    message: expect.stringContaining(String(server.port)),
  })
})

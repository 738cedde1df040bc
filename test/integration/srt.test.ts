import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import type { Spawn } from '../../src/core/child-process.ts'
import { MirrorError } from '../../src/core/errors.ts'
import { silentLog } from '../../src/core/log.ts'
import { lookupOf } from '../../src/core/secrets.ts'
import type { GateInput, InputFault, InputGate, NetworkFigures } from '../../src/live/ingest/protocol.ts'
import type { SrtRegistryEntry } from '../../src/live/ingest/srt/admission.ts'
import type { SrtRefusal } from '../../src/live/ingest/srt/child-protocol.ts'
import { type SrtListener, type SrtListenerOptions, startSrtListener } from '../../src/live/ingest/srt/srt-listener.ts'

const keySecret = new Uint8Array(32).fill(3)
const KEY = 'k3y-of-cam'
const folder = mkdtempSync(join(tmpdir(), 'mirror-srt-'))
const callers = new Set<ChildProcess>()
const srtChildren: ChildProcess[] = []
let opened: AsyncDisposableStack
let libraryName: string

beforeEach(() => {
  opened = new AsyncDisposableStack()
  srtChildren.length = 0
})

afterEach(async () => {
  for (const caller of callers) caller.kill('SIGKILL')
  callers.clear()
  await opened.disposeAsync()
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('H.264 and AAC arrive complete and in order', async () => {
  const { gate, port } = await listen()
  const source = makeSource('h264', ['-c:v', 'libx264', '-preset', 'ultrafast'])
  const caller = publish(source, port, `publish:cam1:${KEY}`)
  const input = await gate.input('cam1')
  expect((await exit(caller)).code).toBe(0)
  expect(await input.closed).toBeNull()
  expect(packetHashes(input.file())).toEqual(packetHashes(source))
  expect(input.network?.rttMs).toBeLessThan(1_000)
})

test('HEVC arrives complete, with the Access Control form of the stream id', async () => {
  const { gate, port } = await listen()
  const source = makeSource('hevc', ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none'])
  const caller = publish(source, port, encodeURIComponent(`#!::r=cam1,m=publish,s=${KEY}`))
  const input = await gate.input('cam1')
  expect((await exit(caller)).code).toBe(0)
  await input.closed
  expect(packetHashes(input.file())).toEqual(packetHashes(source))
})

test.each([
  ['a wrong key', 'publish:cam1:wrong', 1401, { streamId: 'cam1', fault: { code: 'publish_key_wrong' } }],
  ['an unknown stream', `publish:cam9:${KEY}`, 1404, { streamId: 'cam9', fault: { code: 'stream_not_found' } }],
  ['a busy stream', `publish:busy:${KEY}`, 1409, { streamId: 'busy', fault: { code: 'stream_busy' } }],
  ['a malformed stream id', 'hello', 1400, { streamId: null, fault: { code: 'invalid_request' } }],
  ['no stream id', '', 1400, { streamId: null, fault: { code: 'invalid_request' } }],
  ['a player', `request:cam1:${KEY}`, 1405, { streamId: 'cam1', fault: { code: 'invalid_request' } }],
])('%s is refused with a code that the caller sees', async (_title, streamId, rejectReason, refusal) => {
  const { gate, port, refusals } = await listen()
  expect(await callWithLibsrt(port, [streamId]).next()).toEqual({ rejectReason })
  const remoteAddress = expect.stringMatching(/^127\.0\.0\.1:\d+$/)
  expect(await refusals.next()).toMatchObject({ ...refusal, remoteAddress })
  expect(gate.opened).toEqual([])
})

test('once the registry is taken in, the very next caller is judged by it', async () => {
  const { listener, port } = await listen()
  for (const streamId of ['cam3', 'cam4', 'cam5']) {
    listener.setRegistry([entryOf(streamId)], 0)
    await listener.synced()
    const results = callWithLibsrt(port, [`publish:${streamId}:${KEY}`, `publish:cam1:${KEY}`])
    expect([await results.next(), await results.next()]).toEqual([{ rejectReason: null }, { rejectReason: 1404 }])
  }
})

test('the limit of publishers refuses with overload', async () => {
  const { port, refusals } = await listen({ maxConnections: 1 })
  const results = callWithLibsrt(port, [`publish:cam1:${KEY}`, `publish:cam2:${KEY}`])
  expect(await results.next()).toEqual({ rejectReason: null })
  expect(await results.next()).toEqual({ rejectReason: 1402 })
  expect(await refusals.next()).toMatchObject({ streamId: 'cam2', fault: { code: 'publisher_limit' } })
})

test('an address with too many publishers is refused with overload, a trusted one is not', async () => {
  const { port, refusals } = await listen({ maxConnectionsPerAddress: 1 })
  const results = callWithLibsrt(port, [`publish:cam1:${KEY}`, `publish:cam2:${KEY}`])
  expect(await results.next()).toEqual({ rejectReason: null })
  expect(await results.next()).toEqual({ rejectReason: 1402 })
  expect(await refusals.next()).toMatchObject({ streamId: 'cam2', fault: { code: 'connections_per_address' } })

  const trusting = await listen({ maxConnectionsPerAddress: 1, trustedAddresses: '127.0.0.0/8' })
  const admitted = callWithLibsrt(trusting.port, [`publish:cam1:${KEY}`, `publish:cam2:${KEY}`])
  expect([await admitted.next(), await admitted.next()]).toEqual([{ rejectReason: null }, { rejectReason: null }])
})

test('two publishers on two streams do not mix', async () => {
  const { gate, port } = await listen()
  const first = makeSource('h264', ['-c:v', 'libx264', '-preset', 'ultrafast'])
  const second = makeSource('mpeg2', ['-c:v', 'mpeg2video'])
  const callers = [publish(first, port, `publish:cam1:${KEY}`), publish(second, port, `publish:cam2:${KEY}`)]
  const inputs = await Promise.all([gate.input('cam1'), gate.input('cam2')])
  await Promise.all(callers.map(exit))
  await Promise.all(inputs.map((input) => input.closed))
  expect(packetHashes(inputs[0]!.file())).toEqual(packetHashes(first))
  expect(packetHashes(inputs[1]!.file())).toEqual(packetHashes(second))
})

test('with a passphrase, the right one is let in, a wrong one and none are refused and reported', async () => {
  const { gate, port, refusals } = await listen({ passphrase: 'correct-horse' })
  const source = makeSource('h264', ['-c:v', 'libx264', '-preset', 'ultrafast'])
  const right = publish(source, port, `publish:cam1:${KEY}&passphrase=correct-horse`)
  const input = await gate.input('cam1')
  expect((await exit(right)).code).toBe(0)
  await input.closed
  expect(packetHashes(input.file())).toEqual(packetHashes(source))

  for (const wrong of ['&passphrase=battery-staple', '']) {
    const caller = publish(source, port, `publish:cam2:${KEY}${wrong}`)
    expect((await exit(caller)).code).not.toBe(0)
    expect(await refusals.next()).toMatchObject({ streamId: 'cam2', fault: { code: 'publish_key_wrong' } })
  }
  expect(gate.opened.map((entry) => entry.streamId)).toEqual(['cam1'])
})

test('an input that its owner ends or refuses loses its connection', async () => {
  const { gate, port } = await listen()
  const source = makeSource('h264', ['-c:v', 'libx264', '-preset', 'ultrafast'])
  const ended = publish(source, port, `publish:cam1:${KEY}`, ['-stream_loop', '-1'])
  const input = await gate.input('cam1')
  await input.received(100_000)
  input.onEnded({ code: 'ingest_malformed', message: 'garbage' })
  expect((await exit(ended)).code).not.toBe(0)

  gate.refuseNext = new MirrorError('stream_busy', 'taken meanwhile')
  const refused = publish(source, port, `publish:cam1:${KEY}`, ['-stream_loop', '-1'])
  expect((await exit(refused)).code).not.toBe(0)
})

test('a reader that is behind is not sent more, and goes on where it stopped', async () => {
  const { gate, port } = await listen()
  const source = makeSource('h264', ['-c:v', 'libx264', '-preset', 'ultrafast'])
  const caller = publish(source, port, `publish:cam1:${KEY}`)
  const input = await gate.input('cam1')
  await input.received(50_000)
  input.isBehind = true
  const atPause = await input.quiet()
  input.isBehind = false
  input.onDrain()
  expect((await exit(caller)).code).toBe(0)
  await input.closed
  expect(input.receivedBytes).toBeGreaterThan(atPause)
  expect(packetHashes(input.file())).toEqual(packetHashes(source))
})

test('a receiver that dies is replaced, and the next publisher is served on the same port', async () => {
  const { gate, port, problems } = await listen()
  const source = makeSource('h264', ['-c:v', 'libx264', '-preset', 'ultrafast'])
  publish(source, port, `publish:cam1:${KEY}`, ['-stream_loop', '-1'])
  const input = await gate.input('cam1')
  await input.received(50_000)
  srtChildren[0]!.kill('SIGKILL')
  expect(await input.closed).toMatchObject({ code: 'internal' })
  expect(await problems.next()).toMatchObject({ code: 'internal' })
  expect(await problems.next()).toBeNull()

  const next = publish(source, port, `publish:cam2:${KEY}`)
  const nextInput = await gate.input('cam2')
  expect((await exit(next)).code).toBe(0)
  await nextInput.closed
  expect(packetHashes(nextInput.file())).toEqual(packetHashes(source))
})

test('a port that is in use is named', async () => {
  const { port } = await listen()
  await expect(listen({ port })).rejects.toMatchObject({
    code: 'port_taken',
    message: expect.stringContaining('srt.port'),
  })
})

test('fifty publishers are received at once', async () => {
  const streams = Array.from({ length: 50 }, (_, index) => `s${index}`)
  const { gate, port } = await listen({ maxConnections: 50 }, streams)
  // One packet each is enough to see that every connection is served; 50 encoders would measure the machine.
  callWithLibsrt(
    port,
    streams.map((stream) => `publish:${stream}:${KEY}`),
  )
  const inputs = await Promise.all(streams.map((stream) => gate.input(stream)))
  await Promise.all(inputs.map((input) => input.received(1316)))
})

interface Listening {
  readonly listener: SrtListener
  readonly port: number
  readonly gate: RecordingGate
  readonly refusals: Queue<SrtRefusal>
  readonly problems: Queue<MirrorError | null>
}

async function listen(more: Partial<SrtListenerOptions> = {}, streams = ['cam1', 'cam2']): Promise<Listening> {
  const gate = new RecordingGate()
  const refusals = new Queue<SrtRefusal>()
  const problems = new Queue<MirrorError | null>()
  const entries = streams.map((streamId) => entryOf(streamId))
  const listener = await startSrtListener({
    host: '127.0.0.1',
    port: 0,
    latencyMs: 100,
    passphrase: null,
    keySecret,
    maxConnections: 100,
    maxConnectionsPerAddress: 100,
    trustedAddresses: '',
    gate,
    spawn: rememberingSpawn,
    log: silentLog,
    random: () => 0.5,
    streams: [...entries, { ...entryOf('busy'), isExclusive: true, busy: true }],
    onRefused: (refusal) => refusals.push(refusal),
    onProblem: (problem) => problems.push(problem),
    ...more,
  })
  opened.use(listener)
  libraryName = listener.library
  return { listener, port: listener.port, gate, refusals, problems }
}

function entryOf(streamId: string): SrtRegistryEntry {
  return { streamId, keyLookups: [lookupOf(KEY, keySecret)], isExclusive: false, busy: false }
}

const rememberingSpawn: Spawn = (command, args, options) => {
  const child = spawn(command, args, options)
  srtChildren.push(child)
  return child
}

/** Things that arrive, each to be awaited once. */
class Queue<Item> {
  readonly #items: Item[] = []
  readonly #waiting: ((item: Item) => void)[] = []

  push(item: Item): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#items.push(item)
    else waiting(item)
  }

  next(): Promise<Item> {
    const item = this.#items.shift()
    if (item !== undefined) return Promise.resolve(item)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

class RecordingGate implements InputGate {
  readonly opened: { readonly streamId: string }[] = []
  refuseNext: MirrorError | null = null
  readonly #inputs = new Map<string, Queue<RecordedInput>>()

  authorise(): never {
    throw new Error('the hook has authorised already')
  }

  async open(input: Parameters<InputGate['open']>[0]): Promise<GateInput> {
    if (this.refuseNext !== null) throw this.refuseNext
    expect(input).toMatchObject({ protocol: 'srt', container: 'ts', trackId: null })
    this.opened.push({ streamId: input.streamId })
    const recorded = new RecordedInput()
    this.#queue(input.streamId).push(recorded)
    return recorded
  }

  input(streamId: string): Promise<RecordedInput> {
    return this.#queue(streamId).next()
  }

  #queue(streamId: string): Queue<RecordedInput> {
    const queue = this.#inputs.get(streamId) ?? new Queue<RecordedInput>()
    this.#inputs.set(streamId, queue)
    return queue
  }
}

class RecordedInput implements GateInput {
  onDrain: () => void = () => {}
  onEnded: (fault: InputFault) => void = () => {}
  readonly closed: Promise<InputFault | null>
  network: NetworkFigures | null = null
  isBehind = false
  receivedBytes = 0
  readonly #chunks: Uint8Array[] = []
  #onData: () => void = () => {}
  #resolveClosed: (fault: InputFault | null) => void = () => {}

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
  }

  write(bytes: Uint8Array): boolean {
    // What the real gate does: the buffer is gone for the sender, and it must hold nothing else.
    expect(bytes.buffer.byteLength).toBe(bytes.length)
    this.#chunks.push(structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] }))
    this.receivedBytes += this.#chunks.at(-1)!.length
    this.#onData()
    return !this.isBehind
  }

  close(fault: InputFault | null): void {
    this.#resolveClosed(fault)
  }

  async finish(): Promise<null> {
    this.close(null)
    return null
  }

  reportNetwork(figures: NetworkFigures): void {
    this.network = figures
  }

  async received(bytes: number): Promise<void> {
    while (this.receivedBytes < bytes) {
      await new Promise<void>((resolve) => {
        this.#onData = resolve
      })
    }
  }

  /** Resolves with the bytes so far when nothing has come for 300 ms, while the caller sends all the time. */
  async quiet(): Promise<number> {
    for (;;) {
      const before = this.receivedBytes
      await new Promise((resolve) => setTimeout(resolve, 300))
      if (this.receivedBytes === before) return before
    }
  }

  file(): string {
    const path = join(folder, `${Math.random()}.ts`)
    writeFileSync(path, Buffer.concat(this.#chunks))
    return path
  }
}

/** Three seconds of MPEG-TS, encoded once. */
const sources = new Map<string, string>()
function makeSource(name: string, codec: readonly string[]): string {
  const known = sources.get(name)
  if (known !== undefined) return known
  const path = join(folder, `${name}.ts`)
  const inputs = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30', '-f', 'lavfi', '-i', 'sine=frequency=440']
  const outputs = [...codec, '-b:v', '2M', '-g', '30', '-c:a', 'aac', '-t', '3', '-f', 'mpegts', path]
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...inputs, ...outputs])
  sources.set(name, path)
  return path
}

function publish(source: string, port: number, query: string, more: readonly string[] = []): ChildProcess {
  // Without linger ffmpeg throws away what it has not sent when it closes; both end as soon as they can.
  const url = `srt://127.0.0.1:${port}?linger=15&connect_timeout=15000&streamid=${query}`
  return call('ffmpeg', [
    '-nostdin',
    '-v',
    'info',
    '-re',
    ...more,
    '-i',
    source,
    '-map',
    '0',
    '-c',
    'copy',
    '-f',
    'mpegts',
    url,
  ])
}

/**
 * Calls with libsrt's own client, one connection per stream id, sends one packet on each and stays connected. Yields the
 * reason that libsrt tells a refused caller, null for an accepted one.
 */
function callWithLibsrt(port: number, streamIds: readonly string[]): Queue<{ rejectReason: number | null }> {
  const script = `
    const koffi = require('koffi')
    const { library, port, streamIds } = JSON.parse(process.argv[1])
    const srt = koffi.load(library)
    const create = srt.func('int srt_create_socket()')
    const setFlag = srt.func('int srt_setsockflag(int socket, int option, const char *value, int size)')
    const setNumber = srt.func('srt_setsockflag', 'int', ['int', 'int', 'const void *', 'int'])
    const connect = srt.func('int srt_connect(int socket, const void *name, int size)')
    const send = srt.func('int srt_sendmsg(int socket, const void *data, int size, int ttl, int inOrder)')
    const rejectReason = srt.func('int srt_getrejectreason(int socket)')
    srt.func('int srt_startup()')()
    srt.func('void srt_setloglevel(int level)')(2)
    const name = Buffer.from([2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
    for (const streamId of streamIds) {
      const socket = create()
      setFlag(socket, 46, streamId, streamId.length)
      setNumber(socket, 36, Buffer.from(Int32Array.of(15_000).buffer), 4) // Patience with a listener that stands still.
      const isConnected = connect(socket, name, name.length) === 0
      console.log(JSON.stringify({ rejectReason: isConnected ? null : rejectReason(socket) }))
      if (isConnected) send(socket, Buffer.alloc(1316, 0x47), 1316, -1, 1)
    }
    setInterval(() => {}, 1000)`
  const argument = JSON.stringify({ library: libraryName, port, streamIds })
  const caller = call(process.execPath, ['-e', script, argument])
  const results = new Queue<{ rejectReason: number | null }>()
  createInterface(caller.stdout!).on('line', (line) => results.push(JSON.parse(line)))
  return results
}

const outputs = new WeakMap<ChildProcess, string[]>()
function call(command: string, args: readonly string[]): ChildProcess {
  const caller = spawn(command, args)
  const output: string[] = []
  caller.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  caller.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  outputs.set(caller, output)
  callers.add(caller)
  return caller
}

async function exit(caller: ChildProcess): Promise<{ readonly code: number | null; readonly output: string }> {
  if (caller.exitCode === null) await once(caller, 'close')
  return { code: caller.exitCode, output: outputs.get(caller)!.join('') }
}

/** Every elementary packet by stream: what a lossless path must not change. */
function packetHashes(file: string): Record<string, string[]> {
  const args = ['-v', 'error', '-show_packets', '-show_data_hash', 'md5', '-of', 'json', '-i', file]
  const { packets } = JSON.parse(execFileSync('ffprobe', args, { maxBuffer: 64 * 1024 * 1024 }).toString()) as {
    packets: { codec_type: string; data_hash: string }[]
  }
  const hashes: Record<string, string[]> = { video: [], audio: [] }
  for (const packet of packets) hashes[packet.codec_type]?.push(packet.data_hash)
  expect(hashes['video']?.length).toBeGreaterThan(80)
  expect(hashes['audio']?.length).toBeGreaterThan(100)
  return hashes
}

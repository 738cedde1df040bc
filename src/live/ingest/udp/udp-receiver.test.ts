import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MirrorError } from '../../../core/errors.ts'
import { silentLog } from '../../../core/log.ts'
import type { DatagramInputConfig } from '../../settings.ts'
import type { ConfiguredInputHost } from '../configured-input.ts'
import type { GateInput, InputFault } from '../protocol.ts'
import { BATCH_BYTES } from './datagram-batcher.ts'
import { isMulticast, UdpReceiver } from './udp-receiver.ts'

let opened: AsyncDisposableStack

beforeEach(() => {
  opened = new AsyncDisposableStack()
})

afterEach(() => opened.disposeAsync())

class RecordingInput implements GateInput {
  onDrain: () => void = () => {}
  onEnded: (fault: InputFault) => void = () => {}
  chunks: Uint8Array[] = []
  isClosed = false
  write(bytes: Uint8Array): boolean {
    expect(bytes.buffer.byteLength, 'its own buffer, which can be transferred').toBe(bytes.length)
    this.chunks.push(bytes)
    return true
  }
  close(): void {
    this.isClosed = true
  }
  async finish(): Promise<null> {
    return null
  }
  reportNetwork(): void {}
  /** Second byte of every TS packet: its number. */
  get numbers(): number[] {
    return [...Buffer.concat(this.chunks)].filter((_, index) => index % 188 === 1)
  }
}

interface Stage {
  readonly port: number
  readonly inputs: RecordingInput[]
  readonly statuses: string[]
  readonly warnings: { code: string; message: string; details: object }[]
  refuseNext: MirrorError | null
}

async function listen(
  kind: DatagramInputConfig['kind'],
  silenceMs = 60_000,
): Promise<Stage & { receiver: UdpReceiver }> {
  const probe = createSocket('udp4').bind(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  const stage: Stage = { port, inputs: [], statuses: [], warnings: [], refuseNext: null }
  const host: ConfiguredInputHost = {
    streamId: 'cam',
    inputId: `${kind}-1`,
    log: silentLog,
    random: () => 0,
    gate: {
      open: async (asked) => {
        expect(asked).toEqual({
          streamId: 'cam',
          protocol: kind,
          container: 'ts',
          trackId: null,
          sourceId: `${kind}-1`,
        })
        const refusal = stage.refuseNext
        stage.refuseNext = null
        if (refusal !== null) throw refusal
        const input = new RecordingInput()
        stage.inputs.push(input)
        return input
      },
    },
    onStatus: ({ state, error }) => void stage.statuses.push(error === null ? state : `${state}: ${error}`),
    warn: (code, message, details) => void stage.warnings.push({ code, message, details }),
  }
  const config = { id: `${kind}-1`, kind, port, address: null } as const
  const receiver = opened.use(new UdpReceiver({ config, host, defaultAddress: '127.0.0.1', silenceMs }))
  return Object.assign(stage, { receiver })
}

async function sender(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  opened.defer(() => void socket.close())
  return socket
}

function tsPacket(number: number): Uint8Array {
  return Uint8Array.from({ length: 188 }, (_, index) => (index === 0 ? 0x47 : index === 1 ? number : 0xff))
}

function rtp(sequence: number, payload: Uint8Array): Uint8Array {
  return Uint8Array.from([0x80, 33, sequence >> 8, sequence & 0xff, 0, 0, 0, 0, 0, 0, 0, 7, ...payload])
}

function send(socket: Socket, port: number, datagram: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    socket.send(datagram, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error))),
  )
}

/** For a socket that may not be bound yet: sends once more and looks. */
async function afterSending<T>(socket: Socket, port: number, datagram: Uint8Array, look: () => T): Promise<T> {
  await send(socket, port, datagram)
  return look()
}

test('datagrams of one sender become chunks of one input, and those of another are left out', async () => {
  const stage = await listen('udp')
  const [first, second] = [await sender(), await sender()]
  // The socket may not be bound yet; the first packet that arrives begins the input.
  await expect.poll(() => afterSending(first, stage.port, tsPacket(1), () => stage.inputs.length)).toBe(1)
  await send(second, stage.port, tsPacket(99))
  for (const number of [2, 3, 4]) await send(first, stage.port, tsPacket(number))
  await expect.poll(() => stage.inputs[0]?.numbers.at(-1)).toBe(4)
  expect(stage.inputs[0]?.numbers).not.toContain(99)
  expect(Math.max(...(stage.inputs[0]?.chunks ?? []).map(({ length }) => length))).toBeLessThanOrEqual(BATCH_BYTES)
  await stage.receiver[Symbol.asyncDispose]()
  expect(stage.inputs[0]?.isClosed).toBe(true)
})

test('silence closes the input, and the next datagram opens another', async () => {
  const stage = await listen('udp', 400)
  const socket = await sender()
  await expect.poll(() => afterSending(socket, stage.port, tsPacket(1), () => stage.inputs.length)).toBe(1)
  await expect.poll(() => stage.inputs[0]?.isClosed).toBe(true)
  expect(stage.statuses).toEqual(['configured', 'receiving', 'configured'])
  await send(socket, stage.port, tsPacket(2))
  await expect.poll(() => stage.inputs.length).toBe(2)
})

test('what comes while the thread stands still is read before anybody is called silent', async () => {
  const stage = await listen('udp', 1000)
  const socket = await sender()
  await expect.poll(() => afterSending(socket, stage.port, tsPacket(1), () => stage.inputs.length)).toBe(1)
  // In a turn of the loop in which nothing is read any more: next come the timers.
  await new Promise((done) => setImmediate(done))
  const sent = send(socket, stage.port, tsPacket(2))
  for (let tick = 0; tick < 5; tick++) await new Promise<void>((done) => process.nextTick(done))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1300)
  await sent
  await expect.poll(() => stage.inputs.some(({ numbers }) => numbers.includes(2))).toBe(true)
  expect(stage.inputs).toHaveLength(1)
})

test('RTP is put back into order, and what is missing is told with its number', async () => {
  const stage = await listen('rtp')
  const socket = await sender()
  await expect.poll(() => afterSending(socket, stage.port, rtp(1, tsPacket(1)), () => stage.inputs.length)).toBe(1)
  for (const number of [3, 2, 6]) await send(socket, stage.port, rtp(number, tsPacket(number)))
  await expect.poll(() => stage.inputs[0]?.numbers).toEqual([1, 2, 3])
  await stage.receiver[Symbol.asyncDispose]()
  expect(stage.inputs[0]?.numbers).toEqual([1, 2, 3, 6])
  expect(stage.warnings).toMatchObject([{ code: 'packets_lost', details: { packets: 2 } }])
})

test.each([
  ['udp', rtp(1, tsPacket(1)), /kind "rtp"/],
  ['rtp', tsPacket(1), /kind "udp"/],
  ['udp', new Uint8Array(500), /not MPEG-TS/],
  ['rtp', new Uint8Array(3), /not MPEG-TS/],
] as const)('on %s something else is told and begins nothing', async (kind, datagram, expected) => {
  const stage = await listen(kind)
  const socket = await sender()
  await expect.poll(() => afterSending(socket, stage.port, datagram, () => stage.statuses.at(-1))).toMatch(expected)
  expect(stage.inputs).toEqual([])
})

test('a refused input waits before it asks again, and a restart ends the wait', async () => {
  const stage = await listen('udp')
  stage.refuseNext = new MirrorError('stream_busy', 'taken')
  const socket = await sender()
  await expect
    .poll(() => afterSending(socket, stage.port, tsPacket(1), () => stage.statuses.at(-1)))
    .toBe('failing: taken')
  await send(socket, stage.port, tsPacket(2))
  // What was sent over loopback is read in the next turns of the event loop.
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  stage.receiver.restart()
  await expect.poll(() => afterSending(socket, stage.port, tsPacket(3), () => stage.inputs.length)).toBe(1)
  expect(stage.inputs[0]?.numbers).not.toContain(2)
})

test('a port that is taken is told once, and taken by a restart when it is free', async () => {
  const other = createSocket('udp4').bind(0, '127.0.0.1')
  await once(other, 'listening')
  const first = await listen('udp')
  const { port } = other.address()
  const statuses: string[] = []
  const warnings: string[] = []
  const host: ConfiguredInputHost = {
    streamId: 'cam',
    inputId: 'udp-1',
    log: silentLog,
    random: () => 0,
    gate: { open: () => Promise.reject(new Error('not asked')) },
    onStatus: ({ state }) => void statuses.push(state),
    warn: (code) => void warnings.push(code),
  }
  const config = { id: 'udp-1', kind: 'udp', port, address: null } as const
  const receiver = opened.use(new UdpReceiver({ config, host, defaultAddress: '127.0.0.1' }))
  await expect.poll(() => statuses.at(-1)).toBe('failing')
  receiver.restart()
  other.close()
  await once(other, 'close')
  await expect
    .poll(() => {
      receiver.restart()
      return statuses.at(-1)
    })
    .toBe('configured')
  expect(warnings).toEqual(['port_taken'])
  expect(first.statuses).toEqual(['configured'])
})

test('multicast groups are told from other addresses', () => {
  expect(['224.0.0.1', '239.255.255.255', 'ff02::1'].every(isMulticast)).toBe(true)
  expect(['127.0.0.1', '223.255.255.255', '240.0.0.1', '::1'].some(isMulticast)).toBe(false)
})

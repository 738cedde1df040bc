// Every repair of incoming media, on a real Mirror: counted in the API and the metrics, told by one event that explains it.
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { ConfiguredInputView } from '../../src/api/input-contract.ts'
import type { TimedBytes } from '../../src/live/owner/live-stage.test-support.ts'
import type { RepairCause } from '../../src/media/samples.ts'
import { cutTs, encoding, packetsOf, pidOf, retimed } from '../media/feeds.ts'
import { makeFixture } from '../support/fixtures.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const VIDEO_PID = 0x100
const AUDIO_PID = 0x101
const DATAGRAM_BYTES = 7 * 188
const SECONDS = 8
/** Nothing is changed before: the stream is to go live first. */
const FROM_MS = 2500

interface Fault {
  readonly cause: RepairCause
  readonly counted: 'drops' | 'repairs'
  readonly told: RegExp
  /** One more of it is of no news for ten seconds. */
  readonly change: (piece: TimedBytes, index: number) => readonly Uint8Array[]
  readonly gopFrames?: number
}

const without = (piece: TimedBytes, pid: number, every: number) => [
  Buffer.concat(packetsOf(piece.bytes).filter((packet, index) => pidOf(packet) !== pid || index % every !== every - 1)),
]
const shifted = (piece: TimedBytes, byMs: number) => [retimed(piece, (ticks) => ticks + byMs * 90).bytes]

const FAULTS: readonly Fault[] = [
  {
    cause: 'ts_packet_lost',
    counted: 'repairs',
    told: /lost/,
    change: (piece, index) => (index % 9 === 0 ? without(piece, VIDEO_PID, 2) : [piece.bytes]),
  },
  {
    cause: 'ts_corrupt_pes',
    counted: 'drops',
    told: /PES packet was dropped/,
    change: (piece, index) => (index % 9 === 0 ? without(piece, AUDIO_PID, 2) : [piece.bytes]),
  },
  {
    cause: 'ts_sync_lost',
    counted: 'repairs',
    told: /bytes without MPEG-TS packets were skipped/,
    change: ({ bytes }, index) => (index % 20 === 0 ? [Buffer.alloc(300, 1), bytes] : [bytes]),
  },
  {
    cause: 'timestamp_jump',
    counted: 'repairs',
    told: /the input clock jumped: a new timeline entry begins/,
    change: (piece) => (piece.atMs < 5000 ? [piece.bytes] : shifted(piece, 3_600_000)),
  },
  {
    cause: 'timestamp_backward',
    counted: 'repairs',
    told: /decode time went back \d+ ms/,
    change: (piece) => shifted(piece, -300 * Math.floor(piece.atMs / FROM_MS)),
  },
  { cause: 'gop_too_long', counted: 'repairs', told: /no keyframe in a whole cell/, change: same, gopFrames: 600 },
]

let mirror: MirrorProcess

beforeAll(async () => {
  mirror = await MirrorProcess.start()
})

afterAll(async () => {
  await mirror?.[Symbol.asyncDispose]()
})

test('every fault of the input is counted, explained and told once', async () => {
  await Promise.all(FAULTS.map((fault) => send(fault)))
  for (const { cause, counted, told } of FAULTS) {
    const id = idOf(cause)
    // The last of the media may still be on its way while the one and then the other is asked.
    await vi.waitFor(
      async () => {
        const { live } = await mirror.stream(id)
        const count = live[counted][cause] ?? 0
        expect(count, `${cause}: ${JSON.stringify([live.drops, live.repairs])}`).toBeGreaterThan(0)
        const metrics = await (await fetch(`${mirror.consoleUrl}/metrics`, { headers: authorized() })).text()
        expect(metrics).toContain(`stream_${counted}_total{stream_id="${id}",cause="${cause}"} ${count}`)
      },
      { timeout: 15_000, interval: 100 },
    )
    const events = (await mirror.events(id)).filter(({ code }) => code === cause)
    expect(events[0]?.message).toMatch(told)
    // Six seconds of faults: one event, whatever the count, unless the machine is so busy that it takes ten.
    expect(events.length, cause).toBeLessThanOrEqual(2)
  }
})

/** Over UDP at the pace of the media. Resolves when the stream has counted what was wrong. */
async function send(fault: Fault): Promise<void> {
  const id = idOf(fault.cause)
  await mirror.createStream(id, { segment: '1s', part: '200ms' })
  const port = await freeUdpPort()
  await mirror.api<ConfiguredInputView>('POST', `/streams/${id}/inputs`, { kind: 'udp', port })
  const { gopFrames = 30 } = fault
  const file = await makeFixture(
    [...encoding({ seconds: SECONDS, gopFrames, size: '160x90' }), '-f', 'mpegts'],
    'repairs.ts',
  )
  using socket = closing(createSocket('udp4'))
  let startMs = performance.now()
  let isLive = false
  for (const [index, piece] of cutTs(file).entries()) {
    if (!isLive && piece.atMs >= FROM_MS) {
      const askedAtMs = performance.now()
      await mirror.waitForStatus(id, 'live')
      startMs += performance.now() - askedAtMs
      isLive = true
    }
    const waitMs = startMs + piece.atMs - performance.now()
    if (waitMs > 1) await delay(waitMs)
    const chunks = piece.atMs < FROM_MS ? [piece.bytes] : fault.change(piece, index)
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += DATAGRAM_BYTES) {
        socket.send(chunk.subarray(at, at + DATAGRAM_BYTES), port, '127.0.0.1')
      }
    }
  }
  await vi.waitFor(
    async () => {
      const { status, live } = await mirror.stream(id)
      const facts = `${id} (${status}): ${JSON.stringify([live.drops, live.repairs])}`
      expect(live[fault.counted][fault.cause] ?? 0, facts).toBeGreaterThan(0)
    },
    { timeout: 15_000, interval: 100 },
  )
}

function same({ bytes }: TimedBytes): readonly Uint8Array[] {
  return [bytes]
}

function idOf(cause: RepairCause): string {
  return cause.replaceAll('_', '-')
}

function authorized(): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${mirror.apiKey}` }
}

function closing<Socket extends { close(): unknown }>(socket: Socket): Socket & Disposable {
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.close() })
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(() => resolve()))
  return port
}

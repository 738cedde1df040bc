// What strangers do with connections: too many, too slow, never asking. The origin runs in this process; clients are real
// sockets.
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { ADMIN_TOKEN, startTestApi } from '../support/api-server.ts'
import { timeUntil } from '../support/listeners.ts'
import { MEDIA_BYTES, openOrigin, STREAM_ID } from '../support/origin.ts'
import { makeSelfSigned, type SelfSigned } from '../support/self-signed.ts'

const MEDIA_PATH = `/stream/${STREAM_ID}/v0/1.m4s`
/** A reader that takes nothing is cut off after 15 s. */
const CUT_OFF_MS = 22_000
/** Headers may take 10 s, and are looked at every 2 s. */
const HEADERS_MS = 15_000

let opened: AsyncDisposableStack
let tls: SelfSigned

beforeAll(() => {
  tls = makeSelfSigned()
})

beforeEach(() => {
  opened = new AsyncDisposableStack()
})

afterEach(() => opened.disposeAsync())

/** An open connection; what it says is collected. */
class Caller {
  readonly socket: Socket
  received = ''
  isClosed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.received = (this.received + chunk.toString('latin1')).slice(0, 2000)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
    })
    opened.defer(() => void socket.destroy())
  }

  static async open(port: number, from: string): Promise<Caller> {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from })
    const caller = new Caller(socket)
    await once(socket, 'connect')
    return caller
  }

  async ask(request = 'GET /health HTTP/1.1\r\nHost: mirror\r\n\r\n'): Promise<string> {
    this.received = ''
    this.socket.write(request)
    await timeUntil('an answer', () => this.isClosed || this.received.includes('\r\n\r\n'), 5000)
    return this.received.split('\r\n')[0] ?? ''
  }
}

const OK = 'HTTP/1.1 200 OK'

test('an address with too many connections is told 429 and when to come back; others and trusted ones are served', async () => {
  const { port, guard } = opened.use(
    await openOrigin({ connectionsPerAddress: 3, isTrusted: (address) => address === '127.0.0.9' }),
  )
  const callers = await Promise.all([1, 2, 3].map(() => Caller.open(port, '127.0.0.2')))
  for (const caller of callers) expect(await caller.ask()).toBe(OK)

  const excess = await Caller.open(port, '127.0.0.2')
  expect(await excess.ask()).toBe('HTTP/1.1 429 Too Many Requests')
  expect(excess.received).toMatch(/Retry-After: 1\r\n/)
  expect(excess.received).toMatch(/Connection: close\r\n/)
  expect(excess.received).toContain('"code":"connections_per_address"')
  await timeUntil('the refused one is closed', () => excess.isClosed, 2000)

  expect(await (await Caller.open(port, '127.0.0.3')).ask()).toBe(OK)
  for (let n = 0; n < 5; n++) expect(await (await Caller.open(port, '127.0.0.9')).ask()).toBe(OK)
  callers[0]?.socket.destroy()
  await timeUntil('the place is free', () => guard.open === 8, 2000)
  expect(await (await Caller.open(port, '127.0.0.2')).ask()).toBe(OK)
})

test('when all places are taken, idle connections give way, and with none idle a new one is told 503', async () => {
  let nowMs = 0
  const { port, guard, shelf } = opened.use(await openOrigin({ connections: 3 }, null, () => nowMs))
  const [busy, resting, silent] = await Promise.all([1, 2, 3].map(() => Caller.open(port, '127.0.0.2')))
  await resting?.ask()
  // A request that waits: its connection is not idle.
  busy?.socket.write(`GET /stream/${STREAM_ID}/playlist.m3u8 HTTP/1.1\r\nHost: mirror\r\n\r\n`)
  await timeUntil('it waits', () => shelf.waiters.size === 1, 2000)
  const tooSoon = await Caller.open(port, '127.0.0.2')
  expect(await tooSoon.ask()).toBe('HTTP/1.1 503 Service Unavailable')
  expect(tooSoon.received).toMatch(/Retry-After: 1\r\n/)
  nowMs = 1100

  const next = [await Caller.open(port, '127.0.0.2'), await Caller.open(port, '127.0.0.2')]
  for (const caller of next) expect(await caller.ask()).toBe(OK)
  await timeUntil('both idle ones are closed', () => resting?.isClosed === true && silent?.isClosed === true, 2000)
  expect(busy?.isClosed).toBe(false)
  expect(guard.open).toBe(3)
})

test('on the API port, too, and a refused request changes nothing', async () => {
  const connectionLimits = { connections: 3, connectionsPerAddress: 2, isTrusted: () => false }
  let nowMs = 0
  const api = opened.use(await startTestApi({ connectionLimits, monotonicMs: () => nowMs }))
  const port = Number(new URL(api.url).port)
  const create = (id: string) =>
    [
      ...['POST /api/v1/streams HTTP/1.1', 'Host: mirror', `Authorization: Bearer ${ADMIN_TOKEN}`],
      ...['Content-Type: application/json', `Content-Length: ${id.length + 9}`, '', `{"id":"${id}"}`],
    ].join('\r\n')
  const [first] = await Promise.all([Caller.open(port, '127.0.0.2'), Caller.open(port, '127.0.0.2')])
  const third = await Caller.open(port, '127.0.0.2')
  expect(await third.ask(create('cam-429'))).toBe('HTTP/1.1 429 Too Many Requests')
  expect(third.received).toMatch(/retry-after: 1\r\n/i)
  expect(third.received).toContain('"code":"connections_per_address"')
  await timeUntil('the refused one is closed', () => third.isClosed, 2000)
  expect(await (await Caller.open(port, '127.0.0.3')).ask(create('cam-ok'))).toBe('HTTP/1.1 201 Created')
  expect(await (await Caller.open(port, '127.0.0.4')).ask(create('cam-503'))).toBe('HTTP/1.1 503 Service Unavailable')
  expect([...api.live.registered.keys()]).toEqual(['cam-ok'])

  // A WebSocket that says nothing is in use; whoever never asked is not.
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13'
  const key = `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`
  const hello = `GET /api/v1/ws HTTP/1.1\r\nHost: mirror\r\n${upgrade}\r\n${key}\r\n\r\n`
  expect(await first?.ask(hello)).toBe('HTTP/1.1 101 Switching Protocols')
  nowMs = 1100
  const next = [await Caller.open(port, '127.0.0.5'), await Caller.open(port, '127.0.0.6')]
  for (const caller of next)
    expect(await caller.ask(create(`cam-${next.indexOf(caller)}`))).toBe('HTTP/1.1 201 Created')
  expect(first?.isClosed).toBe(false)
})

test('over TLS, who sends nothing, half a handshake or half the headers is cut off like everybody else', async () => {
  const plain = opened.use(await openOrigin())
  const secure = opened.use(await openOrigin({}, tls))
  const half = `GET ${MEDIA_PATH} HTTP/1.1\r\nHost: mirr`
  const callers: Caller[] = []
  for (const port of [plain.port, secure.port]) callers.push(await Caller.open(port, '127.0.0.2'))
  const halfHeaders = await Caller.open(plain.port, '127.0.0.2')
  halfHeaders.socket.write(half)
  const halfHello = await Caller.open(secure.port, '127.0.0.2')
  halfHello.socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0]))
  const tlsSocket = connectTls({ port: secure.port, host: '127.0.0.1', rejectUnauthorized: false })
  const halfRequest = new Caller(tlsSocket)
  await once(tlsSocket, 'secureConnect')
  tlsSocket.write(half)
  const trickle = setInterval(() => tlsSocket.write('o'), 500)
  opened.defer(() => clearInterval(trickle))
  callers.push(halfHeaders, halfHello, halfRequest)
  await timeUntil('all are cut off', () => callers.every(({ isClosed }) => isClosed), HEADERS_MS)
  expect(secure.guard.open + plain.guard.open).toBe(0)
})

test('hundreds of readers that stop reading, and one at 1 kB/s, cost little memory and are cut off, over HTTP/1, TLS and HTTP/2; one that takes 4 Mbit/s is not', async () => {
  const plain = opened.use(await openOrigin())
  const secure = opened.use(await openOrigin({}, tls))
  const rssBefore = process.memoryUsage.rss()
  for (let n = 0; n < 100; n++) {
    const caller = await Caller.open(plain.port, '127.0.0.2')
    caller.socket.pause()
    caller.socket.write(`GET ${MEDIA_PATH} HTTP/1.1\r\nHost: mirror\r\n\r\n`)
    const socket = connectTls({ port: secure.port, host: '127.0.0.1', rejectUnauthorized: false })
    new Caller(socket)
    await once(socket, 'secureConnect')
    socket.pause()
    socket.write(`GET ${MEDIA_PATH} HTTP/1.1\r\nHost: mirror\r\n\r\n`)
  }
  for (let n = 0; n < 10; n++) {
    const session = connectHttp2(`https://127.0.0.1:${secure.port}`, { rejectUnauthorized: false })
    session.on('error', () => {})
    opened.defer(() => session.destroy())
    // Without a listener for data nothing is read, and the window of each stream stays shut.
    for (let m = 0; m < 20; m++) {
      const stream = session.request({ ':path': MEDIA_PATH })
      stream.on('error', () => {})
    }
  }
  await trickleReader(plain.port, 1_000)
  const fair = await trickleReader(plain.port, 512 * 1024)
  // One who reads is served meanwhile, whichever way it comes.
  expect([await readPlain(plain.port), await readHttp2(secure.port)]).toEqual([MEDIA_BYTES, MEDIA_BYTES])
  const grownBytes = process.memoryUsage.rss() - rssBefore
  // 400 requests for 8 MiB: copies would be 3.2 GB. What TLS has encrypted ahead is one piece for each.
  expect(grownBytes).toBeLessThan(400 * 1024 * 1024)
  await timeUntil('no connection is left', () => plain.guard.open + secure.guard.open === 0, CUT_OFF_MS)
  await fair.done
  expect(fair.bytes()).toBeGreaterThan(MEDIA_BYTES)
  // The memory of the media can be used again: nobody holds its slab.
  for (const { shelf, released } of [plain, secure]) {
    shelf.apply({ kind: 'retire', streamId: STREAM_ID, slabId: 1 })
    expect(released).toEqual([1])
  }
})

/** Takes a little every 50 ms. */
async function trickleReader(port: number, bytesPerSec: number) {
  const socket = connect({ port, host: '127.0.0.1' })
  let taken = 0
  socket.on('error', () => {})
  const done = once(socket, 'close')
  opened.defer(() => void socket.destroy())
  await once(socket, 'connect')
  socket.pause()
  socket.write(`GET ${MEDIA_PATH} HTTP/1.1\r\nHost: mirror\r\nConnection: close\r\n\r\n`)
  const timer = setInterval(() => {
    let budget = bytesPerSec / 20
    while (budget > 0) {
      const chunk: unknown = socket.read(Math.min(budget, socket.readableLength || budget))
      if (!(chunk instanceof Buffer)) break
      taken += chunk.length
      budget -= chunk.length
    }
  }, 50)
  opened.defer(() => clearInterval(timer))
  return { done, bytes: () => taken }
}

async function readPlain(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}${MEDIA_PATH}`)
  return (await response.arrayBuffer()).byteLength
}

async function readHttp2(port: number): Promise<number> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  opened.defer(() => session.destroy())
  const stream = session.request({ ':path': MEDIA_PATH })
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  await once(stream, 'end')
  return bytes
}

test('who floods the origin with guesses waits a second for each answer; what is there is served to everybody at once', async () => {
  // Its clock stands still: no guess comes back with time.
  const { port } = opened.use(await openOrigin({}, null, () => 0))
  const media = `GET ${MEDIA_PATH} HTTP/1.1\r\nHost: mirror\r\n\r\n`
  const guess = (n: number) => `GET /stream/guess-${n}/playlist.m3u8 HTTP/1.1\r\nHost: mirror\r\n\r\n`
  const flooder = await Caller.open(port, '127.0.0.2')
  for (let n = 0; n < 200; n += 1) expect(await flooder.ask(guess(n))).toBe('HTTP/1.1 404 Not Found')

  const fromMs = performance.now()
  expect(await flooder.ask(guess(200))).toBe('HTTP/1.1 404 Not Found')
  expect(performance.now() - fromMs).toBeGreaterThan(900)
  const viewer = await Caller.open(port, '127.0.0.2')
  expect(await viewer.ask(media)).toBe(OK)
  expect(await (await Caller.open(port, '127.0.0.3')).ask(guess(1))).toBe('HTTP/1.1 404 Not Found')

  // Many at once on one connection: beyond a number it is cut.
  const pipelining = await Caller.open(port, '127.0.0.2')
  pipelining.socket.write(Array.from({ length: 200 }, (_, n) => guess(n)).join(''))
  await timeUntil('it is cut off', () => pipelining.isClosed, 5000)
})

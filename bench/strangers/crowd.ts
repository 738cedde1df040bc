// Process of the strangers: what they do to the media port while others watch.
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { answerParent } from '../child-module.ts'

export const DEEDS = ['guesses', 'idle', 'slow'] as const
/** `guesses`: each asks for streams that there are not, as fast as it is answered. `idle`: each only connects. `slow`:
 * each asks for media again and again and takes a little of it each second. */
export type Deed = (typeof DEEDS)[number]

export interface CrowdStart {
  readonly port: number
  readonly deed: Deed
  readonly strangers: number
  /** What slow readers ask for: a path. */
  readonly media: string
}

export interface CrowdFigures {
  readonly connected: number
  /** Connections that Mirror refused or cut. */
  readonly cut: number
  readonly answers: number
}

/** Mirror trusts 127.0.0.1 in this benchmark: viewers come from there. */
const ADDRESSES = 20
const CONNECTS_PER_SEC = 2000
const RECONNECT_MS = 100
const SIP_BYTES = 2000
const SIP_EVERY_MS = 1000

const sockets = new Set<Socket>()
let order: CrowdStart | null = null
let figures = { connected: 0, cut: 0, answers: 0 }

answerParent({ start, result, stop })

async function start(wanted: CrowdStart): Promise<void> {
  order = wanted
  for (let index = 0; index < wanted.strangers; index += 1) {
    open(wanted, index)
    if (index % 20 === 19) await delay(20_000 / CONNECTS_PER_SEC)
  }
}

function result(): CrowdFigures {
  const seen = figures
  figures = { ...figures, cut: 0, answers: 0 }
  return seen
}

function stop(): void {
  order = null
  for (const socket of sockets) socket.destroy()
}

function open(wanted: CrowdStart, index: number): void {
  const from = { host: '127.0.0.1', port: wanted.port, localAddress: `127.0.1.${1 + (index % ADDRESSES)}` }
  const socket = connect(from, () => {
    figures.connected += 1
    if (wanted.deed === 'guesses') guess(socket, index)
    if (wanted.deed === 'slow') sip(socket, wanted.media)
  })
  sockets.add(socket)
  socket.on('error', () => {})
  socket.once('close', () => {
    sockets.delete(socket)
    if (order !== wanted) return
    figures.connected -= 1
    figures.cut += 1
    setTimeout(() => order === wanted && open(wanted, index), RECONNECT_MS)
  })
  if (wanted.deed === 'idle') socket.resume()
}

function guess(socket: Socket, index: number): void {
  let asked = 0
  const ask = () => socket.write(`GET /stream/guess-${index}-${asked++}/playlist.m3u8 HTTP/1.1\r\nHost: mirror\r\n\r\n`)
  socket.on('data', (bytes) => {
    // An answer is small: it comes whole.
    if (!bytes.includes('HTTP/1.1 ')) return
    figures.answers += 1
    ask()
  })
  ask()
}

function sip(socket: Socket, media: string): void {
  const ask = () => socket.write(`GET ${media} HTTP/1.1\r\nHost: mirror\r\n\r\n`.repeat(20))
  socket.pause()
  const timer = setInterval(() => {
    if (socket.read(SIP_BYTES) !== null) figures.answers += 1
  }, SIP_EVERY_MS)
  socket.on('readable', () => {})
  socket.once('close', () => clearInterval(timer))
  ask()
}

// One keep-alive HTTP/1.1 connection, one request at a time. A load generator on the server's own cores has to cost less
// than what it measures: this takes about a third of the CPU of node:http's client, because bodies of media are counted
// and not kept, and all connections share one receive buffer. It understands what an origin sends: a status line,
// headers, and a body with Content-Length.
import { connect, type Socket } from 'node:net'

export interface HttpAnswer {
  /** 0: no answer (refused, reset or timed out). */
  readonly status: number
  /** Null when the body was only counted. */
  readonly body: Buffer | null
  readonly bodyBytes: number
  /** By performance.now(). */
  readonly sentAtMs: number
  readonly firstByteAtMs: number
  readonly lastByteAtMs: number
}

export interface HttpTarget {
  readonly host: string
  readonly port: number
  /** Counts every byte that arrives, headers included. */
  readonly onBytes: (bytes: number) => void
}

const TIMEOUT_MS = 12_000
const RECEIVE_BUFFER = Buffer.allocUnsafe(256 * 1024)
const NO_BYTES = Buffer.alloc(0)

interface Exchange {
  readonly resolve: (answer: HttpAnswer) => void
  readonly isKept: boolean
  readonly sentAtMs: number
  firstByteAtMs: number
  /** Until the headers are complete. */
  head: Buffer
  status: number
  /** Missing bytes of the body; -1 until the headers are complete. */
  missing: number
  bodyBytes: number
  kept: Buffer | null
}

export class HttpConnection {
  readonly #target: HttpTarget
  readonly #tail: string
  #socket: Socket | null = null
  #exchange: Exchange | null = null

  constructor(target: HttpTarget, userAgent: string) {
    this.#target = target
    this.#tail = ` HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\nUser-Agent: ${userAgent}\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n`
  }

  get(path: string, isKept: boolean): Promise<HttpAnswer> {
    return new Promise((resolve) => {
      this.#exchange = {
        resolve,
        isKept,
        sentAtMs: performance.now(),
        firstByteAtMs: 0,
        head: NO_BYTES,
        status: 0,
        missing: -1,
        bodyBytes: 0,
        kept: null,
      }
      this.#socket ??= this.#connect()
      this.#socket.write(`GET ${path}${this.#tail}`, 'latin1')
    })
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = null
  }

  #connect(): Socket {
    const onread = {
      buffer: RECEIVE_BUFFER,
      callback: (length: number, buffer: Uint8Array) => {
        this.#target.onBytes(length)
        this.#onBytes(buffer as Buffer, length)
        return true
      },
    }
    const socket = connect({ host: this.#target.host, port: this.#target.port, noDelay: true, onread })
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy())
    socket.on('error', () => {}) // 'close' follows
    socket.once('close', () => {
      if (this.#socket === socket) this.#socket = null
      this.#finish(0)
    })
    return socket
  }

  #onBytes(buffer: Buffer, length: number): void {
    const exchange = this.#exchange
    if (exchange === null) return this.close() // bytes that nobody asked for
    if (exchange.firstByteAtMs === 0) exchange.firstByteAtMs = performance.now()
    let at = 0
    if (exchange.missing < 0) {
      const earlier = exchange.head.length
      const head =
        earlier === 0 ? buffer.subarray(0, length) : Buffer.concat([exchange.head, buffer.subarray(0, length)])
      const end = head.indexOf('\r\n\r\n', 0, 'latin1')
      if (end < 0) {
        exchange.head = Buffer.from(head) // the receive buffer is about to be written again
        return
      }
      const text = head.toString('latin1', 0, end)
      const bodyLength = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
      if (bodyLength === undefined) return this.close()
      exchange.status = Number(text.slice(9, 12))
      exchange.missing = Number(bodyLength)
      if (exchange.isKept) exchange.kept = Buffer.allocUnsafe(exchange.missing)
      at = end + 4 - earlier
    }
    const here = Math.min(length - at, exchange.missing)
    if (exchange.kept !== null) buffer.copy(exchange.kept, exchange.bodyBytes, at, at + here)
    exchange.bodyBytes += here
    exchange.missing -= here
    if (exchange.missing === 0) this.#finish(exchange.status)
  }

  #finish(status: number): void {
    const exchange = this.#exchange
    if (exchange === null) return
    this.#exchange = null
    const { kept, bodyBytes, sentAtMs, firstByteAtMs } = exchange
    exchange.resolve({ status, body: kept, bodyBytes, sentAtMs, firstByteAtMs, lastByteAtMs: performance.now() })
  }
}

// A TCP proxy that fails on demand, in the ways in which networks and servers do. It looks into what it passes only to
// find where an HTTP request begins.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket, connect as toServer } from 'node:net'

export interface Faults {
  /** Connections are refused (nobody listens) or open up and stay silent. */
  readonly dead?: 'refuse' | 'hang'
  /** Held back before they are passed on, both ways. */
  readonly latencyMs?: number
  /** How many of a hundred requests are answered 503 and never passed on. */
  readonly errorPercent?: number
  /** How many of a hundred requests are passed on, and their answers lost in a reset connection. */
  readonly lostAnswerPercent?: number
  /** How many of a hundred requests are cut off, with a reset to both sides, after `cutAfterBytes`. */
  readonly cutPercent?: number
  readonly cutAfterBytes?: number
}

/** Something a client sent that waits in the proxy. */
export class HeldMessage {
  readonly #arrived = Promise.withResolvers<void>()
  readonly #answered = Promise.withResolvers<void>()
  #chunks: Buffer[] = []
  #pass: ((chunk: Buffer) => void) | null = null
  #isReleased = false

  /** Resolves when it is here. */
  get arrived(): Promise<void> {
    return this.#arrived.promise
  }

  /** What has come of it so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Passes it on; resolves when the server has answered, or the connection is gone. */
  async release(): Promise<void> {
    this.#isReleased = true
    for (const chunk of this.#chunks.splice(0)) this.#pass?.(chunk)
    if (this.#pass !== null) await this.#answered.promise
  }

  /** @internal */
  take(chunk: Buffer, pass: (chunk: Buffer) => void): void {
    this.#pass = pass
    this.#arrived.resolve()
    if (this.#isReleased) pass(chunk)
    else this.#chunks.push(chunk)
  }

  /** @internal */
  answer(): void {
    this.#answered.resolve()
  }
}

const REQUEST_START = /^(?:GET|HEAD|PUT|POST|DELETE) \//
const UNAVAILABLE =
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'

export class FaultProxy implements AsyncDisposable {
  /** What was done to requests, by kind. */
  readonly done = { passed: 0, errors: 0, lostAnswers: 0, cuts: 0 }
  readonly #upstream: { readonly host: string; readonly port: number }
  readonly #random: () => number
  readonly #sockets = new Set<Socket>()
  #server: Server | null = null
  #port = 0
  #faults: Faults = {}
  #holding: { readonly text: string; readonly message: HeldMessage } | null = null

  private constructor(upstream: string, random: () => number) {
    const { hostname, port } = new URL(upstream)
    this.#upstream = { host: hostname, port: Number(port) }
    this.#random = random
  }

  /** `upstream`: an address with a port, of any scheme. `random` decides which requests fail. */
  static async start(upstream: string, random: () => number): Promise<FaultProxy> {
    const proxy = new FaultProxy(upstream, random)
    await proxy.#listen()
    return proxy
  }

  get port(): number {
    return this.#port
  }

  /** Takes effect at once; connections that are open are reset where the fault concerns them. */
  async turn(faults: Faults): Promise<void> {
    this.#faults = faults
    if (faults.dead === 'refuse') await this.#close()
    else if (this.#server === null) await this.#listen()
  }

  /** Keeps back the next message that contains `text`, and all that follows on its connection, until it is released. */
  holdNext(text: string): HeldMessage {
    const message = new HeldMessage()
    this.#holding = { text, message }
    return message
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async #listen(): Promise<void> {
    const server = createServer((client) => this.#accept(client))
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async #close(): Promise<void> {
    const server = this.#server
    this.#server = null
    for (const socket of this.#sockets) socket.resetAndDestroy()
    if (server === null) return
    server.close()
    await once(server, 'close')
  }

  #accept(client: Socket): void {
    const upstream = toServer(this.#upstream)
    let held: HeldMessage | null = null
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('end', () => this.#later(() => other.end()))
      one.on('close', () => {
        this.#sockets.delete(one)
        held?.answer() // Whoever waited for it has given up.
        this.#later(() => other.end())
      })
    }
    const reset = (): void => {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
    const fate = { cutIn: Number.POSITIVE_INFINITY, isAnswerLost: false, isOver: false }
    client.on('data', (chunk) => {
      if (fate.isOver || this.#faults.dead === 'hang') return
      if (this.#holding !== null && chunk.includes(this.#holding.text)) {
        held = this.#holding.message
        this.#holding = null
      }
      if (held !== null) {
        held.take(chunk, (bytes) => this.#pass(bytes, client, upstream))
        return
      }
      if (REQUEST_START.test(chunk.subarray(0, 10).toString('latin1'))) {
        const roll = this.#random() * 100
        const { errorPercent = 0, lostAnswerPercent = 0, cutPercent = 0, cutAfterBytes = 1000 } = this.#faults
        if (roll < errorPercent) {
          this.done.errors += 1
          fate.isOver = true
          client.end(
            `HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: ${UNAVAILABLE.length}\r\nConnection: close\r\n\r\n${UNAVAILABLE}`,
          )
          return
        }
        if (roll < errorPercent + lostAnswerPercent) {
          this.done.lostAnswers += 1
          fate.isAnswerLost = true
        } else if (roll < errorPercent + lostAnswerPercent + cutPercent) {
          this.done.cuts += 1
          fate.cutIn = cutAfterBytes
        } else this.done.passed += 1
      }
      fate.cutIn -= chunk.byteLength
      if (fate.cutIn > 0) this.#pass(chunk, client, upstream)
      else this.#later(() => upstream.write(chunk.subarray(0, chunk.byteLength + fate.cutIn), reset))
    })
    upstream.on('data', (chunk) => {
      if (this.#faults.dead === 'hang') return
      held?.answer()
      held = null
      if (fate.isAnswerLost) reset()
      else this.#pass(chunk, upstream, client)
    })
  }

  /** A receiver that takes no more stops its sender. */
  #pass(chunk: Buffer, from: Socket, to: Socket): void {
    this.#later(() => {
      if (to.destroyed || to.write(chunk)) return
      from.pause()
      to.once('drain', () => from.resume())
    })
  }

  #later(act: () => void): void {
    const { latencyMs = 0 } = this.#faults
    if (latencyMs === 0) act()
    else setTimeout(act, latencyMs)
  }
}

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

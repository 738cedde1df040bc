// A bad network for UDP: loses, delays, reorders and doubles datagrams in both directions. What happens to a datagram
// follows from the seed and its number alone. It runs in a process of its own: what keeps a test busy must not look like
// the network.
import { type ChildProcess, fork } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Impairment {
  readonly seed: number
  /** 0 to 1. */
  readonly lossShare?: number
  readonly duplicateShare?: number
  /** One way. */
  readonly delayMs?: number
  /** Each datagram takes up to this much longer, so that some overtake others. */
  readonly jitterMs?: number
}

export interface RelayCounts {
  forwarded: number
  lost: number
  doubled: number
  /** Delivered after one that had been sent later. */
  overtaken: number
}

export interface RelayTraffic {
  /** From the callers to the target, and back. */
  readonly there: RelayCounts
  readonly back: RelayCounts
}

type Order =
  | { readonly kind: 'start'; readonly target: number; readonly impairment: Impairment }
  | { readonly kind: 'outage'; readonly ms: number }
  | { readonly kind: 'count' }

/** The test's side. */
export class UdpRelay implements AsyncDisposable {
  readonly port: number
  readonly #child: ChildProcess

  static async start(targetPort: number, impairment: Impairment): Promise<UdpRelay> {
    const child = fork(fileURLToPath(import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    return new UdpRelay(child, await ask<number>(child, { kind: 'start', target: targetPort, impairment }))
  }

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  /** Nothing passes for so long. */
  async outage(ms: number): Promise<void> {
    await ask(this.#child, { kind: 'outage', ms })
  }

  async counts(): Promise<RelayTraffic> {
    return await ask<RelayTraffic>(this.#child, { kind: 'count' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}

/** One order at a time. */
async function ask<Answer>(child: ChildProcess, order: Order): Promise<Answer> {
  child.send(order)
  const [answer] = (await once(child, 'message')) as [Answer]
  return answer
}

class Carrier {
  readonly counts: RelayTraffic = { there: noCounts(), back: noCounts() }
  readonly #front: Socket
  readonly #target: number
  readonly #impairment: Impairment
  /** One socket towards the target per caller, as a NAT has. */
  readonly #upstreams = new Map<string, Socket>()
  readonly #random: () => number
  readonly #newest = { there: 0, back: 0 }
  #sequence = 0
  isOut = false

  constructor(front: Socket, target: number, impairment: Impairment) {
    this.#front = front
    this.#target = target
    this.#impairment = impairment
    this.#random = mulberry32(impairment.seed)
    front.on('message', (datagram, from) => {
      const upstream = this.#upstreamOf(from.address, from.port)
      this.#carry('there', () => upstream.send(datagram, this.#target, '127.0.0.1'))
    })
  }

  #upstreamOf(address: string, port: number): Socket {
    const key = `${address}:${port}`
    const existing = this.#upstreams.get(key)
    if (existing !== undefined) return existing
    const socket = createSocket('udp4')
    socket.on('message', (datagram) => this.#carry('back', () => this.#front.send(datagram, port, address)))
    this.#upstreams.set(key, socket)
    return socket
  }

  #carry(direction: 'there' | 'back', send: () => void): void {
    const { lossShare = 0, duplicateShare = 0, delayMs = 0, jitterMs = 0 } = this.#impairment
    const counts = this.counts[direction]
    // Always as many numbers per datagram, so that one that is lost changes nothing for the next.
    const [loss, double, jitter] = [this.#random(), this.#random(), this.#random()]
    if (this.isOut || loss < lossShare) {
      counts.lost++
      return
    }
    const sequence = ++this.#sequence
    const copies = double < duplicateShare ? 2 : 1
    counts.doubled += copies - 1
    for (let copy = 0; copy < copies; copy++) {
      setTimeout(
        () => {
          counts.forwarded++
          if (sequence < this.#newest[direction]) counts.overtaken++
          this.#newest[direction] = Math.max(this.#newest[direction], sequence)
          send()
        },
        delayMs + jitter * jitterMs,
      )
    }
  }
}

function noCounts(): RelayCounts {
  return { forwarded: 0, lost: 0, doubled: 0, overtaken: 0 }
}

/** A small generator with a seed, good enough to scatter losses. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  let carrier: Carrier | null = null
  process.on('disconnect', () => process.exit(0))
  process.on('message', (order: Order) => void obey(order).then((answer) => process.send?.(answer)))

  async function obey(order: Order): Promise<unknown> {
    switch (order.kind) {
      case 'start': {
        const front = createSocket('udp4').bind(0, '127.0.0.1')
        await once(front, 'listening')
        carrier = new Carrier(front, order.target, order.impairment)
        return front.address().port
      }
      case 'outage':
        if (carrier !== null) carrier.isOut = true
        await new Promise((resolve) => setTimeout(resolve, order.ms))
        if (carrier !== null) carrier.isOut = false
        return true
      case 'count':
        return carrier?.counts
    }
  }
}

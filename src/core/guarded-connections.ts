// A server's connections under a guard: who was admitted, who is only waiting to be told no, and which connection a
// request came on.
import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionGuard, ConnectionRefusal, Place } from './connection-guard.ts'
import { afterRunning } from './running-time.ts'

/** Connections beyond the limit that may still ask and be told; further ones are just closed. */
const MAX_BEING_REFUSED = 64
const REFUSAL_MS = 1000

/** Who is at the other end of a socket, or of what was built upon it. */
interface Peer {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

export class GuardedConnections {
  readonly #guard: ConnectionGuard
  readonly #tellsRefused: boolean
  readonly #sockets = new Set<Socket>()
  readonly #byPeer = new Map<string, Place>()
  readonly #byCarrier = new WeakMap<object, Place>()
  readonly #refused = new WeakMap<object, ConnectionRefusal>()
  #beingRefused = 0

  /** `tellsRefused` false: where a TLS handshake would cost more than the refusal is worth. */
  constructor(guard: ConnectionGuard, { tellsRefused }: { readonly tellsRefused: boolean }) {
    this.#guard = guard
    this.#tellsRefused = tellsRefused
  }

  /** Takes every connection that the server accepts. */
  watch(server: EventEmitter): void {
    server.on('connection', (socket: Socket) => this.#take(socket))
  }

  /** What a request on this carrier is to be answered with, whatever it asks; null: go on. */
  refusalOf(carrier: object): ConnectionRefusal | null {
    return this.#refused.get(carrier) ?? null
  }

  placeOf(carrier: object): Place | null {
    return this.#byCarrier.get(carrier) ?? null
  }

  /** Requests come on a carrier of their own above the socket that was admitted: a TLS socket, an HTTP/2 session. */
  lift(carrier: object, peer: Peer): void {
    const place = this.#byPeer.get(peerKey(peer))
    if (place !== undefined) this.#byCarrier.set(carrier, place)
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #take(socket: Socket): void {
    const place = this.#guard.admit(socket, socket.remoteAddress ?? '')
    if (typeof place === 'string') {
      this.#refuse(socket, place)
      return
    }
    // Neither address nor port is known any more once it is closed.
    const peer = peerKey(socket)
    this.#sockets.add(socket)
    this.#byPeer.set(peer, place)
    this.#byCarrier.set(socket, place)
    socket.once('close', () => {
      place.leave()
      this.#sockets.delete(socket)
      if (this.#byPeer.get(peer) === place) this.#byPeer.delete(peer)
    })
  }

  #refuse(socket: Socket, refusal: ConnectionRefusal): void {
    if (!this.#tellsRefused || this.#beingRefused >= MAX_BEING_REFUSED) {
      socket.destroy()
      return
    }
    this.#beingRefused++
    this.#refused.set(socket, refusal)
    const cut = afterRunning(REFUSAL_MS, () => socket.destroy())
    socket.once('close', () => {
      this.#beingRefused--
      cut.cancel()
    })
  }
}

export interface Carrier {
  destroy(): void
}

/** The socket of HTTP/1, plain or TLS, or the session of HTTP/2. */
export function carrierOf(request: IncomingMessage): Carrier {
  const { stream } = request as { readonly stream?: { readonly session?: Carrier } }
  return stream?.session ?? request.socket
}

function peerKey({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress ?? ''} ${remotePort ?? ''}`
}

// Decides which connections may stay: limits in total and per address, and when all places are taken the one that has
// been idle for longest gives way.
import { addressKey } from './address-key.ts'
import type { AddressSet } from './address-set.ts'
import type { ConnectionCounts } from './connection-counts.ts'

export interface ConnectionLimits {
  readonly connections: number
  readonly connectionsPerAddress: number
  /** Proxies, edges and networks behind one address: the limit per address is not for them. */
  readonly isTrusted: AddressSet
}

export type ConnectionRefusal = 'connections_full' | 'connections_per_address'

export interface GuardedSocket {
  destroy(): void
}

/** A connection's place. It is idle from its start until `begin`, and again whenever all that was begun has ended. */
export interface Place {
  begin(): void
  end(): void
  /** Idempotent. */
  leave(): void
}

/** A request follows the connection at once; one that is younger is not idle but new. */
const MIN_IDLE_MS = 1000

interface Held extends Place {
  readonly socket: GuardedSocket
  idleSinceMs: number
}

export class ConnectionGuard {
  readonly #limits: ConnectionLimits
  readonly #counts: ConnectionCounts
  readonly #nowMs: () => number
  /** Those that never asked for anything, oldest first: nobody misses them. */
  readonly #silent = new Set<Held>()
  /** Between two requests, the one that has rested for longest first. */
  readonly #resting = new Set<Held>()
  #open = 0
  #evicted = 0
  readonly #refused: Record<ConnectionRefusal, number> = { connections_full: 0, connections_per_address: 0 }

  /** `nowMs` is monotonic. */
  constructor(limits: ConnectionLimits, counts: ConnectionCounts, nowMs: () => number) {
    this.#limits = limits
    this.#counts = counts
    this.#nowMs = nowMs
  }

  /** In this thread. */
  get open(): number {
    return this.#open
  }

  /** Since the start. */
  get refused(): Readonly<Record<ConnectionRefusal, number>> {
    return this.#refused
  }

  /** Idle connections that gave way to others, since the start. */
  get evicted(): number {
    return this.#evicted
  }

  /** `address` as the socket tells it. */
  admit(socket: GuardedSocket, address: string): Place | ConnectionRefusal {
    const { connections, connectionsPerAddress, isTrusted } = this.#limits
    const key = addressKey(address)
    // Counted before it is judged: of two that come to two threads for one last place, both see the other.
    this.#counts.add(key)
    if (this.#counts.of(key) > connectionsPerAddress && !isTrusted(address))
      return this.#refuse(key, 'connections_per_address')
    if (this.#counts.total > connections && !this.#evictIdle()) return this.#refuse(key, 'connections_full')
    return this.#hold(socket, key)
  }

  #refuse(key: string, refusal: ConnectionRefusal): ConnectionRefusal {
    this.#counts.remove(key)
    this.#refused[refusal]++
    return refusal
  }

  #hold(socket: GuardedSocket, key: string): Place {
    this.#open++
    let active = 0
    let isGone = false
    const held: Held = {
      socket,
      idleSinceMs: this.#nowMs(),
      begin: () => {
        active++
        this.#silent.delete(held)
        this.#resting.delete(held)
      },
      end: () => {
        active--
        if (active > 0 || isGone) return
        held.idleSinceMs = this.#nowMs()
        this.#resting.add(held)
      },
      leave: () => {
        if (isGone) return
        isGone = true
        this.#silent.delete(held)
        this.#resting.delete(held)
        this.#counts.remove(key)
        this.#open--
      },
    }
    this.#silent.add(held)
    return held
  }

  #evictIdle(): boolean {
    const before = this.#nowMs() - MIN_IDLE_MS
    for (const idle of [this.#silent, this.#resting]) {
      const [oldest] = idle
      if (oldest === undefined || oldest.idleSinceMs > before) continue
      oldest.leave()
      oldest.socket.destroy()
      this.#evicted++
      return true
    }
    return false
  }
}

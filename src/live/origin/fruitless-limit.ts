// Who often asks for what is not there is answered a second later: a flood of guesses takes places, and no computing time.
import type { ServerResponse } from 'node:http'
import { addressKey } from '../../core/address-key.ts'
import type { AddressSet } from '../../core/address-set.ts'

/** A page of old links, or everybody behind one address before a stream begins. */
const ALLOWED_AT_ONCE = 200
const ALLOWED_PER_SEC = 50
const LATER_MS = 1000
/** Of one address, in this thread; more are cut off. */
const MAX_WAITING = 64
const MAX_WAITING_TOGETHER = 2000
/** Addresses that are remembered; the one that asked longest ago is forgotten. */
const MAX_ADDRESSES = 10_000

interface Asker {
  allowed: number
  atMs: number
  waiting: number
}

export interface FruitlessLimitOptions {
  /** Edges and proxies ask for many. */
  readonly isTrusted: AddressSet
  /** Monotonic. */
  readonly nowMs: () => number
}

export class FruitlessLimit {
  readonly #options: FruitlessLimitOptions
  readonly #askers = new Map<string, Asker>()
  #waiting = 0

  constructor(options: FruitlessLimitOptions) {
    this.#options = options
  }

  /** `address` asked for what is not there, or is not for them. */
  charge(address: string): void {
    if (this.#options.isTrusted(address)) return
    const key = addressKey(address)
    const asker = this.#refilled(key) ?? { allowed: ALLOWED_AT_ONCE, atMs: this.#options.nowMs(), waiting: 0 }
    asker.allowed = Math.max(0, asker.allowed - 1)
    this.#askers.delete(key)
    this.#askers.set(key, asker)
    const [oldest] = this.#askers.keys()
    if (this.#askers.size > MAX_ADDRESSES && oldest !== undefined) this.#askers.delete(oldest)
  }

  isSpent(address: string): boolean {
    if (this.#askers.size === 0) return false
    const asker = this.#refilled(addressKey(address))
    return asker !== null && asker.allowed < 1
  }

  /** Answers in a second, unless the client has gone by then. False: too many wait already. */
  answerLater(address: string, response: ServerResponse, answer: () => void): boolean {
    const asker = this.#askers.get(addressKey(address))
    if ((asker?.waiting ?? 0) >= MAX_WAITING || this.#waiting >= MAX_WAITING_TOGETHER) return false
    this.#count(asker, 1)
    const finish = () => {
      clearTimeout(timer)
      response.off('close', finish)
      this.#count(asker, -1)
    }
    const timer = setTimeout(() => {
      finish()
      answer()
    }, LATER_MS)
    response.once('close', finish)
    return true
  }

  #count(asker: Asker | undefined, by: number): void {
    this.#waiting += by
    if (asker !== undefined) asker.waiting += by
  }

  #refilled(key: string): Asker | null {
    const asker = this.#askers.get(key)
    if (asker === undefined) return null
    const nowMs = this.#options.nowMs()
    asker.allowed = Math.min(ALLOWED_AT_ONCE, asker.allowed + ((nowMs - asker.atMs) / 1000) * ALLOWED_PER_SEC)
    asker.atMs = nowMs
    return asker
  }
}

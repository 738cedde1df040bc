// The RTMP handshake, server side. Source: RTMP 1.0, section 5.2.
import { MirrorError } from '../../../core/errors.ts'

/** Length of C1, S1, C2 and S2. */
export const HANDSHAKE_BYTES = 1536
export const RTMP_VERSION = 3
/** Four bytes of time and four zeros. A zero where Flash servers put their version tells digest clients that this is the simple handshake. */
const RANDOM_OFFSET = 8

export type HandshakeStep =
  | { readonly kind: 'wait' }
  | { readonly kind: 'reply'; readonly bytes: Uint8Array }
  /** C2 has arrived; `rest` begins with the first chunk. */
  | { readonly kind: 'done'; readonly reply: Uint8Array | null; readonly rest: Uint8Array }

/**
 * The simple handshake: S1 is ours, S2 echoes C1. Clients of the digest ("complex") handshake accept it too.
 * C2 is not compared with S1: encoders exist that fill it with something else, and it proves nothing.
 */
export class ServerHandshake {
  readonly #random: (bytes: Uint8Array) => void
  /** C0, C1 and C2. */
  readonly #received = new Uint8Array(1 + 2 * HANDSHAKE_BYTES)
  #count = 0
  #replied = false

  /** `random` fills the given bytes. */
  constructor(random: (bytes: Uint8Array) => void) {
    this.#random = random
  }

  /** Throws `ingest_malformed` at the first byte that cannot be RTMP. */
  push(bytes: Uint8Array): HandshakeStep {
    if (this.#count === 0 && bytes.length > 0 && bytes[0] !== RTMP_VERSION) {
      throw new MirrorError(
        'ingest_malformed',
        `The connection does not speak RTMP: its first byte is ${bytes[0]} instead of ${RTMP_VERSION}.`,
      )
    }
    const used = Math.min(bytes.length, this.#received.length - this.#count)
    this.#received.set(bytes.subarray(0, used), this.#count)
    this.#count += used

    let reply: Uint8Array | null = null
    if (!this.#replied && this.#count >= 1 + HANDSHAKE_BYTES) {
      this.#replied = true
      reply = this.#buildReply()
    }
    if (this.#count === this.#received.length) return { kind: 'done', reply, rest: bytes.subarray(used) }
    return reply === null ? { kind: 'wait' } : { kind: 'reply', bytes: reply }
  }

  #buildReply(): Uint8Array {
    const reply = new Uint8Array(1 + 2 * HANDSHAKE_BYTES)
    reply[0] = RTMP_VERSION
    this.#random(reply.subarray(1 + RANDOM_OFFSET, 1 + HANDSHAKE_BYTES))
    reply.set(this.#received.subarray(1, 1 + HANDSHAKE_BYTES), 1 + HANDSHAKE_BYTES)
    return reply
  }
}

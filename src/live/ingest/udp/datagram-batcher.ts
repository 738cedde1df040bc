// Gathers datagrams into chunks: a message per datagram (1316 bytes) would cost the owner's thread more than the media.

export const BATCH_BYTES = 64 * 1024
/** The latency that gathering may add. */
export const BATCH_MS = 20

/** Every chunk has an ArrayBuffer of its own, because the gate transfers it away. */
export class DatagramBatcher implements Disposable {
  readonly #onChunk: (chunk: Uint8Array) => void
  #buffer: Uint8Array<ArrayBuffer> | null = null
  #length = 0
  #timer: NodeJS.Timeout | null = null

  constructor(onChunk: (chunk: Uint8Array) => void) {
    this.#onChunk = onChunk
  }

  push(payload: Uint8Array): void {
    if (payload.length === 0) return
    if (this.#length + payload.length > BATCH_BYTES) this.flush()
    // A datagram has at most 65,507 bytes, so it fits into an empty buffer.
    this.#buffer ??= new Uint8Array(BATCH_BYTES)
    this.#buffer.set(payload, this.#length)
    this.#length += payload.length
    this.#timer ??= setTimeout(() => this.flush(), BATCH_MS)
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#buffer === null) return
    const chunk = this.#buffer.slice(0, this.#length)
    this.#length = 0
    this.#onChunk(chunk)
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#buffer = null
    this.#length = 0
  }
}

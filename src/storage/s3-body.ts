import type { Readable } from 'node:stream'
import { MirrorError } from '../core/errors.ts'
import { abortable } from './abortable.ts'
import type { ObjectBody, ObjectInfo } from './object-store.ts'

/** A store that sends nothing for this long while it is waited for is gone. A slow reader does not count. */
const IDLE_TIMEOUT_MS = 30_000

/** A body as it arrives. The socket takes no more than the reader does. */
export class S3Body implements ObjectBody {
  readonly info: ObjectInfo
  readonly #source: Readable
  readonly #expectedBytes: number
  readonly #place: string
  readonly #signal: AbortSignal

  constructor(
    info: ObjectInfo,
    source: Readable,
    { expectedBytes, place, signal }: { expectedBytes: number; place: string; signal: AbortSignal },
  ) {
    this.info = info
    this.#source = source
    this.#expectedBytes = expectedBytes
    this.#place = place
    this.#signal = signal
    source.on('error', () => {}) // A body that nobody reads any more may still break off.
  }

  get chunks(): AsyncIterable<Uint8Array> {
    return this.#read()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#source.destroy()
  }

  async *#read(): AsyncGenerator<Uint8Array, void, void> {
    let receivedBytes = 0
    const idle = new IdleWatch(IDLE_TIMEOUT_MS, (error) => this.#source.destroy(error))
    try {
      idle.begin()
      for await (const chunk of abortable(this.#source, this.#signal)) {
        idle.end()
        receivedBytes += chunk.byteLength
        yield chunk
        idle.begin()
      }
    } catch (error) {
      this.#signal.throwIfAborted()
      throw this.#broken(receivedBytes, error)
    } finally {
      idle.end()
      this.#source.destroy()
    }
    if (receivedBytes !== this.#expectedBytes) throw this.#broken(receivedBytes, null)
  }

  #broken(receivedBytes: number, cause: unknown): MirrorError {
    const message = `${this.#place}: the store broke off after ${receivedBytes} of ${this.#expectedBytes} bytes of ${this.info.key}`
    return new MirrorError('store_unavailable', message, cause === null ? {} : { cause })
  }
}

class IdleWatch {
  readonly #ms: number
  readonly #onIdle: (error: Error) => void
  #timer: NodeJS.Timeout | null = null

  constructor(ms: number, onIdle: (error: Error) => void) {
    this.#ms = ms
    this.#onIdle = onIdle
  }

  begin(): void {
    this.#timer = setTimeout(() => this.#onIdle(new Error(`nothing came for ${this.#ms} ms`)), this.#ms)
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

import type { FileHandle } from 'node:fs/promises'
import { MirrorError } from '../core/errors.ts'
import type { ByteRange } from './byte-range.ts'
import { atPath } from './folder-errors.ts'
import type { ObjectBody, ObjectInfo } from './object-store.ts'

const CHUNK_BYTES = 256 * 1024

/** What is in an open file, which it closes. A reader keeps it although the object is replaced or deleted. */
export class FileBody implements ObjectBody {
  readonly info: ObjectInfo
  readonly chunks: AsyncIterable<Uint8Array>
  readonly #file: FileHandle
  #isClosed = false

  constructor(info: ObjectInfo, file: FileHandle, path: string, range: ByteRange, signal: AbortSignal) {
    this.info = info
    this.#file = file
    this.chunks = this.#read(path, range, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#file.close()
  }

  async *#read(path: string, { start, end }: ByteRange, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (let position = start; position < end; ) {
        signal.throwIfAborted()
        const length = Math.min(CHUNK_BYTES, end - position)
        const { bytesRead, buffer } = await atPath(path, async () => {
          return await this.#file.read(Buffer.allocUnsafeSlow(length), 0, length, position)
        })
        if (bytesRead === 0) throw new MirrorError('store_unavailable', `${path}: the file became shorter while read`)
        position += bytesRead
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      await this[Symbol.asyncDispose]()
    }
  }
}

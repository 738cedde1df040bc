// A folder for files that exist only while something works on them.
import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MirrorError } from '../../core/errors.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'

export interface FetchCall {
  readonly store: Pick<ObjectStore, 'get'>
  readonly key: ObjectKey
  readonly maxBytes: number
  readonly signal: AbortSignal
}

export class Scratch {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** What a process that was killed left behind is removed: the folder belongs to this one alone. */
  static async open(folder: string): Promise<Scratch> {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return new Scratch(folder)
  }

  /** Runs `work` with an empty folder of its own, which is gone afterwards, however it ended. */
  async withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const folder = join(this.#folder, randomUUID())
    await mkdir(folder, { mode: 0o700 })
    try {
      return await work(folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  /**
   * Runs `work` with an object as a file, which is gone afterwards. Null: there is no such object, and `work` did not run.
   * Throws `content_too_large` before anything is read when the object is larger than `maxBytes`, and as the store does.
   */
  async withObject<T>(call: FetchCall, work: (path: string) => Promise<T>): Promise<T | null> {
    return await this.withFolder(async (folder) => {
      const path = join(folder, 'original')
      return (await fetchTo(path, call)) ? await work(path) : null
    })
  }
}

/** Writes an object to a new file. False: there is no such object. Throws `content_too_large`, and as the store does. */
export async function fetchTo(path: string, { store, key, maxBytes, signal }: FetchCall): Promise<boolean> {
  const found = await store.get(key, { signal })
  if (found === null) return false
  await using body = found
  const { sizeBytes } = body.info
  if (sizeBytes > maxBytes) {
    const message = `It has ${sizeBytes} bytes; at most ${maxBytes} are processed`
    throw new MirrorError('content_too_large', message, { details: { maxBytes } })
  }
  await writeChunks(path, body.chunks, signal)
  return true
}

async function writeChunks(path: string, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  await using file: FileHandle = await open(path, 'wx', 0o600)
  for await (const chunk of chunks) {
    signal.throwIfAborted()
    let written = 0
    while (written < chunk.length) {
      const { bytesWritten } = await file.write(chunk, written)
      written += bytesWritten
    }
  }
}

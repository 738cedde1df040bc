// Unfinished uploads on the local disk: a folder each, with what was ordered, how far it is, and the bytes.
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MirrorError } from '../../core/errors.ts'
import { Permits } from '../../core/permits.ts'
import { syncFolder } from '../../storage/durable-folder.ts'
import { parseOrder, parseProgress, type Upload, type UploadOrder, type UploadProgress } from './upload.ts'

const ORDER = 'order.json'
const PROGRESS = 'progress.json'
const BYTES = 'bytes'
/** Ids are made by us, so they never are anything else; whatever else lies there is not ours. */
const ID = /^[0-9a-f-]{36}$/
/** Syncs take a thread of the pool each, and recordings need them too. */
const SYNCS_AT_ONCE = 1

/**
 * An upload is there when its order is, which is written last; it is gone when its order is, which is removed first. The
 * offset that counts is the one in its progress, which is written after the bytes before it are synced: what a crash left
 * behind it is written over.
 */
export class UploadSpool {
  readonly #folder: string
  readonly #syncs = new Permits(SYNCS_AT_ONCE)
  readonly #signal: AbortSignal

  private constructor(folder: string, signal: AbortSignal) {
    this.#folder = folder
    this.#signal = signal
  }

  static async open(folder: string, signal: AbortSignal): Promise<UploadSpool> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return new UploadSpool(folder, signal)
  }

  /** Everything that is there. Remains of what was never begun, or is being removed, go now. */
  async load(): Promise<Upload[]> {
    const uploads: Upload[] = []
    for (const name of await readdir(this.#folder)) {
      if (!ID.test(name)) continue
      const text = await this.#read(name, ORDER)
      const order = text === null ? null : parseOrder(text)
      if (order?.id === name) uploads.push({ ...order, ...(await this.#progressOf(order)) })
      else if (text === null) await this.remove(name)
    }
    return uploads
  }

  /** From the start where the disk has lost what was noted, or bytes before it: they come again. */
  async #progressOf({ id, createdAtMs }: UploadOrder): Promise<UploadProgress> {
    const text = await this.#read(id, PROGRESS)
    const noted = text === null ? null : parseProgress(text)
    const nothing = { offsetBytes: 0, touchedAtMs: noted?.touchedAtMs ?? createdAtMs, done: null }
    if (noted === null || noted.done !== null) return noted ?? nothing
    const { size } = await stat(join(this.#folder, id, BYTES)).catch(() => ({ size: -1 }))
    if (size >= noted.offsetBytes) return noted
    if (size < 0) await this.#write(id, BYTES, '')
    return nothing
  }

  /** Durable when it resolves. Throws `upload_disk_full`. */
  async create(order: UploadOrder, progress: UploadProgress): Promise<void> {
    const folder = join(this.#folder, order.id)
    await naming(async () => {
      await mkdir(folder, { mode: 0o700 })
      await this.#write(order.id, BYTES, '')
      await this.#write(order.id, PROGRESS, JSON.stringify(progress))
      await this.#write(order.id, ORDER, JSON.stringify(order))
      await syncFolder(folder)
      await syncFolder(this.#folder)
    }).catch(async (error: unknown) => {
      await rm(folder, { recursive: true, force: true })
      throw error
    })
  }

  /** Durable when it resolves: after a crash either the old progress or this one is there. */
  async setProgress(id: string, progress: UploadProgress): Promise<void> {
    const path = join(this.#folder, id, PROGRESS)
    await naming(async () => {
      await this.#write(id, `${PROGRESS}.new`, JSON.stringify(progress))
      await rename(`${path}.new`, path)
      await syncFolder(join(this.#folder, id))
    })
  }

  /** For writing at `offsetBytes` and behind. */
  async openWriter(id: string, offsetBytes: number): Promise<UploadWriter> {
    return new UploadWriter(await open(join(this.#folder, id, BYTES), 'r+'), offsetBytes, this.#syncs, this.#signal)
  }

  chunks(id: string, lengthBytes: number): AsyncIterable<Uint8Array> {
    return createReadStream(join(this.#folder, id, BYTES), { end: lengthBytes - 1, highWaterMark: 256 * 1024 })
  }

  async remove(id: string): Promise<void> {
    const folder = join(this.#folder, id)
    await rm(join(folder, ORDER), { force: true })
    await rm(folder, { recursive: true, force: true })
  }

  /** The bytes alone: what was stored needs them no more. */
  async removeBytes(id: string): Promise<void> {
    await rm(join(this.#folder, id, BYTES), { force: true })
  }

  async #read(id: string, name: string): Promise<string | null> {
    return await readFile(join(this.#folder, id, name), 'utf8').catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null
      throw error
    })
  }

  async #write(id: string, name: string, text: string): Promise<void> {
    await using file = await open(join(this.#folder, id, name), 'w', 0o600)
    await file.writeFile(text)
    await this.#syncs.run(this.#signal, () => file.datasync())
  }
}

/** Writes one upload; one at a time. Disposing it closes the file, and syncs nothing. */
export class UploadWriter implements AsyncDisposable {
  readonly #file: FileHandle
  readonly #syncs: Permits
  readonly #signal: AbortSignal
  #at: number

  constructor(file: FileHandle, offsetBytes: number, syncs: Permits, signal: AbortSignal) {
    this.#file = file
    this.#at = offsetBytes
    this.#syncs = syncs
    this.#signal = signal
  }

  /** Where the next byte goes. */
  get offsetBytes(): number {
    return this.#at
  }

  /** Throws `upload_disk_full`. */
  async write(chunk: Uint8Array): Promise<void> {
    await naming(async () => {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await this.#file.write(chunk, done, chunk.length - done, this.#at)
        done += bytesWritten
        this.#at += bytesWritten
      }
    })
  }

  async sync(): Promise<void> {
    await naming(() => this.#syncs.run(this.#signal, () => this.#file.datasync()))
  }

  /** Forgets what lies behind. */
  async goBack(offsetBytes: number): Promise<void> {
    await this.#file.truncate(offsetBytes)
    this.#at = offsetBytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }
}

/** A disk that is full is a cause with a name. */
async function naming<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes(codeOf(error))) throw error
    throw new MirrorError('upload_disk_full', 'The disk for uploads is full', { cause: error })
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}

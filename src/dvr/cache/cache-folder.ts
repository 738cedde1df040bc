// Files of the read cache: `<folder>/<first two digits>/<sha256>-<bytes>-<unique>`, and `<folder>/filling/` for what is not
// whole yet. They are copies: nothing is synced, and what a crash left is checked before it is used.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { MirrorError } from '../../core/errors.ts'
import { atPath, errnoOf } from '../../storage/folder-errors.ts'

const NAME = /^([0-9a-f]{64})-(\d{1,15})-[0-9a-zA-Z-]{1,64}$/
const SHARD = /^[0-9a-f]{2}$/
/** Chunks of a store are smaller; each write costs a trip to another thread. */
const WRITE_BYTES = 1024 * 1024

export interface CachedFile {
  readonly path: string
  readonly sha256: string
  readonly sizeBytes: number
}

export class CacheFolder {
  readonly #folder: string
  readonly #randomId: () => string

  private constructor(folder: string, randomId: () => string) {
    this.#folder = folder
    this.#randomId = randomId
  }

  /** Rejects with `store_unavailable` when the folder cannot be used. */
  static async open(folder: string, randomId: () => string): Promise<CacheFolder> {
    await atPath(folder, async () => {
      await rm(join(folder, 'filling'), { recursive: true, force: true })
      await mkdir(join(folder, 'filling'), { recursive: true })
    })
    return new CacheFolder(folder, randomId)
  }

  /** What an earlier process left, as its names tell. */
  async *leftovers(): AsyncGenerator<CachedFile, void, void> {
    for (const shard of await readdir(this.#folder)) {
      if (!SHARD.test(shard)) continue
      for (const name of await readdir(join(this.#folder, shard))) {
        const [, sha256, bytes] = NAME.exec(name) ?? []
        if (sha256 === undefined) continue
        yield { path: join(this.#folder, shard, name), sha256, sizeBytes: Number(bytes) }
      }
    }
  }

  async freeShare(): Promise<number> {
    const { bavail, blocks } = await statfs(this.#folder)
    return bavail / blocks
  }

  /** Whole and of that hash when it resolves. Rejects with `media_damaged` when the bytes are others. */
  async fill(
    { sha256, sizeBytes }: Pick<CachedFile, 'sha256' | 'sizeBytes'>,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<CachedFile> {
    const name = `${sha256}-${sizeBytes}-${this.#randomId()}`
    const filling = join(this.#folder, 'filling', name)
    const shard = join(this.#folder, sha256.slice(0, 2))
    const file = await open(filling, 'wx')
    try {
      const found = await writeHashed(file, chunks)
      if (found !== sha256) throw new MirrorError('media_damaged', `its SHA-256 is ${found} instead of ${sha256}`)
      await file.close()
      const path = join(shard, name)
      await moveInto(shard, filling, path)
      return { path, sha256, sizeBytes }
    } catch (error) {
      await file.close().catch(() => {})
      await this.remove({ path: filling })
      throw error
    }
  }

  /** Whether the bytes are still those of the name. */
  async isWhole({ path, sha256, sizeBytes }: CachedFile): Promise<boolean> {
    const hash = createHash('sha256')
    let bytes = 0
    try {
      for await (const chunk of createReadStream(path, { highWaterMark: WRITE_BYTES })) {
        const piece = chunk as Buffer
        hash.update(piece)
        bytes += piece.length
      }
    } catch {
      return false
    }
    return bytes === sizeBytes && hash.digest('hex') === sha256
  }

  /** What cannot be removed is found again by the next process. */
  async remove({ path }: Pick<CachedFile, 'path'>): Promise<void> {
    await unlink(path).catch(() => {})
  }
}

async function writeHashed(file: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  const flush = async () => {
    if (waitingBytes > 0) await file.writeFile(waiting.length === 1 ? (waiting[0] ?? '') : Buffer.concat(waiting))
    waiting = []
    waitingBytes = 0
  }
  for await (const chunk of chunks) {
    hash.update(chunk)
    waiting.push(chunk)
    waitingBytes += chunk.length
    if (waitingBytes >= WRITE_BYTES) await flush()
  }
  await flush()
  return hash.digest('hex')
}

async function moveInto(folder: string, from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    await mkdir(folder, { recursive: true })
    await rename(from, to)
  }
}

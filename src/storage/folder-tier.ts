// The objects of one folder: one tier of a folder store. Knows nothing of the others.
import type { BigIntStats } from 'node:fs'
import { type FileHandle, link, mkdir, open, readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { MirrorError } from '../core/errors.ts'
import { abortable } from './abortable.ts'
import { type ByteRange, clipRange } from './byte-range.ts'
import { syncFolder, syncParents } from './durable-folder.ts'
import { FileBody } from './file-body.ts'
import { atPath, errnoOf, toStoreError } from './folder-errors.ts'
import { listFolder } from './folder-listing.ts'
import { encodeSegment, pathOfKey, TEMP_FOLDER } from './folder-paths.ts'
import { compareKeys, parseObjectKey } from './keys.ts'
import type { ListCall, ObjectBody, ObjectInfo, ObjectKey, StoreCall } from './object-store.ts'
import type { Tier } from './tiers.ts'

const SLICE_BYTES = 4 * 2 ** 20
/** A put that takes longer than this is dead. */
const SWEEP_AFTER_MS = 24 * 3_600_000
/** In the folder of temporary files; never swept. */
export const LOCK_FILE = 'lock.sqlite'
/** How often a put starts over when a sweep removes its emptied folder in between. */
const MAX_FOLDER_ATTEMPTS = 10
/** Folders that are known to be on the disk, so that a put need not fsync their parents again. */
const MAX_DURABLE_FOLDERS = 10_000

/** A body that is on the disk, fsynced, and not yet anybody's object. */
export interface WrittenFile {
  readonly path: string
  readonly info: ObjectInfo
}

export class FolderTier {
  readonly tier: Tier
  readonly root: string
  readonly temp: string
  readonly #randomId: () => string
  readonly #durable = new Set<string>()

  private constructor(tier: Tier, root: string, temp: string, randomId: () => string) {
    this.tier = tier
    this.root = root
    this.temp = temp
    this.#randomId = randomId
  }

  /** Rejects with `store_unavailable` when the folder will not do. */
  static async open(tier: Tier, folder: string, randomId: () => string): Promise<FolderTier> {
    const root = resolve(folder)
    const temp = join(root, TEMP_FOLDER)
    await atPath(root, async () => {
      const firstMade = await mkdir(temp, { recursive: true })
      await syncFolder(root)
      if (firstMade !== undefined && firstMade !== temp) await syncParents(root, dirname(firstMade))
      await sweep(temp)
      await probe(root, temp, randomId())
    })
    return new FolderTier(tier, root, temp, randomId)
  }

  async get(key: ObjectKey, { signal, range }: StoreCall & { readonly range?: ByteRange }): Promise<ObjectBody | null> {
    signal.throwIfAborted()
    const path = this.#pathOf(key)
    const file = await this.#unlessAbsent(path, async () => await open(path, 'r'))
    if (file === null) return null
    try {
      const stats = await atPath(path, async () => await file.stat({ bigint: true }))
      if (!stats.isFile()) {
        await file.close()
        return null
      }
      return new FileBody(this.#infoOf(key, stats), file, path, clipRange(range, Number(stats.size)), signal)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async head(key: ObjectKey, { signal }: StoreCall): Promise<ObjectInfo | null> {
    signal.throwIfAborted()
    const path = this.#pathOf(key)
    const stats = await this.#unlessAbsent(path, async () => await stat(path, { bigint: true }))
    return stats?.isFile() === true ? this.#infoOf(key, stats) : null
  }

  /** In key order; some of them may be gone by the time they are looked at. */
  async *keys(prefix: string, { signal, after = '' }: ListCall): AsyncGenerator<ObjectKey, void, void> {
    signal.throwIfAborted()
    const folders = prefix.split('/')
    const start = folders.pop() ?? ''
    // No key has such a segment; and a NUL must not reach the file system.
    if (folders.includes('') || prefix.includes('\u0000')) return
    await this.checkMounted()
    const folder = join(this.root, ...folders.map(encodeSegment))
    yield* this.#walk(folder, folders.map((segment) => `${segment}/`).join(''), { start, after, signal })
  }

  /** False when there was none. */
  async delete(key: ObjectKey): Promise<boolean> {
    const path = this.#pathOf(key)
    const gone = await this.#unlessAbsent(path, async () => {
      await unlink(path)
      return true
    })
    if (gone === true) await this.#prune(dirname(path))
    return gone === true
  }

  /** Writes and fsyncs a temporary file, or leaves none. Errors of the source pass as they are. */
  async write(key: ObjectKey, body: AsyncIterable<Uint8Array> | Uint8Array, signal: AbortSignal): Promise<WrittenFile> {
    const path = join(this.temp, this.#randomId())
    const file = await atPath(path, async () => await open(path, 'wx', 0o644))
    try {
      const chunks = body instanceof Uint8Array ? slices(body) : body
      for await (const chunk of abortable(chunks, signal)) {
        await atPath(path, async () => await writeFully(file, chunk))
      }
      const stats = await atPath(path, async () => {
        const atSec = fineNowSec()
        await file.utimes(atSec, atSec)
        await file.sync()
        return await file.stat({ bigint: true })
      })
      await file.close()
      return { path, info: this.#infoOf(key, stats) }
    } catch (error) {
      await file.close().catch(() => {})
      await unlink(path).catch(() => {})
      throw error
    }
  }

  /** Makes a written file the object, durably. False when `ifAbsent` and somebody else was first; the file is gone then. */
  async place({ path: written, info }: WrittenFile, { ifAbsent }: { readonly ifAbsent: boolean }): Promise<boolean> {
    const path = this.#pathOf(info.key)
    return await atPath(path, async () => await this.#place(written, path, ifAbsent))
  }

  /** A written file that is nobody's object after all. Swept some day if even this fails. */
  async discard({ path }: WrittenFile): Promise<void> {
    await unlink(path).catch(() => {})
  }

  /** Whoever is told that an object is there already relies on it; its writer may have died before it made it durable. */
  async makeDurable(key: ObjectKey): Promise<void> {
    await this.#makeDurable(this.#pathOf(key))
  }

  /** Throws `store_unavailable` when the whole tier is gone: an unmounted disk is no empty one. */
  async checkMounted(): Promise<void> {
    await atPath(this.root, async () => await stat(this.temp))
  }

  async *#walk(
    folder: string,
    keyPrefix: string,
    { start, after, signal }: { readonly start: string; readonly after: string; readonly signal: AbortSignal },
  ): AsyncGenerator<ObjectKey, void, void> {
    try {
      for await (const { segment, name, isFolder } of listFolder(folder, start)) {
        signal.throwIfAborted()
        const text = keyPrefix + segment
        // A folder of which all comes before `after` is not entered.
        if (compareKeys(text, after) <= 0 && !(isFolder && after.startsWith(text))) continue
        if (isFolder) {
          yield* this.#walk(name, text, { start: '', after, signal })
          continue
        }
        const key = parseObjectKey(text)
        if (key !== null) yield key // Foreign files have none.
      }
    } catch (error) {
      throw toStoreError(folder, error)
    }
  }

  async #place(written: string, path: string, ifAbsent: boolean): Promise<boolean> {
    const folder = dirname(path)
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#makeFolder(folder)
        if (ifAbsent) await link(written, path)
        else await rename(written, path)
        break
      } catch (error) {
        const code = errnoOf(error)
        if (ifAbsent && code === 'EEXIST') {
          await unlink(written)
          await this.#makeDurable(path)
          return false
        }
        // The folder was emptied and removed meanwhile.
        if (code !== 'ENOENT' || attempt >= MAX_FOLDER_ATTEMPTS) throw error
      }
    }
    await unlessGone(syncFolder(folder))
    if (ifAbsent) await unlink(written)
    return true
  }

  async #makeDurable(path: string): Promise<void> {
    const folder = dirname(path)
    await atPath(folder, async () => {
      await unlessGone(syncFolder(folder))
      await unlessGone(syncParents(folder, this.root))
    })
  }

  /** Makes `folder` and sees to it that no crash can take it away again. */
  async #makeFolder(folder: string): Promise<void> {
    const firstMade = await mkdir(folder, { recursive: true })
    if (firstMade === undefined && this.#durable.has(folder)) return
    await syncParents(folder, this.root)
    if (this.#durable.size >= MAX_DURABLE_FOLDERS) this.#durable.clear()
    this.#durable.add(folder)
  }

  /** Removes folders that became empty. A put that wanted one of them makes it again. */
  async #prune(start: string): Promise<void> {
    for (let folder = start; folder !== this.root; folder = dirname(folder)) {
      this.#durable.delete(folder)
      try {
        await rmdir(folder)
      } catch {
        return // Not empty, or somebody was faster: either way there is nothing to do.
      } finally {
        this.#durable.delete(folder)
      }
    }
  }

  /** Null when the file is absent, but not when the whole tier is. */
  async #unlessAbsent<T>(path: string, work: () => Promise<T>): Promise<T | null> {
    try {
      return await work()
    } catch (error) {
      const code = errnoOf(error)
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EISDIR') throw toStoreError(path, error)
      await this.checkMounted()
      return null
    }
  }

  #pathOf(key: ObjectKey): string {
    return join(this.root, pathOfKey(key))
  }

  /**
   * The etag is made of inode, size and modification time. An inode may soon be given to another body, and the kernel's
   * own times are as coarse as its ticks (4 ms before Linux 6.13): the time is set to the microsecond.
   */
  #infoOf(key: ObjectKey, stats: BigIntStats): ObjectInfo {
    const etag = [stats.ino, stats.size, stats.mtimeNs].map((value) => value.toString(36)).join('-')
    const { tier } = this
    const plain = { key, sizeBytes: Number(stats.size), etag, modifiedAtMs: Number(stats.mtimeMs) }
    return tier === 'hot' ? plain : { ...plain, tier }
  }
}

/** Large bodies in steps, so that an abort is heard in between. */
async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  for (let start = 0; start < bytes.byteLength; start += SLICE_BYTES) yield bytes.subarray(start, start + SLICE_BYTES)
}

async function writeFully(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.byteLength; ) {
    const { bytesWritten } = await file.write(chunk, offset, chunk.byteLength - offset)
    offset += bytesWritten
  }
}

/** An object may be deleted as soon as it is there, and its folder with it. */
async function unlessGone(syncing: Promise<void>): Promise<void> {
  await syncing.catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error
  })
}

/** In seconds, to the microsecond: the wall clock's milliseconds, and of another clock what is finer. */
function fineNowSec(): number {
  return (Date.now() + Number(process.hrtime.bigint() % 1_000_000n) / 1e6) / 1000
}

async function sweep(temp: string): Promise<void> {
  for (const name of await readdir(temp)) {
    if (name.startsWith(LOCK_FILE)) continue
    const path = join(temp, name)
    const stats = await stat(path).catch(() => null) // Its owner was faster.
    if (stats !== null && Date.now() - stats.mtimeMs > SWEEP_AFTER_MS) await rm(path, { recursive: true, force: true })
  }
}

/** Finds out at the start, not at the first recording, that a folder will not do. */
async function probe(root: string, temp: string, unique: string): Promise<void> {
  const lower = join(temp, `${unique}-probe`)
  const other = join(temp, `${unique}-Probe`)
  const linked = join(temp, `${unique}-linked`)
  await (await open(lower, 'wx')).close()
  try {
    const ignoresCase = await stat(other).then(
      () => true,
      () => false,
    )
    if (ignoresCase) {
      throw new MirrorError(
        'store_unavailable',
        `${root}: the file system takes upper and lower case for the same, so two streams could overwrite each other; use another one`,
      )
    }
    await link(lower, linked).catch((cause: unknown) => {
      throw new MirrorError(
        'store_unavailable',
        `${root}: the file system has no hard links, which make objects appear whole and only once; use another one`,
        { cause },
      )
    })
    await unlink(linked)
  } finally {
    await unlink(lower)
  }
}

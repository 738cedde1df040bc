import type { BigIntStats } from 'node:fs'
import { type FileHandle, link, mkdir, open, readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { MirrorError } from '../core/errors.ts'
import { abortable } from './abortable.ts'
import { type ByteRange, clipRange } from './byte-range.ts'
import { syncFolder, syncParents } from './durable-folder.ts'
import { atPath, errnoOf, toStoreError } from './folder-errors.ts'
import { listFolder } from './folder-listing.ts'
import { FolderLock } from './folder-lock.ts'
import { encodeSegment, pathOfKey, TEMP_FOLDER } from './folder-paths.ts'
import { compareKeys, parseObjectKey } from './keys.ts'
import type { ListCall, ObjectBody, ObjectInfo, ObjectKey, ObjectStore, PutCall, StoreCall } from './object-store.ts'

const CHUNK_BYTES = 256 * 1024
/** A put that takes longer than this is dead. */
const SWEEP_AFTER_MS = 24 * 3_600_000
/** In the folder of temporary files; never swept. */
const LOCK_FILE = 'lock.sqlite'
/** How often a put starts over when a sweep removes its emptied folder in between. */
const MAX_FOLDER_ATTEMPTS = 10
/** Folders that are known to be on the disk, so that a put need not fsync their parents again. */
const MAX_DURABLE_FOLDERS = 10_000

/**
 * Objects as files in a folder, which several threads and processes may share. Temporary files that a crash left behind
 * are swept once they are old enough to be nobody's.
 * The content type is not stored: whoever delivers derives it from the key's extension.
 * The etag is made of inode, size and modification time. An inode may soon be given to another body, and the kernel's
 * own times are as coarse as its ticks (4 ms before Linux 6.13): the time is set to the microsecond.
 */
export async function openFolderStore(
  folder: string,
  options: { readonly randomId: () => string },
): Promise<ObjectStore> {
  const root = resolve(folder)
  const temp = join(root, TEMP_FOLDER)
  await atPath(root, async () => {
    const firstMade = await mkdir(temp, { recursive: true })
    await syncFolder(root)
    if (firstMade !== undefined && firstMade !== temp) await syncParents(root, dirname(firstMade))
    await sweep(temp)
    await probe(root, temp, options.randomId())
  })
  return new FolderStore(root, temp, options.randomId)
}

class FolderStore implements ObjectStore {
  readonly #root: string
  readonly #temp: string
  readonly #randomId: () => string
  readonly #durable = new Set<string>()
  readonly #lock: FolderLock

  constructor(root: string, temp: string, randomId: () => string) {
    this.#lock = new FolderLock(join(temp, LOCK_FILE))
    this.#root = root
    this.#temp = temp
    this.#randomId = randomId
  }

  async put(
    key: ObjectKey,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    { signal, ifAbsent = false, ifMatch }: PutCall,
  ): Promise<ObjectInfo | null> {
    signal.throwIfAborted()
    const path = this.#pathOf(key)
    if (ifAbsent && (await this.head(key, { signal })) !== null) {
      await this.#makeDurable(path)
      return null // Spares the body; link() decides.
    }
    const temp = join(this.#temp, this.#randomId())
    const info = await this.#write(temp, key, body, signal)
    try {
      signal.throwIfAborted()
      const place = async () => await atPath(path, async () => await this.#place(temp, path, ifAbsent))
      const isPlaced = ifMatch === undefined ? await place() : await this.#placeOver(key, temp, ifMatch, signal, place)
      return isPlaced ? info : null
    } catch (error) {
      await unlink(temp).catch(() => {}) // Swept at the next start if even this fails.
      throw error
    }
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
      return new FileBody(infoOf(key, stats), file, path, clipRange(range, Number(stats.size)), signal)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async head(key: ObjectKey, { signal }: StoreCall): Promise<ObjectInfo | null> {
    signal.throwIfAborted()
    const path = this.#pathOf(key)
    const stats = await this.#unlessAbsent(path, async () => await stat(path, { bigint: true }))
    return stats?.isFile() === true ? infoOf(key, stats) : null
  }

  async *list(prefix: string, { signal, after = '' }: ListCall): AsyncGenerator<ObjectInfo, void, void> {
    signal.throwIfAborted()
    const folders = prefix.split('/')
    const start = folders.pop() ?? ''
    // No key has such a segment; and a NUL must not reach the file system.
    if (folders.includes('') || prefix.includes('\u0000')) return
    await this.#checkMounted()
    const folder = join(this.#root, ...folders.map(encodeSegment))
    yield* this.#walk(folder, folders.map((segment) => `${segment}/`).join(''), { start, after, signal })
  }

  async delete(keys: readonly ObjectKey[], { signal }: StoreCall): Promise<void> {
    for (const key of keys) {
      signal.throwIfAborted()
      const path = this.#pathOf(key)
      const gone = await this.#unlessAbsent(path, async () => {
        await unlink(path)
        return true
      })
      if (gone === true) await this.#prune(dirname(path))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async *#walk(
    folder: string,
    keyPrefix: string,
    { start, after, signal }: { readonly start: string; readonly after: string; readonly signal: AbortSignal },
  ): AsyncGenerator<ObjectInfo, void, void> {
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
        // Foreign files have no key; and an object may be deleted while the listing walks.
        const info = key === null ? null : await this.head(key, { signal })
        if (info !== null) yield info
      }
    } catch (error) {
      throw toStoreError(folder, error)
    }
  }

  /** Writes and fsyncs a temporary file, or leaves none. Errors of the source pass as they are. */
  async #write(
    temp: string,
    key: ObjectKey,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    signal: AbortSignal,
  ): Promise<ObjectInfo> {
    const file = await atPath(temp, async () => await open(temp, 'wx', 0o644))
    try {
      const chunks = body instanceof Uint8Array ? slices(body) : body
      for await (const chunk of abortable(chunks, signal)) {
        await atPath(temp, async () => await writeFully(file, chunk))
      }
      const stats = await atPath(temp, async () => {
        const atSec = fineNowSec()
        await file.utimes(atSec, atSec)
        await file.sync()
        return await file.stat({ bigint: true })
      })
      await file.close()
      return infoOf(key, stats)
    } catch (error) {
      await file.close().catch(() => {})
      await unlink(temp).catch(() => {})
      throw error
    }
  }

  /** False when the object is not, or no more, the one with that etag. */
  async #placeOver(
    key: ObjectKey,
    temp: string,
    etag: string,
    signal: AbortSignal,
    place: () => Promise<boolean>,
  ): Promise<boolean> {
    return await this.#lock.hold(signal, async () => {
      if ((await this.head(key, { signal }))?.etag === etag) return await place()
      await unlink(temp)
      return false
    })
  }

  /** False when `ifAbsent` and somebody else was first. */
  async #place(temp: string, path: string, ifAbsent: boolean): Promise<boolean> {
    const folder = dirname(path)
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#makeFolder(folder)
        if (ifAbsent) await link(temp, path)
        else await rename(temp, path)
        break
      } catch (error) {
        const code = errnoOf(error)
        if (ifAbsent && code === 'EEXIST') {
          await unlink(temp)
          await this.#makeDurable(path)
          return false
        }
        // The folder was emptied and removed meanwhile.
        if (code !== 'ENOENT' || attempt >= MAX_FOLDER_ATTEMPTS) throw error
      }
    }
    await unlessGone(syncFolder(folder))
    if (ifAbsent) await unlink(temp)
    return true
  }

  /** Whoever is told that an object is there already relies on it; its writer may have died before it made it durable. */
  async #makeDurable(path: string): Promise<void> {
    const folder = dirname(path)
    await atPath(folder, async () => {
      await unlessGone(syncFolder(folder))
      await unlessGone(syncParents(folder, this.#root))
    })
  }

  /** Makes `folder` and sees to it that no crash can take it away again. */
  async #makeFolder(folder: string): Promise<void> {
    const firstMade = await mkdir(folder, { recursive: true })
    if (firstMade === undefined && this.#durable.has(folder)) return
    await syncParents(folder, this.#root)
    if (this.#durable.size >= MAX_DURABLE_FOLDERS) this.#durable.clear()
    this.#durable.add(folder)
  }

  /** Removes folders that became empty. A put that wanted one of them makes it again. */
  async #prune(start: string): Promise<void> {
    for (let folder = start; folder !== this.#root; folder = dirname(folder)) {
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

  /** Null when the file is absent, but not when the whole store is: an unmounted disk is no empty store. */
  async #unlessAbsent<T>(path: string, work: () => Promise<T>): Promise<T | null> {
    try {
      return await work()
    } catch (error) {
      const code = errnoOf(error)
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EISDIR') throw toStoreError(path, error)
      await this.#checkMounted()
      return null
    }
  }

  async #checkMounted(): Promise<void> {
    await atPath(this.#root, async () => await stat(this.#temp))
  }

  #pathOf(key: ObjectKey): string {
    return join(this.#root, pathOfKey(key))
  }
}

class FileBody implements ObjectBody {
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

function infoOf(key: ObjectKey, stats: BigIntStats): ObjectInfo {
  const etag = [stats.ino, stats.size, stats.mtimeNs].map((value) => value.toString(36)).join('-')
  return { key, sizeBytes: Number(stats.size), etag, modifiedAtMs: Number(stats.mtimeMs) }
}

/** Large bodies in steps, so that an abort is heard in between. */
async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  for (let start = 0; start < bytes.byteLength; start += 16 * CHUNK_BYTES) {
    yield bytes.subarray(start, start + 16 * CHUNK_BYTES)
  }
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

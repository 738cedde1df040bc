// Copies of segments that were read out of a bucket, on the local disk: who watches what others watched costs the bucket
// nothing. One for the whole process; equal requests share one read; every copy was checked against its index.

import { MirrorError, toMirrorError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { SingleFlight } from '../../core/single-flight.ts'
import { errnoOf } from '../../storage/folder-errors.ts'
import type { ObjectStore, StoreCall } from '../../storage/object-store.ts'
import type { FileLocation, ObjectLocation } from '../archive.ts'
import { type CachedFile, CacheFolder } from './cache-folder.ts'
import { HeatLru } from './heat-lru.ts'

/** 50 GB of the smallest segments would be a million entries, half a gigabyte of memory. */
const MAX_ENTRIES = 200_000
/** Reads under way at once; beyond it viewers read the store themselves. */
const MAX_FILLS = 64
/** One segment takes no more than this share of the cache. */
const MAX_SHARE = 1 / 8
/** A viewer waits this long for a whole copy before reading the store directly; players give up after 10 s. */
const PATIENCE_MS = 4000
/** After a copy took too long or could not be written nothing new is copied for a while. */
const PAUSE_MS = 30_000
/** The spool must not find the disk full because of copies. */
const MIN_FREE_SHARE = 0.05
const ROOM_CHECK_MS = 1000

export interface CacheOptions {
  readonly folder: string
  readonly maxBytes: number
}

export interface SegmentCacheHost {
  readonly store: ObjectStore
  readonly now: () => number
  readonly randomId: () => string
  readonly log: Log
}

export interface CacheReport {
  readonly bytes: number
  readonly maxBytes: number
  readonly segments: number
  /** Requests by how they went. `shared`: waited for a read that another had begun. `bypassed`: read past the cache. */
  readonly requests: Readonly<Record<'hit' | 'miss' | 'shared' | 'bypassed', number>>
  /** Read out of the store for it. */
  readonly filledBytes: number
}

interface Entry extends CachedFile {
  /** Null: left by an earlier process and not looked at yet. */
  isWhole: boolean | null
}

export class SegmentCache implements AsyncDisposable {
  readonly #host: SegmentCacheHost
  readonly #maxBytes: number
  readonly #folder: CacheFolder
  readonly #entries: HeatLru<Entry>
  readonly #fills = new SingleFlight<Entry>()
  readonly #checks = new SingleFlight<boolean>()
  readonly #closed = new AbortController()
  readonly #requests = { hit: 0, miss: 0, shared: 0, bypassed: 0 }
  readonly #adopted: Promise<void>
  #filledBytes = 0
  #pausedUntilMs = Number.NEGATIVE_INFINITY
  #roomAskedAtMs = Number.NEGATIVE_INFINITY
  #lookForRoom = Promise.resolve()
  #isDiskFull = false

  private constructor(host: SegmentCacheHost, folder: CacheFolder, maxBytes: number) {
    this.#host = host
    this.#folder = folder
    this.#maxBytes = maxBytes
    this.#entries = new HeatLru({ maxBytes, maxEntries: MAX_ENTRIES })
    this.#adopted = this.#adopt()
  }

  /** What is there already is found in the background. Rejects with `store_unavailable` when the folder cannot be used. */
  static async open({ folder, maxBytes }: CacheOptions, host: SegmentCacheHost): Promise<SegmentCache> {
    return new SegmentCache(host, await CacheFolder.open(folder, host.randomId), maxBytes)
  }

  /** Resolves when all that an earlier process left is known. */
  async settled(): Promise<void> {
    await this.#adopted
  }

  report(): CacheReport {
    const { bytes, entries } = this.#entries
    return {
      bytes,
      maxBytes: this.#maxBytes,
      segments: entries,
      requests: { ...this.#requests },
      filledBytes: this.#filledBytes,
    }
  }

  /**
   * Where the same bytes are to be had now: a copy on the disk if that can be had soon, else where they were. Rejects
   * with `media_gone`, `media_damaged`, `store_unavailable` and the signal's reason.
   */
  async near(location: ObjectLocation, call: StoreCall): Promise<FileLocation | ObjectLocation> {
    const { sha256, length } = location
    if (!/^[0-9a-f]{64}$/.test(sha256) || length > this.#maxBytes * MAX_SHARE) return this.#bypass(location)
    const cached = this.#entries.use(sha256)
    if (cached !== null && (await this.#isWhole(cached, call.signal))) {
      this.#requests.hit += 1
      return fileOf(cached, 'cache')
    }
    const isShared = this.#fills.has(sha256)
    if (!isShared && !this.#mayFill()) return this.#bypass(location)
    const late = AbortSignal.timeout(PATIENCE_MS)
    try {
      const signal = AbortSignal.any([call.signal, this.#closed.signal, late])
      const entry = await this.#fills.run(sha256, signal, async (stop) => await this.#fill(location, stop))
      this.#requests[isShared ? 'shared' : 'miss'] += 1
      return fileOf(entry, isShared ? 'cache' : 'store')
    } catch (error) {
      if (call.signal.aborted || this.#closed.signal.aborted) throw error
      if (!late.aborted && errnoOf(error) === null) throw error
      this.#pause(late.aborted ? 'the store is slow' : toMirrorError(error).message)
      return this.#bypass(location)
    }
  }

  /** These were removed from the store. */
  async forget(sha256s: Iterable<string>): Promise<void> {
    const gone = [...sha256s].flatMap((sha256) => this.#entries.remove(sha256) ?? [])
    await this.#removeAll(gone)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new MirrorError('origin_unavailable', 'Mirror is shutting down'))
    await Promise.all([this.#adopted, this.#lookForRoom])
  }

  async #fill({ key, offset, length, sha256 }: ObjectLocation, signal: AbortSignal): Promise<Entry> {
    const object = await this.#host.store.get(key, { signal, range: { start: offset, end: offset + length } })
    if (object === null) throw new MirrorError('media_gone', `${key} is gone`)
    await using body = object
    const file = await this.#folder.fill({ sha256, sizeBytes: length }, body.chunks).catch((error: unknown) => {
      const isDamaged = error instanceof MirrorError && error.code === 'media_damaged'
      throw isDamaged
        ? new MirrorError('media_damaged', `${key}, ${length} bytes from ${offset}: ${error.message}`)
        : error
    })
    const entry = { ...file, isWhole: true }
    this.#filledBytes += length
    await this.#removeAll(this.#entries.add(sha256, entry))
    return entry
  }

  /** What an earlier process left may be torn: it is read once before it is trusted. */
  async #isWhole(entry: Entry, signal: AbortSignal): Promise<boolean> {
    if (entry.isWhole !== null) return entry.isWhole
    entry.isWhole ??= await this.#checks.run(entry.path, signal, async () => await this.#folder.isWhole(entry))
    if (!entry.isWhole && this.#entries.use(entry.sha256) === entry) await this.forget([entry.sha256])
    return entry.isWhole
  }

  #mayFill(): boolean {
    const nowMs = this.#host.now()
    if (nowMs - this.#roomAskedAtMs >= ROOM_CHECK_MS) {
      this.#roomAskedAtMs = nowMs
      this.#lookForRoom = this.#lookForRoom.then(async () => await this.#makeRoom())
    }
    return nowMs >= this.#pausedUntilMs && this.#fills.size < MAX_FILLS && !this.#isDiskFull
  }

  async #makeRoom(): Promise<void> {
    const free = await this.#folder.freeShare().catch(() => null)
    if (free === null) return // What is written will tell.
    const isFull = free < MIN_FREE_SHARE
    if (isFull && !this.#isDiskFull) this.#host.log.warn('the disk is almost full: the read cache makes room')
    this.#isDiskFull = isFull
    if (isFull) await this.#removeAll(this.#entries.shrink(this.#entries.bytes / 2))
  }

  #pause(reason: string): void {
    const nowMs = this.#host.now()
    if (nowMs >= this.#pausedUntilMs) this.#host.log.warn('the read cache pauses', { reason, forMs: PAUSE_MS })
    this.#pausedUntilMs = nowMs + PAUSE_MS
  }

  #bypass(location: ObjectLocation): ObjectLocation {
    this.#requests.bypassed += 1
    return location
  }

  async #adopt(): Promise<void> {
    try {
      for await (const file of this.#folder.leftovers()) {
        if (this.#closed.signal.aborted) return
        // A newer copy, of this process, is already whole.
        const isNewer = this.#entries.has(file.sha256)
        await this.#removeAll(isNewer ? [file] : this.#entries.add(file.sha256, { ...file, isWhole: null }))
      }
    } catch (error) {
      this.#host.log.warn('the read cache could not be read', { error: toMirrorError(error).message })
    }
  }

  async #removeAll(files: readonly CachedFile[]): Promise<void> {
    await Promise.all(files.map(async (file) => await this.#folder.remove(file)))
  }
}

function fileOf({ path, sizeBytes }: CachedFile, from: FileLocation['from']): FileLocation {
  return { kind: 'file', from, path, offset: 0, length: sizeBytes }
}

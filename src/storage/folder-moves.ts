// Objects on their way from one tier of a folder store to another. A copy is placed before what it replaces goes, so that
// the object is always in one tier at least; changes of what is there take the store's lock.
import { createHash, type Hash } from 'node:crypto'
import { MirrorError } from '../core/errors.ts'
import { hashFile } from '../core/hash-file.ts'
import { atPath } from './folder-errors.ts'
import type { FolderLock } from './folder-lock.ts'
import type { FolderRestores } from './folder-restores.ts'
import type { FolderTier, WrittenFile } from './folder-tier.ts'
import type { ObjectBody, ObjectInfo, ObjectKey, StoreCall } from './object-store.ts'
import { isColder, type Tier, type TierCopy } from './tiers.ts'

/** How often a copy starts over because its object changed meanwhile. */
const MAX_ROUNDS = 5

export interface FolderMovesHost {
  /** Hottest first. */
  readonly folders: readonly FolderTier[]
  readonly restores: FolderRestores | null
  readonly lock: FolderLock
}

export interface FoundObject {
  readonly folder: FolderTier
  readonly info: ObjectInfo
}

export class FolderMoves {
  readonly #host: FolderMovesHost

  constructor(host: FolderMovesHost) {
    this.#host = host
  }

  /** Where the object lies: in the hottest tier that has it. */
  async find(key: ObjectKey, call: StoreCall): Promise<FoundObject | null> {
    const found = await this.look(key, call)
    // What goes to a hotter tier during the first look is met by the second.
    return found !== null || this.#host.folders.length === 1 ? found : await this.look(key, call)
  }

  /** As `find`, but what is being moved may be missed. */
  async look(key: ObjectKey, call: StoreCall): Promise<FoundObject | null> {
    for (const folder of this.#host.folders) {
      const info = await folder.head(key, call)
      if (info !== null) return { folder, info }
    }
    return null
  }

  /** `openArchived` reads what was restored of an archived object, or throws. */
  async copy(
    key: ObjectKey,
    to: Tier,
    openArchived: (info: ObjectInfo) => Promise<ObjectBody | null>,
    call: StoreCall & { readonly sha256?: string },
  ): Promise<TierCopy | null> {
    const target = this.#folder(to)
    if (target === null) throw new MirrorError('store_cannot', `this store has no tier "${to}"`)
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const found = await this.find(key, call)
      if (found === null) return null
      const { tier } = found.folder
      const sourceEtag = found.info.etag
      if (tier === to) {
        await this.#dropOthers(found, call)
        const { sizeBytes } = found.info
        return { key, from: to, to, sizeBytes, sha256: null, sourceEtag, etag: sourceEtag }
      }
      const opened = tier === 'archive' ? await openArchived(found.info) : await found.folder.get(key, call)
      if (opened === null || opened.info.etag !== sourceEtag) {
        await opened?.[Symbol.asyncDispose]()
        continue // It was moved or replaced between the two looks.
      }
      await using body = opened
      const hash = createHash('sha256')
      const written = await target.write(key, hashed(body.chunks, hash), call.signal)
      const sha256 = hash.digest('hex')
      if (call.sha256 !== undefined && call.sha256 !== sha256) {
        await target.discard(written)
        throw new MirrorError('media_damaged', `${key} is not what was recorded: it stays in the tier ${tier}`)
      }
      if (await this.#place(found, target, written, sha256, call)) {
        return { key, from: tier, to, sizeBytes: written.info.sizeBytes, sha256, sourceEtag, etag: written.info.etag }
      }
    }
    throw new MirrorError('store_unavailable', `${key} is being changed again and again; it was not moved`)
  }

  /**
   * Whatever has become of the source since, the hottest of what is there is the object, and it stays: a move that was
   * overtaken by another may come to its release late.
   */
  async release({ key, from, to, sourceEtag, etag }: TierCopy, call: StoreCall): Promise<boolean> {
    if (from === to) return true
    const { folders, lock, restores } = this.#host
    const target = this.#folder(to)
    return await lock.hold(call.signal, async () => {
      if (target === null || (await target.head(key, call))?.etag !== etag) return false
      const object = await this.find(key, call)
      const isSource = object?.folder.tier === from && object.info.etag === sourceEtag
      if (object?.folder !== target && !isSource) {
        // Replaced, or moved by somebody else: what we copied is not the object any more.
        await target.delete(key)
        return false
      }
      // The source last: as long as it is there, nothing older can take its place.
      const others = folders.filter(({ tier }) => tier !== to && tier !== from)
      for (const folder of others) await folder.delete(key)
      await this.#folder(from)?.delete(key)
      if (from === 'archive') await restores?.drop(key)
      return true
    })
  }

  /** False when the object is not any more what was copied. */
  async #place(
    found: FoundObject,
    target: FolderTier,
    written: WrittenFile,
    sha256: string,
    call: StoreCall,
  ): Promise<boolean> {
    const { key } = found.info
    try {
      if ((await hashOf(written.path, call.signal)) !== sha256) {
        throw new MirrorError('store_unavailable', `${written.path}: the copy of ${key} differs from what was read`)
      }
      return await this.#host.lock.hold(call.signal, async () => {
        const now = await this.find(key, call)
        const isSame = now?.folder === found.folder && now.info.etag === found.info.etag
        // Upwards nothing can be in the way but a new object, which must stay.
        const ifAbsent = isColder(found.folder.tier, target.tier)
        if (isSame) return await target.place(written, { ifAbsent })
        await target.discard(written)
        return false
      })
    } catch (error) {
      await target.discard(written)
      throw error
    }
  }

  /** What moves that were cut short have left in colder tiers. */
  async #dropOthers({ folder, info }: FoundObject, call: StoreCall): Promise<void> {
    const { folders, lock } = this.#host
    const colder = folders.filter(({ tier }) => isColder(tier, folder.tier)).toReversed()
    let isClean = true
    for (const other of colder) if ((await other.head(info.key, call)) !== null) isClean = false
    if (isClean) return
    await lock.hold(call.signal, async () => {
      if ((await folder.head(info.key, call))?.etag !== info.etag) return
      for (const other of colder) await other.delete(info.key)
    })
  }

  #folder(tier: Tier): FolderTier | null {
    return this.#host.folders.find((folder) => folder.tier === tier) ?? null
  }
}

async function* hashed(chunks: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

async function hashOf(path: string, signal: AbortSignal): Promise<string> {
  return await atPath(path, () => hashFile(path, signal))
}

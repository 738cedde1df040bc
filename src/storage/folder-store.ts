import { join, resolve } from 'node:path'
import { archivedError } from './archived-error.ts'
import type { ByteRange } from './byte-range.ts'
import { FolderLock } from './folder-lock.ts'
import { FolderMoves } from './folder-moves.ts'
import { FolderRestores } from './folder-restores.ts'
import { FolderTier, LOCK_FILE, type WrittenFile } from './folder-tier.ts'
import { compareKeys } from './keys.ts'
import type { ListCall, ObjectBody, ObjectInfo, ObjectKey, PutCall, StoreCall } from './object-store.ts'
import { type RestoreState, TIERS, type Tier, type TierCopy, type TieredStore } from './tiers.ts'

/** Below the folder of hot objects: what was restored from the archive, for a while. No key maps into it. */
const RESTORED_FOLDER = '.restored'
/** Others wait so long at most for a sweep that takes thousands. */
const DELETES_PER_LOCK = 16

/** Where colder objects lie; each may be on another disk. */
export interface FolderTiers {
  readonly warm: string
  readonly cold: string
  readonly archive: string
  /** From the first wish to restore an object until it is copied back: as real archives take their time. */
  readonly restoreDelayMs: number
}

export interface FolderStoreOptions {
  readonly randomId: () => string
  /** Omitted: hot is all there is. */
  readonly tiers?: FolderTiers
  readonly nowMs?: () => number
}

/**
 * Objects as files in a folder, which several threads and processes may share. Temporary files that a crash left behind
 * are swept once they are old enough to be nobody's.
 * The content type is not stored: whoever delivers derives it from the key's extension.
 * Where an object lies in two tiers, after a move that was cut short, the hotter one counts.
 */
export async function openFolderStore(folder: string, options: FolderStoreOptions): Promise<TieredStore> {
  const { randomId, tiers: places, nowMs = () => Date.now() } = options
  const hot = await FolderTier.open('hot', folder, randomId)
  const tiers = [hot]
  if (places === undefined) return new FolderStore(tiers, null)
  for (const tier of TIERS.slice(1)) {
    if (tier !== 'hot') tiers.push(await FolderTier.open(tier, places[tier], randomId))
  }
  const restored = join(resolve(folder), RESTORED_FOLDER)
  const copies = await FolderTier.open('archive', join(restored, 'copies'), randomId)
  const wishes = await FolderTier.open('archive', join(restored, 'wishes'), randomId)
  const restores = new FolderRestores({ copies, wishes, delayMs: places.restoreDelayMs, nowMs })
  await restores.sweep({ signal: NEVER })
  return new FolderStore(tiers, restores)
}

class FolderStore implements TieredStore {
  readonly tiers: readonly Tier[]
  /** Hottest first. */
  readonly #folders: readonly FolderTier[]
  readonly #hot: FolderTier
  readonly #restores: FolderRestores | null
  readonly #lock: FolderLock
  readonly #moves: FolderMoves

  constructor(folders: readonly FolderTier[], restores: FolderRestores | null) {
    const [hot] = folders
    if (hot === undefined) throw new RangeError('a store has at least one tier')
    this.tiers = folders.map(({ tier }) => tier)
    this.#folders = folders
    this.#hot = hot
    this.#restores = restores
    this.#lock = new FolderLock(join(hot.temp, LOCK_FILE))
    this.#moves = new FolderMoves({ folders, restores, lock: this.#lock })
  }

  async put(
    key: ObjectKey,
    body: AsyncIterable<Uint8Array> | Uint8Array,
    { signal, ifAbsent = false, ifMatch }: PutCall,
  ): Promise<ObjectInfo | null> {
    signal.throwIfAborted()
    // A look that may miss what is being moved is enough: `#placeNew` looks again.
    const present = ifAbsent ? await this.#moves.look(key, { signal }) : null
    if (present !== null) {
      await present.folder.makeDurable(key)
      return null // Spares the body; link() decides.
    }
    const written = await this.#hot.write(key, body, signal)
    try {
      signal.throwIfAborted()
      const isPlaced = ifAbsent ? await this.#placeNew(written) : await this.#placeOver(written, ifMatch, signal)
      return isPlaced ? written.info : null
    } catch (error) {
      await this.#hot.discard(written)
      throw error
    }
  }

  async get(key: ObjectKey, call: StoreCall & { readonly range?: ByteRange }): Promise<ObjectBody | null> {
    // As `find` has it, without a look before.
    for (let round = 0; round < (this.#folders.length === 1 ? 1 : 2); round += 1) {
      for (const folder of this.#folders) {
        const body =
          folder.tier === 'archive' ? await this.#getArchived(key, folder, call) : await folder.get(key, call)
        if (body !== null) return body
      }
    }
    return null
  }

  async head(key: ObjectKey, call: StoreCall): Promise<ObjectInfo | null> {
    const found = await this.#moves.find(key, call)
    if (found === null || found.folder.tier !== 'archive' || this.#restores === null) return found?.info ?? null
    return { ...found.info, restore: await this.#restores.state(found.info, call) }
  }

  async *list(prefix: string, call: ListCall): AsyncGenerator<ObjectInfo, void, void> {
    for await (const key of merged(this.#folders.map((folder) => folder.keys(prefix, call)))) {
      const found = await this.#moves.find(key, call) // An object may be deleted while the listing walks.
      if (found !== null) yield found.info
    }
  }

  async delete(keys: readonly ObjectKey[], { signal }: StoreCall): Promise<void> {
    if (this.#folders.length === 1) {
      for (const key of keys) {
        signal.throwIfAborted()
        await this.#hot.delete(key)
      }
      return
    }
    for (let at = 0; at < keys.length; at += DELETES_PER_LOCK) {
      signal.throwIfAborted()
      const some = keys.slice(at, at + DELETES_PER_LOCK)
      // A move that placed its copy between two tiers of ours would bring the object back.
      await this.#lock.hold(signal, async () => {
        for (const key of some) await this.#deleteEverywhere(key)
      })
    }
  }

  async copyToTier(key: ObjectKey, to: Tier, call: StoreCall & { readonly sha256?: string }): Promise<TierCopy | null> {
    const open = async (info: ObjectInfo) => await this.#getRestored(info, call)
    return await this.#moves.copy(key, to, open, call)
  }

  async release(copy: TierCopy, call: StoreCall): Promise<boolean> {
    return await this.#moves.release(copy, call)
  }

  async restore(key: ObjectKey, call: StoreCall & { readonly keepMs: number }): Promise<RestoreState | null> {
    const found = await this.#moves.find(key, call)
    if (found === null) return null
    if (found.folder.tier !== 'archive' || this.#restores === null) return { kind: 'restored', untilMs: null }
    return await this.#restores.restore(found.info, found.folder, call)
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #getArchived(
    key: ObjectKey,
    archive: FolderTier,
    call: StoreCall & { readonly range?: ByteRange },
  ): Promise<ObjectBody | null> {
    const info = await archive.head(key, call)
    return info === null ? null : await this.#getRestored(info, call)
  }

  async #getRestored(info: ObjectInfo, call: StoreCall & { readonly range?: ByteRange }): Promise<ObjectBody> {
    const restore = (await this.#restores?.state(info, call)) ?? { kind: 'archived' as const }
    const body = restore.kind === 'restored' ? await this.#restores?.get(info.key, call) : undefined
    if (body === undefined || body === null) throw archivedError(info.key, restore)
    return { info: { ...info, restore }, chunks: body.chunks, [Symbol.asyncDispose]: () => body[Symbol.asyncDispose]() }
  }

  /** Coldest first: a copy that a move left behind must not come to light. */
  async #deleteEverywhere(key: ObjectKey): Promise<void> {
    for (const folder of this.#folders.toReversed()) {
      const isGone = await folder.delete(key)
      if (isGone && folder.tier === 'archive') await this.#restores?.drop(key)
    }
  }

  /** False when somebody else was first, wherever that object is now. */
  async #placeNew(written: WrittenFile): Promise<boolean> {
    if (!(await this.#hot.place(written, { ifAbsent: true }))) return false
    // Created and moved away between our look and our turn.
    for (const folder of this.#folders.slice(1)) {
      if ((await folder.head(written.info.key, { signal: NEVER })) === null) continue
      await this.#hot.delete(written.info.key)
      return false
    }
    return true
  }

  /** False when the object is not, or no more, the one with that etag. */
  async #placeOver(written: WrittenFile, ifMatch: string | undefined, signal: AbortSignal): Promise<boolean> {
    const { key } = written.info
    const present = await this.#moves.find(key, { signal })
    // What is new needs no lock: nobody moves it yet.
    if (present === null && ifMatch === undefined) return await this.#hot.place(written, { ifAbsent: false })
    const isOnlyHot = this.#folders.length === 1
    if (ifMatch === undefined && isOnlyHot) return await this.#hot.place(written, { ifAbsent: false })
    return await this.#lock.hold(signal, async () => {
      const now = await this.#moves.find(key, { signal })
      if (ifMatch !== undefined && now?.info.etag !== ifMatch) {
        await this.#hot.discard(written)
        return false
      }
      await this.#hot.place(written, { ifAbsent: false })
      for (const folder of this.#folders.slice(1).toReversed()) await folder.delete(key)
      return true
    })
  }
}

const NEVER = new AbortController().signal

/** In key order, each once. */
async function* merged(
  sources: readonly AsyncGenerator<ObjectKey, void, void>[],
): AsyncGenerator<ObjectKey, void, void> {
  try {
    const heads = await Promise.all(sources.map((source) => source.next()))
    for (;;) {
      let smallest: ObjectKey | null = null
      for (const { value, done } of heads) {
        if (done === true || value === undefined) continue
        if (smallest === null || compareKeys(value, smallest) < 0) smallest = value
      }
      if (smallest === null) return
      for (const [at, head] of heads.entries()) {
        const source = sources[at]
        if (head.done !== true && head.value === smallest && source !== undefined) heads[at] = await source.next()
      }
      yield smallest
    }
  } finally {
    for (const source of sources) await source.return()
  }
}

// Knows how old the newest backup of the catalog is, whichever Mirror made it, and says so when it is too old.
import { toMirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { listBackups, type StoredBackup } from './stored-backups.ts'

/** Backups come hourly: two in a row are missing. */
const OVERDUE_MS = 2 * 3_600_000
const CHECK_MS = 5 * 60_000
/** A younger one is the newest; asking the store again would tell nothing. */
const FRESH_MS = 65 * 60_000
const LIST_TIMEOUT_MS = 60_000

/** A sentence when backups are overdue, else null. Without any, time counts from the start of Mirror. Pure. */
export function overdueBackup(newestAtMs: number | null, startedAtMs: number, nowMs: number): string | null {
  if (nowMs - (newestAtMs ?? startedAtMs) <= OVERDUE_MS) return null
  return newestAtMs === null
    ? 'The catalog has no backup in the store yet'
    : `The newest backup of the catalog is of ${new Date(newestAtMs).toISOString()}`
}

/** Asks the store at once and then now and again; never rejects. */
export class BackupWatch implements AsyncDisposable {
  readonly #host: { readonly store: ObjectStore; readonly now: () => number; readonly log: Log }
  readonly #startedAtMs: number
  readonly #stop = new AbortController()
  readonly #listeners = new Set<(trouble: string | null) => void>()
  readonly #timer: NodeJS.Timeout
  #newest: StoredBackup | null = null
  #trouble: string | null = null
  #asking: Promise<void> | null

  constructor(
    host: { readonly store: ObjectStore; readonly now: () => number; readonly log: Log },
    checkMs = CHECK_MS,
  ) {
    this.#host = host
    this.#startedAtMs = host.now()
    this.#asking = this.#ask().finally(() => {
      this.#asking = null
    })
    // Judged only then: a backup that was missed while Mirror did not run is made first.
    this.#timer = setInterval(() => {
      this.#asking ??= this.#check().finally(() => {
        this.#asking = null
      })
    }, checkMs)
  }

  /** Null: none is known. */
  get newest(): StoredBackup | null {
    return this.#newest
  }

  /** Null: all is well. */
  get trouble(): string | null {
    return this.#trouble
  }

  /** A backup has just been made here. */
  learn(backup: StoredBackup): void {
    if (backup.atMs >= (this.#newest?.atMs ?? 0)) this.#newest = backup
    this.#judge()
  }

  /** What becomes trouble, or null when it is over. Listeners must not throw. */
  onTrouble(listener: (trouble: string | null) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.#stop.abort()
    await this.#asking
  }

  async #check(): Promise<void> {
    const isFresh = this.#newest !== null && this.#host.now() - this.#newest.atMs < FRESH_MS
    if (!isFresh) await this.#ask()
    if (!this.#stop.signal.aborted) this.#judge()
  }

  async #ask(): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(LIST_TIMEOUT_MS)])
    try {
      const [newest = null] = await listBackups(this.#host.store, { signal })
      if (newest !== null && newest.atMs >= (this.#newest?.atMs ?? 0)) this.#newest = newest
    } catch (error) {
      // What was known stays known, and grows older.
      if (!this.#stop.signal.aborted) {
        this.#host.log.warn('backups of the catalog cannot be listed', { error: toMirrorError(error).message })
      }
    }
  }

  #judge(): void {
    const trouble = overdueBackup(this.#newest?.atMs ?? null, this.#startedAtMs, this.#host.now())
    const isNews = (trouble === null) !== (this.#trouble === null)
    this.#trouble = trouble
    if (isNews) for (const listener of this.#listeners) listener(trouble)
  }
}

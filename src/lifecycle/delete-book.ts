// Writes into the ledger what retention has taken away, a row for each hour of a track, some together.
import type { LedgerEntry } from '../catalog/ledger-entry.ts'
import type { Catalog } from '../catalog/types.ts'
import { toMirrorError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { DeletedHour } from '../dvr/retention.ts'
import { hourPrefix } from '../storage/keys.ts'

const WRITE_AFTER_MS = 1000
/** Rows that wait for a database that is away; beyond it the oldest are given up, and counted. */
const MAX_WAITING = 10_000
/** Of the whole ledger. */
const KEEP_MS = 400 * 86_400_000
const TRIM_EVERY_MS = 86_400_000

export interface DeleteBookHost {
  readonly ledger: Pick<Catalog['ledger'], 'append' | 'trim'>
  readonly now: () => number
  readonly log: Log
}

export class DeleteBook implements AsyncDisposable {
  readonly #host: DeleteBookHost
  #waiting: LedgerEntry[] = []
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> = Promise.resolve()
  #lost = 0
  #trimmedAtMs = Number.NEGATIVE_INFINITY

  constructor(host: DeleteBookHost) {
    this.#host = host
  }

  add({ track, hour, objects, bytes }: DeletedHour): void {
    this.#waiting.push({
      ...{
        action: 'delete',
        state: 'done',
        key: hourPrefix(track, hour),
        streamId: track.streamId,
        from: null,
        to: null,
      },
      ...{
        objects,
        bytes,
        sha256: null,
        jobId: null,
        attempt: 1,
        note: 'its retention was over',
        atMs: this.#host.now(),
      },
    })
    if (this.#waiting.length > MAX_WAITING) {
      this.#waiting.shift()
      this.#lost += 1
    }
    this.#timer ??= setTimeout(() => this.#write(), WRITE_AFTER_MS)
  }

  /** Writes what waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) this.#write()
    await this.#writing
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #write(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#writing = this.#writing.then(() => this.#append())
  }

  async #append(): Promise<void> {
    const { ledger, now, log } = this.#host
    const entries = this.#waiting
    this.#waiting = []
    try {
      await ledger.append(entries)
      if (now() - this.#trimmedAtMs < TRIM_EVERY_MS) return
      this.#trimmedAtMs = now()
      await ledger.trim(now() - KEEP_MS)
    } catch (error) {
      const { message } = toMirrorError(error)
      log.warn('what expired could not be written into the ledger', {
        rows: entries.length,
        lost: this.#lost,
        error: message,
      })
      this.#waiting = [...entries, ...this.#waiting].slice(-MAX_WAITING)
    }
  }
}

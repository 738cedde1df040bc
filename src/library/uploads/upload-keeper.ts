// Hands uploads that are whole on into the store, again and again until that has succeeded.
import { MirrorError, toMirrorError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { Permits } from '../../core/permits.ts'
import { orAborted } from '../../storage/abortable.ts'
import type { MediaKind } from '../intake/sniffed-type.ts'
import type { Upload } from './upload.ts'
import type { UploadEntry } from './upload-entry.ts'
import type { UploadSpool } from './upload-spool.ts'

/** A whole upload on its way into the store. */
export interface WholeUpload extends Upload {
  readonly chunks: () => AsyncIterable<Uint8Array>
}

/**
 * Makes an asset of it. Called again until it has resolved once, also after a restart, so it must find what an earlier
 * call has done.
 */
export type KeepUpload = (upload: WholeUpload, signal: AbortSignal) => Promise<KeptUpload>

export interface KeptUpload {
  readonly assetId: string
  readonly kind: MediaKind
  /** The bytes were there already, as this asset. */
  readonly isDuplicate: boolean
}

export interface UploadKeeperHost {
  readonly spool: UploadSpool
  readonly keep: KeepUpload
  readonly now: () => number
  readonly log: Log
}

const KEEPS_AT_ONCE = 2
const RETRY_MIN_MS = 5_000
const RETRY_MAX_MS = 300_000

export class UploadKeeper {
  readonly #host: UploadKeeperHost
  readonly #permits = new Permits(KEEPS_AT_ONCE)
  readonly #listeners = new Set<(kept: KeptUpload) => void>()
  #isClosing = false

  constructor(host: UploadKeeperHost) {
    this.#host = host
  }

  /** Told once for every upload that has become an asset. Returns how to stop listening. */
  onKept(listener: (kept: KeptUpload) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Does nothing while it is on its way. How it ends, the entry tells. */
  start(entry: UploadEntry): void {
    if (entry.keeping !== null || entry.upload.done !== null || this.#isClosing) return
    const stop = new AbortController()
    const done = this.#keep(entry, stop.signal).finally(() => {
      entry.keeping = null
    })
    entry.keeping = { stop, done }
  }

  /** Until this attempt has ended, or `patience` is over. */
  async startAndWait(entry: UploadEntry, patience: AbortSignal): Promise<void> {
    this.start(entry)
    if (entry.keeping !== null) await orAborted(entry.keeping.done, patience).catch(() => {})
  }

  /** Ends what is on its way; it is begun anew by whoever loads the spool next. */
  async close(entries: Iterable<UploadEntry>): Promise<void> {
    this.#isClosing = true
    await Promise.all([...entries].map((entry) => stopKeeping(entry, 'Mirror stops')))
  }

  /** Never rejects: what goes wrong is noted and tried again. */
  async #keep(entry: UploadEntry, signal: AbortSignal): Promise<void> {
    const { spool, keep, now, log } = this.#host
    const { id, lengthBytes } = entry.upload
    try {
      const whole: WholeUpload = { ...entry.upload, chunks: () => spool.chunks(id, lengthBytes) }
      const kept = await this.#permits.run(signal, () => keep(whole, signal))
      const { offsetBytes, touchedAtMs } = entry.upload
      const progress = { offsetBytes, touchedAtMs, done: { atMs: now(), assetId: kept.assetId } }
      await spool.setProgress(id, progress)
      entry.upload = { ...entry.upload, ...progress }
      entry.failure = null
      for (const listener of this.#listeners) listener(kept)
      await spool.removeBytes(id)
    } catch (error) {
      if (signal.aborted) return
      const { code, message } = toMirrorError(error)
      entry.failure = { code, message }
      entry.retryAtMs = now() + Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** entry.failures)
      entry.failures++
      log.warn('an upload cannot be stored yet', { id, code, message, attempts: entry.failures })
    }
  }
}

/** Resolves when nothing of it is under way any more. */
export async function stopKeeping({ keeping }: UploadEntry, why: string): Promise<void> {
  keeping?.stop.abort(new MirrorError('upload_cut_off', why))
  await keeping?.done
}

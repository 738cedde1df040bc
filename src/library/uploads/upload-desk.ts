// Resumable uploads: begun, continued, given up, expired, and handed on when they are whole.

import { MirrorError, toMirrorError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { receiveBody } from './receive-body.ts'
import type { Checksum } from './tus-headers.ts'
import { expiresAtMs, isComplete, stillNeededBytes, type Upload, type UploadProgress } from './upload.ts'
import { entryOf, interruptWriting, type UploadEntry } from './upload-entry.ts'
import { type KeepUpload, type KeptUpload, stopKeeping, UploadKeeper } from './upload-keeper.ts'
import { UploadSpool } from './upload-spool.ts'

export interface UploadLimits {
  readonly maxBytes: number
  /** Of one key or user, that are not in the store yet. */
  readonly maxUnfinished: number
  /** How long an upload that nobody continues stays, and the news of one that is done. */
  readonly keepMs: number
  /** Space of the disk that uploads never take. */
  readonly keepFreeBytes: number
  /** 2 when the store lies on the disk of the spool as well: a copy is made there. */
  readonly copies: 1 | 2
  readonly idleMs: number
}

export interface UploadDeskHost {
  /** A folder of this desk alone. */
  readonly folder: string
  readonly limits: UploadLimits
  readonly keep: KeepUpload
  readonly freeBytes: () => Promise<number>
  readonly now: () => number
  readonly newId: () => string
  readonly log: Log
}

export interface UploadState extends Upload {
  readonly expiresAtMs: number | null
  readonly failure: UploadEntry['failure']
}

const TICK_MS = 10_000

export class UploadDesk implements AsyncDisposable {
  readonly #host: UploadDeskHost
  readonly #spool: UploadSpool
  readonly #entries: Map<string, UploadEntry>
  readonly #stop: AbortController
  readonly #keeper: UploadKeeper
  readonly #timer: NodeJS.Timeout

  private constructor(host: UploadDeskHost, spool: UploadSpool, uploads: readonly Upload[], stop: AbortController) {
    this.#host = host
    this.#spool = spool
    this.#entries = new Map(uploads.map((upload) => [upload.id, entryOf(upload)]))
    this.#stop = stop
    this.#keeper = new UploadKeeper({ ...host, spool })
    this.#timer = setInterval(() => void this.tick(), TICK_MS)
    this.#timer.unref()
  }

  /** What was begun before a restart goes on where it was; what was whole is handed on. */
  static async open(host: UploadDeskHost): Promise<UploadDesk> {
    const stop = new AbortController()
    const spool = await UploadSpool.open(host.folder, stop.signal)
    const desk = new UploadDesk(host, spool, await spool.load(), stop)
    await desk.tick()
    return desk
  }

  /** Told once for every upload that has become an asset. Returns how to stop listening. */
  onKept(listener: (kept: KeptUpload) => void): () => void {
    return this.#keeper.onKept(listener)
  }

  get limits(): UploadLimits {
    return this.#host.limits
  }

  /** Throws `upload_empty`, `payload_too_large`, `upload_limit`, `upload_disk_full`. */
  async create(order: Pick<Upload, 'tenantId' | 'owner' | 'lengthBytes' | 'metadata'>): Promise<UploadState> {
    const { limits, now, newId } = this.#host
    const { lengthBytes, owner } = order
    if (lengthBytes === 0) throw new MirrorError('upload_empty', 'The upload is announced with no bytes')
    if (lengthBytes > limits.maxBytes) {
      throw new MirrorError('payload_too_large', `It has ${lengthBytes} bytes; at most ${limits.maxBytes} are taken`)
    }
    const unfinished = [...this.#entries.values()].filter(
      ({ upload }) => upload.owner === owner && upload.done === null,
    )
    if (unfinished.length >= limits.maxUnfinished) {
      throw new MirrorError('upload_limit', `${limits.maxUnfinished} uploads of yours are unfinished`)
    }
    const atMs = now()
    const progress: UploadProgress = { offsetBytes: 0, touchedAtMs: atMs, done: null }
    const upload: Upload = { ...order, id: newId(), createdAtMs: atMs, ...progress }
    const entry = entryOf(upload)
    // Counted before anything is awaited, so that many at once do not pass together.
    this.#entries.set(upload.id, entry)
    try {
      await this.#checkSpace()
      const { offsetBytes: _, touchedAtMs: __, done: ___, ...said } = upload
      await this.#spool.create(said, progress)
    } catch (error) {
      this.#entries.delete(upload.id)
      throw error
    }
    return this.#stateOf(entry)
  }

  list(tenantId: string): UploadState[] {
    return [...this.#entries.values()]
      .filter(({ upload }) => upload.tenantId === tenantId)
      .map((one) => this.#stateOf(one))
  }

  /** Throws `upload_not_found`. */
  get(tenantId: string, id: string): UploadState {
    return this.#stateOf(this.#find(tenantId, id))
  }

  /** `get` for a client that wants to go on: a request that still writes is of a connection that it has given up. */
  async settle(tenantId: string, id: string): Promise<UploadState> {
    const entry = this.#find(tenantId, id)
    await interruptWriting(entry)
    return this.#stateOf(this.#find(tenantId, id))
  }

  /**
   * Takes more of it. Resolves when that is durable; of the last part, when it is in the store or `patience` is over.
   * Throws `upload_not_found`, `upload_offset_wrong`, `upload_superseded` (another request goes on with it), and as
   * `receiveBody` does.
   */
  async append(
    { tenantId, id, offsetBytes }: { readonly tenantId: string; readonly id: string; readonly offsetBytes: number },
    body: AsyncIterable<Uint8Array>,
    call: { readonly checksum: Checksum | null; readonly patience: AbortSignal },
  ): Promise<UploadState> {
    const entry = this.#find(tenantId, id)
    await interruptWriting(entry)
    if (entry.upload.offsetBytes !== offsetBytes) {
      throw new MirrorError(
        'upload_offset_wrong',
        `The upload is at ${entry.upload.offsetBytes}, not at ${offsetBytes}`,
        {
          details: { offsetBytes: entry.upload.offsetBytes },
        },
      )
    }
    if (isComplete(entry.upload)) {
      await this.#keeper.startAndWait(entry, call.patience)
      return this.#stateOf(entry)
    }
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, this.#stop.signal])
    const receiving = this.#receive(entry, body, { checksum: call.checksum, signal })
    const done = receiving.then(
      () => {},
      () => {},
    )
    entry.writing = { stop, done }
    try {
      await receiving
    } finally {
      if (entry.writing?.stop === stop) entry.writing = null
    }
    if (isComplete(entry.upload)) await this.#keeper.startAndWait(entry, call.patience)
    return this.#stateOf(entry)
  }

  /** Also of one that is done: then only the news of it goes. Throws `upload_not_found`. */
  async remove(tenantId: string, id: string): Promise<void> {
    const entry = this.#find(tenantId, id)
    await interruptWriting(entry)
    await stopKeeping(entry, 'The upload was deleted')
    await this.#forget(id)
  }

  /** Hands on what is whole, and removes what has expired. By itself every ten seconds. */
  async tick(): Promise<void> {
    const { now, limits, log } = this.#host
    const nowMs = now()
    for (const [id, entry] of this.#entries) {
      const { upload } = entry
      const untilMs = expiresAtMs(upload, limits.keepMs)
      if (untilMs !== null && untilMs <= nowMs && entry.writing === null) {
        await this.#forget(id).catch((error: unknown) => {
          log.warn('an expired upload cannot be removed', { id, cause: toMirrorError(error).message })
        })
      } else if (isComplete(upload) && upload.done === null && entry.retryAtMs <= nowMs) this.#keeper.start(entry)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    const entries = [...this.#entries.values()]
    // First what is being written, which syncs and notes how far it is.
    const closing = new MirrorError('upload_cut_off', 'Mirror stops')
    for (const { writing } of entries) writing?.stop.abort(closing)
    await Promise.all(entries.map(({ writing }) => writing?.done))
    await this.#keeper.close(entries)
    this.#stop.abort(closing)
  }

  async #receive(
    entry: UploadEntry,
    body: AsyncIterable<Uint8Array>,
    { checksum, signal }: { readonly checksum: Checksum | null; readonly signal: AbortSignal },
  ): Promise<void> {
    const { limits } = this.#host
    await this.#checkSpace()
    await using writer = await this.#spool.openWriter(entry.upload.id, entry.upload.offsetBytes)
    await receiveBody(body, {
      ...{ writer, checksum, signal, lengthBytes: entry.upload.lengthBytes, idleMs: limits.idleMs },
      commit: async (offsetBytes) => {
        await this.#setProgress(entry, { offsetBytes, touchedAtMs: this.#host.now(), done: null })
        if (offsetBytes < entry.upload.lengthBytes) await this.#checkSpace()
      },
    })
  }

  async #setProgress(entry: UploadEntry, progress: UploadProgress): Promise<void> {
    await this.#spool.setProgress(entry.upload.id, progress)
    entry.upload = { ...entry.upload, ...progress }
  }

  /** What all uploads under way still need must fit beside what stays free. */
  async #checkSpace(): Promise<void> {
    const { limits, freeBytes } = this.#host
    const free = await freeBytes()
    const needed = [...this.#entries.values()].reduce(
      (sum, { upload }) => sum + stillNeededBytes(upload, limits.copies),
      0,
    )
    if (free - needed >= limits.keepFreeBytes) return
    throw new MirrorError('upload_disk_full', `Uploads under way need ${needed} bytes more, ${free} are free`)
  }

  async #forget(id: string): Promise<void> {
    this.#entries.delete(id)
    await this.#spool.remove(id)
  }

  #find(tenantId: string, id: string): UploadEntry {
    const entry = this.#entries.get(id)
    if (entry !== undefined && entry.upload.tenantId === tenantId) return entry
    throw new MirrorError('upload_not_found', 'There is no such upload; it may have expired')
  }

  #stateOf({ upload, failure }: UploadEntry): UploadState {
    return { ...upload, failure, expiresAtMs: expiresAtMs(upload, this.#host.limits.keepMs) }
  }
}

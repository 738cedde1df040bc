// One file over tus 1.0: found again on the server if some of it is there, sent, tried again while the server is away,
// and followed into the store.
import type { DetailedError, HttpResponse, Upload } from 'tus-js-client'
import type { Problem } from '../../../../src/api/system-contract.ts'
import type { UploadView } from '../../../../src/api/upload-contract.ts'
import { type BackoffPolicy, backoffDelayMs } from '../../player/backoff.ts'
import { callApi, ProblemError, toDisplayProblem, toProblem, unreachable } from '../api/client.ts'
import { type ChosenFile, fingerprintOf, judgeFailure } from './upload-item.ts'
import type { UploadMemory } from './upload-memory.ts'
import type { Transfer, TransferNews } from './upload-queue.ts'

/** Proxies of the larger networks take requests of 100 MB at most. */
const PART_BYTES = 64 * 2 ** 20
const RETRY: BackoffPolicy = { firstMs: 1000, maxMs: 5000, jitter: 0.3 }
const STORED_ASKED_EVERY_MS = 2000
/** A tab that has just been closed lets go a moment later. */
const LOCK_WITHIN_MS = 3000

const IN_ANOTHER_TAB: Problem = {
  ...toProblem(0, { title: 'It is being uploaded in another tab', code: 'console' }),
  advice: 'Close the other tab to go on with it here.',
}

export function openTusTransfer(memory: UploadMemory, chosen: ChosenFile, news: TransferNews): Transfer {
  return new TusTransfer(memory, chosen, news)
}

class TusTransfer implements Transfer {
  readonly #memory: UploadMemory
  readonly #chosen: ChosenFile
  readonly #news: TransferNews
  readonly #fingerprint: string
  readonly #stop = new AbortController()
  #upload: Upload | null = null
  #attempt = 0

  constructor(memory: UploadMemory, chosen: ChosenFile, news: TransferNews) {
    this.#memory = memory
    this.#chosen = chosen
    this.#news = news
    this.#fingerprint = fingerprintOf(chosen)
    void this.#runAlone()
  }

  stop(): void {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    void this.#upload?.abort().catch(() => {})
  }

  async discard(): Promise<void> {
    this.stop()
    const begun = this.#memory.find(this.#fingerprint)
    if (begun === null) return
    this.#memory.forget(this.#fingerprint)
    await discardUpload(begun.uploadId)
  }

  /** Two tabs that send the same file would cut each other off. */
  async #runAlone(): Promise<void> {
    // Only on https and localhost.
    const locks: LockManager | undefined = navigator.locks
    if (locks === undefined) return await this.#run()
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(LOCK_WITHIN_MS)])
    let isHeld = false
    await locks
      .request(lockName(this.#fingerprint), { signal }, async () => {
        isHeld = true
        await this.#run()
      })
      .catch((error: unknown) => {
        if (this.#stop.signal.aborted) return
        this.#news.onRefused(isHeld ? toDisplayProblem(error) : IN_ANOTHER_TAB)
      })
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const { assetId, uploadId } = (await this.#keptBefore()) ?? (await this.#send())
        if (signal.aborted) return
        this.#memory.forget(this.#fingerprint)
        return this.#news.onKept({ assetId, isDuplicate: assetId !== null && assetId !== uploadId })
      } catch (error) {
        if (signal.aborted) return
        const problem = toDisplayProblem(error)
        if (judgeFailure(problem) === 'refuse') return this.#news.onRefused(problem)
        this.#news.onTrouble(problem)
        await pause(backoffDelayMs(RETRY, this.#attempt++, Math.random()), signal)
      }
    }
  }

  /** What the server has of it already; null: bytes are to be sent. */
  async #keptBefore(): Promise<Kept | null> {
    const begun = this.#memory.find(this.#fingerprint)
    if (begun === null) return null
    const seen = await this.#ask(begun.uploadId)
    if (seen === null || seen.lengthBytes !== this.#chosen.file.size) {
      this.#memory.forget(this.#fingerprint)
      return null
    }
    if (seen.state === 'receiving') {
      if (seen.offsetBytes > 0) this.#news.onResumed(seen.offsetBytes)
      return null
    }
    return seen.state === 'done' ? { assetId: seen.assetId, uploadId: seen.id } : await this.#stored(seen.id)
  }

  async #send(): Promise<Kept> {
    const { Upload } = await import('tus-js-client')
    const { file, folder } = this.#chosen
    const begun = this.#memory.find(this.#fingerprint)
    let startedAt: number | null = null
    const last = await new Promise<HttpResponse>((resolve, reject) => {
      const upload = new Upload(file, {
        ...(begun === null ? { endpoint: UPLOADS_URL } : { uploadUrl: `${UPLOADS_URL}/${begun.uploadId}` }),
        metadata: { filename: file.name, ...(folder === '' ? {} : { folder }) },
        chunkSize: PART_BYTES,
        // It is tried again here, where people are told why.
        retryDelays: [],
        storeFingerprintForResuming: false,
        onUploadUrlAvailable: () => this.#remember(upload.url),
        onProgress: (sentBytes) => {
          startedAt ??= sentBytes
          if (sentBytes > startedAt) this.#attempt = 0
          this.#news.onProgress(sentBytes)
        },
        onSuccess: ({ lastResponse }) => resolve(lastResponse),
        onError: (error) => reject(new ProblemError(problemOf(error))),
      })
      this.#upload = upload
      this.#stop.signal.addEventListener('abort', () => reject(this.#stop.signal.reason), { once: true })
      if (!this.#stop.signal.aborted) upload.start()
    })
    const uploadId = this.#memory.find(this.#fingerprint)?.uploadId ?? idIn(this.#upload?.url ?? '')
    const assetId = last.getHeader('Mirror-Asset-Id') ?? null
    return assetId === null ? await this.#stored(uploadId) : { assetId, uploadId }
  }

  #remember(url: string | null): void {
    const { file, folder } = this.#chosen
    const begun = { name: file.name, folder, sizeBytes: file.size }
    this.#memory.put({ ...begun, fingerprint: this.#fingerprint, uploadId: idIn(url ?? '') })
  }

  /** Until the bytes have become an asset. */
  async #stored(uploadId: string): Promise<Kept> {
    const { signal } = this.#stop
    for (;;) {
      const seen = await this.#ask(uploadId)
      if (seen === null || seen.state === 'done') return { assetId: seen?.assetId ?? null, uploadId }
      this.#news.onStoring(
        seen.failure === null ? null : toProblem(503, { ...seen.failure, detail: seen.failure.message }),
      )
      await pause(STORED_ASKED_EVERY_MS, signal)
      signal.throwIfAborted()
    }
  }

  /** Null: the server knows it no more. */
  async #ask(uploadId: string): Promise<UploadView | null> {
    return await askUpload(uploadId, this.#stop.signal)
  }
}

/** Fingerprints of what some tab of this browser is sending just now. */
export async function sentInTabs(): Promise<(fingerprint: string) => boolean> {
  // Only on https and localhost.
  const locks: LockManager | undefined = navigator.locks
  const { held = [] } = locks === undefined ? {} : await locks.query()
  const names = new Set(held.map(({ name }) => name))
  return (fingerprint) => names.has(lockName(fingerprint))
}

function lockName(fingerprint: string): string {
  return `mirror upload ${fingerprint}`
}

interface Kept {
  readonly assetId: string | null
  readonly uploadId: string
}

const UPLOADS_URL = `${globalThis.location?.origin ?? ''}/api/v1/uploads`

/** Null: the server knows it no more. */
export async function askUpload(uploadId: string, signal?: AbortSignal): Promise<UploadView | null> {
  try {
    return await callApi<UploadView>('GET', `/uploads/${uploadId}`, signal === undefined ? {} : { signal })
  } catch (error) {
    if (error instanceof ProblemError && error.problem.code === 'upload_not_found') return null
    throw error
  }
}

/** What the server cannot be told now it forgets by itself later. */
export async function discardUpload(uploadId: string): Promise<void> {
  const { Upload } = await import('tus-js-client')
  await Upload.terminate(`${UPLOADS_URL}/${uploadId}`, { retryDelays: [] }).catch(() => {})
}

function problemOf(error: Error | DetailedError): Problem {
  const response = 'originalResponse' in error ? error.originalResponse : undefined
  if (response !== undefined && response !== null) {
    let said: unknown = null
    try {
      said = JSON.parse(response.getBody())
    } catch {
      // HEAD has no body, and a proxy may speak HTML.
    }
    const status = response.getStatus()
    return status === 404 ? { ...toProblem(status, said), code: 'upload_not_found' } : toProblem(status, said)
  }
  return unreachable()
}

function idIn(url: string): string {
  return url.split('/').at(-1) ?? ''
}

/** Resolves early when it is stopped. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}

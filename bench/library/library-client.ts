// Mirror's API as the benchmark uses it, and a second client that asks small questions all the while.
import { createReadStream, openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { MirrorProcess } from '../../test/support/mirror-process.ts'
import { Durations, type Percentiles } from '../figures.ts'

export interface UploadedAsset {
  readonly id: string
  readonly status: string
  readonly sha256: string
}

/** A key may ask 100 times a second. */
const ASK_EVERY_MS = 40
const POLL_MS = 1000

export class LibraryClient {
  readonly #mirror: MirrorProcess
  readonly #signal: AbortSignal

  constructor(mirror: MirrorProcess, signal: AbortSignal) {
    this.#mirror = mirror
    this.#signal = signal
  }

  /** A form; whole files are streamed. */
  async upload(path: string): Promise<UploadedAsset> {
    const form = new FormData()
    form.append('file', await openAsBlob(path), basename(path))
    const response = await fetch(`${this.#mirror.consoleUrl}/api/v1/assets`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#mirror.apiKey}` },
      body: form,
      signal: this.#signal,
    })
    if (!response.ok) throw new Error(`an upload was answered with ${response.status}: ${await response.text()}`)
    return ((await response.json()) as { readonly asset: UploadedAsset }).asset
  }

  /** tus 1.0 in one request. */
  async uploadByTus(path: string, sizeBytes: number): Promise<void> {
    const authorization = `Bearer ${this.#mirror.apiKey}`
    const tus = { authorization, 'tus-resumable': '1.0.0' }
    const name = Buffer.from(basename(path)).toString('base64')
    const created = await fetch(`${this.#mirror.consoleUrl}/api/v1/uploads`, {
      method: 'POST',
      headers: { ...tus, 'upload-length': String(sizeBytes), 'upload-metadata': `filename ${name}` },
      signal: this.#signal,
    })
    const location = created.headers.get('location')
    if (created.status !== 201 || location === null) throw new Error(`tus: ${created.status} ${await created.text()}`)
    const sent = await fetch(new URL(location, this.#mirror.consoleUrl), {
      method: 'PATCH',
      headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
      body: Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>,
      duplex: 'half',
      signal: this.#signal,
    })
    if (sent.status !== 204) throw new Error(`tus: ${sent.status} ${await sent.text()}`)
  }

  async ready({ id }: Pick<UploadedAsset, 'id'>): Promise<void> {
    for (;;) {
      const { status } = await this.#mirror.api<UploadedAsset>('GET', `/assets/${id}`)
      if (status === 'ready') return
      if (status === 'failed') throw new Error(`asset ${id} has failed`)
      await delay(POLL_MS, undefined, { signal: this.#signal })
    }
  }

  /** Asks for a page of the list all the while; how long answers took. */
  async beside(work: () => Promise<void>): Promise<Percentiles | null> {
    const durations = new Durations()
    let isOver = false
    const asking = (async () => {
      while (!isOver) {
        const fromMs = performance.now()
        await this.#mirror.api('GET', '/assets?limit=20')
        durations.record(performance.now() - fromMs)
        await delay(ASK_EVERY_MS)
      }
    })()
    try {
      await work()
    } finally {
      isOver = true
      await asking
    }
    return durations.percentiles()
  }
}

/** `work` for all of `items`, so many at a time. */
export async function atOnce<T>(items: readonly T[], count: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  const worker = async () => {
    for (const item of waiting) await work(item)
  }
  await Promise.all(Array.from({ length: count }, worker))
}

// All files that this tab uploads: a few at once, the others wait. Lives as long as somebody is logged in, whatever page
// is open.
import type { Problem } from '../../../../src/api/system-contract.ts'
import { type ChosenFile, fingerprintOf, isUnderWay, isUnfinished, type UploadItem } from './upload-item.ts'

/** Of the six connections that a browser opens to one server, pages need some, too. */
const AT_ONCE = 3
/** Progress comes some twenty times a second and file. */
const TOLD_EVERY_MS = 250

export interface TransferNews {
  onResumed(atBytes: number): void
  onProgress(sentBytes: number): void
  /** It tries again by itself. */
  onTrouble(problem: Problem): void
  /** All bytes have arrived; with the cause if they cannot be stored yet. */
  onStoring(problem: Problem | null): void
  onKept(kept: { readonly assetId: string | null; readonly isDuplicate: boolean }): void
  onRefused(problem: Problem): void
}

/** One file on its way. After `stop` it tells nothing more; what has arrived stays where it is. */
export interface Transfer {
  stop(): void
  /** Gives it up: the server forgets what has arrived. */
  discard(): Promise<void>
}

export type OpenTransfer = (chosen: ChosenFile, news: TransferNews) => Transfer

export class UploadQueue {
  readonly #open: OpenTransfer
  /** Also of what is paused or refused: it may be given up. */
  readonly #transfers = new Map<number, Transfer>()
  readonly #listeners = new Set<() => void>()
  #items: readonly UploadItem[] = []
  #nextId = 1
  #timer: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(open: OpenTransfer) {
    this.#open = open
  }

  /** In the order in which they were chosen. */
  get items(): readonly UploadItem[] {
    return this.#items
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A file that is on its way already is not sent twice. */
  add(files: readonly ChosenFile[]): void {
    const known = new Set(this.#items.filter(isUnfinished).map(fingerprintOf))
    const fresh = files.filter((chosen) => {
      const fingerprint = fingerprintOf(chosen)
      if (known.has(fingerprint)) return false
      known.add(fingerprint)
      return true
    })
    this.#items = [
      ...this.#items,
      ...fresh.map(
        (chosen): UploadItem => ({
          ...chosen,
          id: this.#nextId++,
          state: 'waiting',
          ...{ sentBytes: 0, resumedAtBytes: 0, problem: null, assetId: null, isDuplicate: false },
        }),
      ),
    ]
    this.#fill()
    this.#tell()
  }

  pause(id: number): void {
    this.#stop(id)
    this.#change(id, (item) => (isUnfinished(item) && item.state !== 'storing' ? { state: 'paused' } : {}))
  }

  /** Goes on with what was paused, and tries again what was refused or waits for its next attempt. */
  resume(id: number): void {
    this.#stop(id)
    this.#change(id, ({ state }) => (state === 'done' ? {} : { state: 'waiting', problem: null }))
  }

  /** Takes it off the list; what has not become an asset is given up. */
  async remove(id: number): Promise<void> {
    const item = this.#items.find((each) => each.id === id)
    const transfer = this.#transfers.get(id)
    this.#transfers.delete(id)
    transfer?.stop()
    this.#items = this.#items.filter((each) => each.id !== id)
    this.#fill()
    this.#tell()
    if (item?.state !== 'done') await transfer?.discard()
  }

  pauseAll(): void {
    for (const { id, state } of this.#items) if (state !== 'storing') this.pause(id)
  }

  resumeAll(): void {
    for (const { id, state } of this.#items) if (state === 'paused' || state === 'retrying') this.resume(id)
  }

  /** The server is known to be there: nobody waits for the next attempt. */
  retryNow(): void {
    for (const { id, state } of this.#items) if (state === 'retrying') this.resume(id)
  }

  clearFinished(): void {
    this.#items = this.#items.filter(isUnfinished)
    this.#tell()
  }

  /** Nothing is given up: what has arrived can be gone on with. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const transfer of this.#transfers.values()) transfer.stop()
    this.#transfers.clear()
  }

  #fill(): void {
    if (this.#isClosed) return
    const places = AT_ONCE - this.#items.filter(isUnderWay).length
    for (const { id, file, folder } of this.#items.filter(({ state }) => state === 'waiting').slice(0, places)) {
      this.#set(id, { state: 'sending' })
      this.#transfers.set(id, this.#open({ file, folder }, this.#newsOf(id)))
    }
  }

  #newsOf(id: number): TransferNews {
    return {
      onResumed: (atBytes) => this.#change(id, () => ({ resumedAtBytes: atBytes, sentBytes: atBytes })),
      onProgress: (sentBytes) => {
        const { state } = this.#items.find((each) => each.id === id) ?? {}
        if (state === 'retrying') this.#change(id, () => ({ state: 'sending', problem: null, sentBytes }))
        else {
          this.#set(id, { sentBytes })
          this.#timer ??= setTimeout(() => this.#tell(), TOLD_EVERY_MS)
        }
      },
      onTrouble: (problem) => this.#change(id, () => ({ state: 'retrying', problem })),
      onStoring: (problem) => this.#change(id, ({ file }) => ({ state: 'storing', problem, sentBytes: file.size })),
      onKept: ({ assetId, isDuplicate }) => {
        this.#transfers.delete(id)
        const end = { state: 'done', problem: null, assetId, isDuplicate } as const
        this.#change(id, ({ file }) => ({ ...end, sentBytes: file.size }))
      },
      onRefused: (problem) => this.#change(id, () => ({ state: 'refused', problem })),
    }
  }

  #stop(id: number): void {
    this.#transfers.get(id)?.stop()
  }

  #change(id: number, change: (item: UploadItem) => Partial<UploadItem>): void {
    const item = this.#items.find((each) => each.id === id)
    if (item === undefined) return
    this.#set(id, change(item))
    this.#fill()
    this.#tell()
  }

  #set(id: number, change: Partial<UploadItem>): void {
    this.#items = this.#items.map((item) => (item.id === id ? { ...item, ...change } : item))
  }

  #tell(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const listener of this.#listeners) listener()
  }
}

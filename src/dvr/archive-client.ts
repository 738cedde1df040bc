// An origin thread's end of the questions to the archive thread.
import { afterRunning, type RunningTimer } from '../core/running-time.ts'
import type { ArchiveAnswer, ArchiveRequest } from './archive-requests.ts'

const TIMEOUT_MS = 8000
/** Questions that may wait at once in one origin thread. */
const MAX_WAITING = 2000

const BUSY: ArchiveAnswer = { kind: 'failed', code: 'origin_unavailable', message: 'too many questions to the archive' }
const LATE: ArchiveAnswer = { kind: 'failed', code: 'origin_unavailable', message: 'the archive does not answer' }

const GONE: ArchiveAnswer = { kind: 'failed', code: 'origin_unavailable', message: 'nobody waits for it any more' }

export class ArchiveClient {
  readonly #send: (requestId: number, request: ArchiveRequest) => void
  readonly #cancel: (requestId: number) => void
  readonly #waiting = new Map<number, { resolve(answer: ArchiveAnswer): void; readonly timer: RunningTimer }>()
  #nextId = 1

  /** `cancel`: the answer is of no use any more. */
  constructor(send: (requestId: number, request: ArchiveRequest) => void, cancel: (requestId: number) => void) {
    this.#send = send
    this.#cancel = cancel
  }

  /** Never rejects; what is not answered in time has failed, and so has what nobody waits for any more (`signal`). */
  async ask(
    request: ArchiveRequest,
    { timeoutMs = TIMEOUT_MS, signal }: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<ArchiveAnswer> {
    if (signal?.aborted === true) return GONE
    if (this.#waiting.size >= MAX_WAITING) return BUSY
    const id = this.#nextId++
    const { promise, resolve } = Promise.withResolvers<ArchiveAnswer>()
    const giveUp = (answer: ArchiveAnswer) => {
      this.#cancel(id)
      this.onAnswer(id, answer)
    }
    const timer = afterRunning(timeoutMs, () => giveUp(LATE))
    const onAbort = () => giveUp(GONE)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiting.set(id, { resolve, timer })
    this.#send(id, request)
    try {
      return await promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  onAnswer(requestId: number, answer: ArchiveAnswer): void {
    const waiting = this.#waiting.get(requestId)
    if (waiting === undefined) return
    waiting.timer.cancel()
    this.#waiting.delete(requestId)
    waiting.resolve(answer)
  }

  /** The archive thread died: what it was asked will not be answered. */
  onLost(): void {
    for (const id of [...this.#waiting.keys()]) this.onAnswer(id, LATE)
  }
}

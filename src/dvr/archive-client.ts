// An origin thread's end of the questions to the archive thread.
import type { ArchiveAnswer, ArchiveRequest } from './archive-requests.ts'

const TIMEOUT_MS = 8000
/** Questions that may wait at once in one origin thread. */
const MAX_WAITING = 2000

const BUSY: ArchiveAnswer = { kind: 'failed', code: 'origin_unavailable', message: 'too many questions to the archive' }
const LATE: ArchiveAnswer = { kind: 'failed', code: 'origin_unavailable', message: 'the archive does not answer' }

export class ArchiveClient {
  readonly #send: (requestId: number, request: ArchiveRequest) => void
  readonly #waiting = new Map<number, { resolve(answer: ArchiveAnswer): void; readonly timer: NodeJS.Timeout }>()
  #nextId = 1

  constructor(send: (requestId: number, request: ArchiveRequest) => void) {
    this.#send = send
  }

  /** Never rejects; what is not answered in time has failed. */
  ask(request: ArchiveRequest, timeoutMs = TIMEOUT_MS): Promise<ArchiveAnswer> {
    if (this.#waiting.size >= MAX_WAITING) return Promise.resolve(BUSY)
    const id = this.#nextId++
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.onAnswer(id, LATE), timeoutMs)
      this.#waiting.set(id, { resolve, timer })
      this.#send(id, request)
    })
  }

  onAnswer(requestId: number, answer: ArchiveAnswer): void {
    const waiting = this.#waiting.get(requestId)
    if (waiting === undefined) return
    clearTimeout(waiting.timer)
    this.#waiting.delete(requestId)
    waiting.resolve(answer)
  }

  /** The archive thread died: what it was asked will not be answered. */
  onLost(): void {
    for (const id of [...this.#waiting.keys()]) this.onAnswer(id, LATE)
  }
}

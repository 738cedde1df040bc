// One worker thread with an owner: started, watched, restarted by name when it dies.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { MirrorError } from '../../core/errors.ts'
import type { FromThread, ToThread } from './messages.ts'

/** Threads run the sources in a clone and compiled code in the package. */
export function threadFile(name: 'media-worker' | 'ingest-thread' | 'archive-thread'): URL {
  return new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
}

export interface WorkerThreadOptions {
  readonly file: URL
  readonly data: unknown
  readonly onMessage: (message: FromThread) => void
  /** The thread ended without having been asked to. */
  readonly onDeath: (cause: Error) => void
}

const READY_TIMEOUT_MS = 30_000
const DRAIN_TIMEOUT_MS = 3_500

export class WorkerThread {
  readonly #worker: Worker
  readonly #options: WorkerThreadOptions
  #isStopping = false
  #ready: { resolve(message: Extract<FromThread, { kind: 'ready' }>): void; reject(error: Error): void } | null = null
  #cause: Error | null = null

  constructor(options: WorkerThreadOptions) {
    this.#options = options
    this.#worker = new Worker(options.file, { workerData: options.data })
    this.#worker.on('message', (message: FromThread) => this.#onMessage(message))
    this.#worker.on('error', (error) => {
      this.#cause = error instanceof Error ? error : new Error(String(error))
    })
    this.#worker.on('exit', (code) => this.#onExit(code))
  }

  /** Resolves once the thread listens. Rejects with what it failed with. */
  ready(): Promise<Extract<FromThread, { kind: 'ready' }>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new MirrorError('internal', 'a worker thread did not start in time')),
        READY_TIMEOUT_MS,
      )
      this.#ready = {
        resolve: (message) => {
          clearTimeout(timer)
          resolve(message)
        },
        reject: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      }
    })
  }

  post(message: ToThread): void {
    this.#worker.postMessage(message, message.kind === 'peer' ? [message.port] : [])
  }

  /** Lets the thread finish, then ends it. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const exited = once(this.#worker, 'exit')
    this.post({ kind: 'drain' })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DRAIN_TIMEOUT_MS)
    })
    await Promise.race([exited, late])
    clearTimeout(timer)
    await this.#worker.terminate()
  }

  /** Ends the thread at once, as a crash would. */
  async kill(): Promise<void> {
    await this.#worker.terminate()
  }

  #onMessage(message: FromThread): void {
    if (message.kind === 'ready') this.#ready?.resolve(message)
    else if (message.kind === 'failed') {
      const error = new MirrorError(message.code, message.message)
      this.#cause = error
      this.#ready?.reject(error)
    } else this.#options.onMessage(message)
  }

  #onExit(code: number): void {
    const cause = this.#cause ?? new Error(`the thread exited with code ${code}`)
    this.#ready?.reject(cause)
    if (!this.#isStopping) this.#options.onDeath(cause)
  }
}

import { type ChildExit, describeExit } from '../../../core/child-process.ts'
import { MirrorError, toMirrorError } from '../../../core/errors.ts'
import { type RetryDelay, retryDelayMs } from '../../../core/retry-delay.ts'
import type { SrtRegistryEntry } from './admission.ts'
import { SrtChildLink, type SrtChildLinkOptions } from './srt-child-link.ts'

const RESTART: RetryDelay = { minMs: 100, maxMs: 5_000 }
/** A child that lived this long is not part of a crash loop. */
const STABLE_AFTER_MS = 30_000

export interface SrtListenerOptions extends SrtChildLinkOptions {
  /** UDP port; 0 lets the system choose. */
  readonly port: number
  /** In [0, 1), for the jitter of restarts. */
  readonly random: () => number
  /** Known from the first caller on. */
  readonly streams: readonly SrtRegistryEntry[]
  /** The child died or cannot be restarted; null when it listens again. */
  readonly onProblem: (problem: MirrorError | null) => void
}

export interface SrtListener extends AsyncDisposable {
  readonly port: number
  /** Name of the libsrt in use. */
  readonly library: string
  /** The whole truth about who may publish what; replaces the previous one. */
  setRegistry(streams: readonly SrtRegistryEntry[], otherPublishers: number): void
  /** Resolves when the child knows the registry; at once while there is none. */
  synced(): Promise<void>
}

/**
 * Takes SRT publishers of all streams on one UDP port. libsrt runs in a child process, which is restarted when it dies.
 * Rejects with `srt_library_missing` or `port_taken`.
 */
export async function startSrtListener(options: SrtListenerOptions): Promise<SrtListener> {
  const listener = new RunningSrtListener(options)
  await listener.start()
  return listener
}

class RunningSrtListener implements SrtListener {
  readonly #options: SrtListenerOptions
  readonly #stopping = new AbortController()
  #child: SrtChildLink | null = null
  #registry: readonly SrtRegistryEntry[]
  #otherPublishers = 0
  #port: number
  #library = ''
  #failedStarts = 0
  #restartTimer: NodeJS.Timeout | null = null

  constructor(options: SrtListenerOptions) {
    this.#options = options
    this.#registry = options.streams
    this.#port = options.port
  }

  get port(): number {
    return this.#port
  }

  get library(): string {
    return this.#library
  }

  async start(): Promise<void> {
    const link = await SrtChildLink.start(this.#options, this.#port, this.#registry, this.#stopping.signal)
    this.#child = link
    this.#port = link.port
    this.#library = link.library
    // The registry may have changed while the child was starting.
    link.send({ kind: 'registry', streams: this.#registry, otherPublishers: this.#otherPublishers })
    const startedAtMs = performance.now()
    void link.ended.then((exit) => this.#onChildEnded(exit, performance.now() - startedAtMs))
  }

  setRegistry(streams: readonly SrtRegistryEntry[], otherPublishers: number): void {
    this.#registry = streams
    this.#otherPublishers = otherPublishers
    this.#child?.send({ kind: 'registry', streams, otherPublishers })
  }

  async synced(): Promise<void> {
    await this.#child?.synced()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer)
    await this.#child?.stop()
  }

  #onChildEnded(exit: ChildExit, livedMs: number): void {
    this.#child = null
    if (this.#stopping.signal.aborted) return
    if (livedMs > STABLE_AFTER_MS) this.#failedStarts = 0
    const problem = new MirrorError('internal', `The SRT receiver died (${describeExit(exit)}) and is restarted.`)
    this.#options.log.error('the SRT receiver died', { how: describeExit(exit) })
    this.#options.onProblem(problem)
    this.#restartLater()
  }

  #restartLater(): void {
    const delayMs = retryDelayMs(this.#failedStarts++, RESTART, this.#options.random)
    this.#restartTimer = setTimeout(() => {
      this.start().then(
        () => {
          this.#options.log.info('the SRT receiver listens again', { port: this.#port })
          this.#options.onProblem(null)
        },
        (error: unknown) => {
          if (this.#stopping.signal.aborted) return
          this.#options.onProblem(toMirrorError(error))
          this.#restartLater()
        },
      )
    }, delayMs)
  }
}

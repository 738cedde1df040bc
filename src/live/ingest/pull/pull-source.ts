// Fetches a source with an ffmpeg child, and begins again, ever more patiently, whenever it ends.
import { type Child, describeExit, type Spawn, startChild } from '../../../core/child-process.ts'
import { type ErrorCode, MirrorError, toMirrorError } from '../../../core/errors.ts'
import type { PullInputConfig } from '../../settings.ts'
import { Backoff, type ConfiguredInputHost, type RunningInput } from '../configured-input.ts'
import type { GateInput } from '../protocol.ts'
import { pullArgs } from './pull-command.ts'
import { maskSecretsOf, maskUrl, parsePullUrl, secretsOf } from './pull-url.ts'

const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 30_000
/** A source that ran this long is a good one: its next failure is tried again at once. */
const GOOD_RUN_MS = 10_000
/** An ffmpeg that hands out nothing for this long is replaced; longer than its own timeouts. */
const STALL_MS = 20_000
const STOP_GRACE_MS = 1_000
/** The same failure is told again at most this often. */
const REPEAT_WARNING_MS = 300_000

export interface PullSourceOptions {
  readonly config: PullInputConfig
  readonly host: ConfiguredInputHost
  readonly ffmpegPath: string
  readonly spawn: Spawn
}

export class PullSource implements RunningInput {
  readonly #options: PullSourceOptions
  readonly #host: ConfiguredInputHost
  readonly #backoff: Backoff
  readonly #stop = new AbortController()
  /** Aborted to begin again at once. */
  #run = new AbortController()
  readonly #done: Promise<void>
  #status = ''
  #warned = { code: '', atMs: Number.NEGATIVE_INFINITY }

  constructor(options: PullSourceOptions) {
    this.#options = options
    this.#host = options.host
    this.#backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS, options.host.random)
    this.#setStatus('configured', null)
    this.#done = options.config.isEnabled ? this.#runForever() : Promise.resolve()
  }

  restart(): void {
    this.#backoff.reset()
    this.#run.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#run.abort()
    await this.#done
  }

  async #runForever(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#run = new AbortController()
      const { signal } = this.#run
      const startedAtMs = performance.now()
      await this.#runOnce(signal)
      if (performance.now() - startedAtMs > GOOD_RUN_MS) this.#backoff.reset()
      await pause(this.#backoff.nextMs(), signal)
    }
  }

  /** Never rejects: whatever ended the source is told here. */
  async #runOnce(signal: AbortSignal): Promise<void> {
    try {
      await using child = await this.#spawn(signal)
      await this.#pump(child, signal)
    } catch (error) {
      if (!signal.aborted) this.#fail(toMirrorError(error))
    }
    if (signal.aborted) this.#setStatus('configured', null)
  }

  #spawn(signal: AbortSignal): Promise<Child> {
    const { config, ffmpegPath, spawn } = this.#options
    const parsed = parsePullUrl(config.url)
    if (parsed === null) throw new MirrorError('invalid_request', 'This address cannot be pulled')
    const args = pullArgs(parsed, config.url)
    const secrets = secretsOf(config.url)
    const { log } = this.#host
    return startChild({ command: ffmpegPath, args, spawn, log, signal, secrets, graceMs: STOP_GRACE_MS }).catch(
      (cause: unknown) => {
        const isMissing = ['ENOENT', 'ENOTDIR', 'EACCES'].includes(String((cause as NodeJS.ErrnoException).code))
        throw isMissing ? new MirrorError('ffmpeg_missing', `"${ffmpegPath}" was not found`, { cause }) : cause
      },
    )
  }

  async #pump(child: Child, signal: AbortSignal): Promise<void> {
    const pumping = new Pumping(child)
    try {
      for await (const chunk of child.stdout ?? []) {
        if (signal.aborted) break
        pumping.onBytes()
        if (pumping.input === null) {
          await pumping.open(this.#host, signal)
          this.#setStatus('receiving', null)
        }
        await pumping.write(chunk as Uint8Array)
        if (pumping.endedBy !== null) break
      }
    } catch (error) {
      // stop() closes the pipe under the loop; that is no news.
      if (error instanceof MirrorError) throw error
    } finally {
      pumping.stopWatching()
    }
    // With its output at its end ffmpeg ends by itself; one that was given up is ended.
    const exit = await (pumping.mustStop ? child.stop() : exitOf(child))
    if (pumping.endedBy !== null) throw new MirrorError('input_ended', pumping.endedBy)
    if (signal.aborted) {
      pumping.input?.close(null)
      return
    }
    const reason = pumping.hasStalled
      ? `nothing came for ${STALL_MS / 1000} s`
      : maskSecretsOf(this.#options.config.url, withoutContext(describeExit(exit)))
    const failure = new MirrorError('input_source_failed', reason)
    if (pumping.input === null) throw failure
    // The owner tells of the end of an input that it had.
    pumping.input.close({ code: failure.code, message: `The source ended: ${reason}` })
    this.#setStatus('failing', `The source ended: ${reason}`)
  }

  #fail({ code, message }: MirrorError): void {
    const { id, url } = this.#options.config
    const told = maskSecretsOf(url, message)
    this.#setStatus('failing', told)
    // Waiting for another publisher, and being ended by the owner, are told elsewhere or nothing to worry about.
    if (code === 'stream_busy' || code === 'input_ended') return
    const nowMs = performance.now()
    if (this.#warned.code === code && nowMs - this.#warned.atMs < REPEAT_WARNING_MS) return
    this.#warned = { code, atMs: nowMs }
    this.#host.warn(code satisfies ErrorCode, `Input ${id} (${maskUrl(url)}) cannot be pulled: ${told}`, {
      inputId: id,
    })
  }

  #setStatus(state: 'configured' | 'receiving' | 'failing', error: string | null): void {
    const status = `${state} ${error}`
    if (this.#stop.signal.aborted || status === this.#status) return
    this.#status = status
    if (state === 'receiving') this.#warned = { code: '', atMs: Number.NEGATIVE_INFINITY }
    this.#host.onStatus({ state, error })
  }
}

/** One run of ffmpeg: its gate input, its backpressure and the watch over its silence. */
class Pumping {
  input: GateInput | null = null
  endedBy: string | null = null
  hasStalled = false
  readonly #child: Child
  #stallTimer: NodeJS.Timeout
  #hasExited = false
  #release: () => void = () => {}

  constructor(child: Child) {
    this.#child = child
    this.#stallTimer = this.#watch()
    void child.exited.then(() => {
      this.#hasExited = true
      this.#release()
    })
  }

  get mustStop(): boolean {
    return this.hasStalled || this.endedBy !== null
  }

  onBytes(): void {
    clearTimeout(this.#stallTimer)
    this.#stallTimer = this.#watch()
  }

  async open(host: ConfiguredInputHost, signal: AbortSignal): Promise<void> {
    const asked = {
      streamId: host.streamId,
      protocol: 'pull',
      container: 'ts',
      trackId: null,
      sourceId: host.inputId,
    } as const
    const input = await host.gate.open(asked, signal)
    this.input = input
    input.onDrain = () => this.#release()
    input.onEnded = (fault) => {
      this.endedBy = fault.message
      this.#release()
      void this.#child.stop()
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    // The pipe's buffers are shared among chunks; what is written is transferred away.
    if (this.input?.write(new Uint8Array(chunk)) !== false || this.endedBy !== null) return
    // The silence of a child that is held back is not its own.
    clearTimeout(this.#stallTimer)
    await new Promise<void>((resolve) => {
      this.#release = resolve
      if (this.#hasExited) resolve()
    })
    this.onBytes()
  }

  stopWatching(): void {
    clearTimeout(this.#stallTimer)
  }

  #watch(): NodeJS.Timeout {
    return setTimeout(() => {
      this.hasStalled = true
      void this.#child.stop()
    }, STALL_MS)
  }
}

/** ffmpeg begins its lines with the name and memory address of what speaks, which means nothing to a reader. */
function withoutContext(text: string): string {
  return text.replace(/\[[^\]@]+@ 0x[0-9a-f]+\] /g, '')
}

async function exitOf(child: Child): ReturnType<Child['stop']> {
  const timer = setTimeout(() => void child.stop(), STOP_GRACE_MS)
  const exit = await child.exited
  clearTimeout(timer)
  return exit
}

/** Ends early, without a fault, when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal.addEventListener('abort', finish, { once: true })
  })
}

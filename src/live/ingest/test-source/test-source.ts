import { type Child, describeExit, type Spawn, startChild } from '../../../core/child-process.ts'
import { MirrorError, toMirrorError } from '../../../core/errors.ts'
import type { Log } from '../../../core/log.ts'
import type { GateInput, InputFault, InputGate } from '../protocol.ts'
import { DEFAULT_TEST_SOURCE, type TestSourceSettings, testSourceArgs } from './test-source-command.ts'

/** From start to the first bytes; about 0.2 s on an idle machine. */
const FIRST_BYTES_TIMEOUT_MS = 10_000
const STOP_GRACE_MS = 500
/** It must not take the CPU from real streams. */
const NICENESS = 5

export interface TestSourceOptions {
  readonly streamId: string
  readonly gate: InputGate
  readonly ffmpegPath: string
  readonly spawn: Spawn
  readonly log: Log
  /** Aborting it stops the test source. */
  readonly signal: AbortSignal
  readonly settings?: TestSourceSettings
}

/** Disposing it ends ffmpeg and closes the input as a publisher that said goodbye. */
export interface TestSource extends AsyncDisposable {
  readonly streamId: string
  /** Resolves once: null after a stop, else what ended it (ffmpeg died, or the stream's owner ended the input). */
  readonly ended: Promise<InputFault | null>
}

/**
 * Feeds a stream with the test picture. Resolves when its first bytes are on the way. Rejects with `ffmpeg_missing`,
 * `test_source_failed`, or the gate's refusal. It does not restart by itself.
 */
export async function startTestSource(options: TestSourceOptions): Promise<TestSource> {
  options.signal.throwIfAborted()
  const { streamId } = options
  const input = await options.gate.open(
    { streamId, protocol: 'test', container: 'fmp4', trackId: null },
    options.signal,
  )
  try {
    const settings = options.settings ?? DEFAULT_TEST_SOURCE
    return await startFfmpeg(options, settings, input)
  } catch (error) {
    const failure = toMirrorError(error)
    input.close({ code: failure.code, message: failure.message })
    throw failure
  }
}

async function startFfmpeg(
  options: TestSourceOptions,
  settings: TestSourceSettings,
  input: GateInput,
): Promise<TestSource> {
  const child = await spawnFfmpeg(options, settings)
  const running = new RunningTestSource(options.streamId, input, child, options.signal)
  const start = await running.started
  if (start === 'running') return running
  // A build without drawtext, or a machine without any font, fails before the first byte.
  if (settings.withText && start === 'exited' && /drawtext|fontconfig|font/i.test(child.stderrTail())) {
    options.log.warn('the test source runs without its clock: this ffmpeg cannot draw text', {
      reason: child.stderrTail().trim().split('\n').at(0),
    })
    return startFfmpeg(options, { ...settings, withText: false }, input)
  }
  const exit = await child.stop()
  const how = start === 'exited' ? describeExit(exit) : `no output within ${FIRST_BYTES_TIMEOUT_MS / 1000} s`
  throw new MirrorError('test_source_failed', `The test source could not be started: ${how}`)
}

async function spawnFfmpeg(options: TestSourceOptions, settings: TestSourceSettings): Promise<Child> {
  const { ffmpegPath: command, spawn, log, signal } = options
  try {
    const args = testSourceArgs(settings)
    return await startChild({ command, args, spawn, log, signal, graceMs: STOP_GRACE_MS, niceness: NICENESS })
  } catch (cause) {
    throw isMissing(cause) ? ffmpegMissing(command, cause) : cause
  }
}

/** Null when ffmpeg can be started, else what a test source would say. */
export async function checkFfmpeg({
  ffmpegPath: command,
  spawn,
  log,
  signal,
}: Pick<TestSourceOptions, 'ffmpegPath' | 'spawn' | 'log' | 'signal'>): Promise<MirrorError | null> {
  try {
    await startChild({ command, args: ['-version'], spawn, log, signal, stdout: 'ignore' })
    return null
  } catch (cause) {
    return isMissing(cause) ? ffmpegMissing(command, cause) : toMirrorError(cause)
  }
}

function ffmpegMissing(command: string, cause: unknown): MirrorError {
  return new MirrorError('ffmpeg_missing', `The test source needs ffmpeg, and "${command}" was not found.`, { cause })
}

/** There is nothing at that path, or nothing that can be run. */
function isMissing(cause: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EACCES'].includes(String((cause as NodeJS.ErrnoException).code))
}

class RunningTestSource implements TestSource {
  readonly streamId: string
  readonly ended: Promise<InputFault | null>
  /** `late`: it runs but has not produced anything. */
  readonly started: Promise<'running' | 'exited' | 'late'>
  readonly #input: GateInput
  readonly #child: Child
  readonly #signal: AbortSignal
  #hasStarted = false
  #isStopping = false
  #endedBy: InputFault | null = null
  #drained: () => void = () => {}

  constructor(streamId: string, input: GateInput, child: Child, signal: AbortSignal) {
    this.streamId = streamId
    this.#input = input
    this.#child = child
    this.#signal = signal
    let onFirstBytes = (): void => {}
    this.started = new Promise((resolve) => {
      const timer = setTimeout(() => resolve('late'), FIRST_BYTES_TIMEOUT_MS)
      const settle = (start: 'running' | 'exited'): void => {
        clearTimeout(timer)
        resolve(start)
      }
      onFirstBytes = () => settle('running')
      void child.exited.then(() => settle('exited'))
    })
    input.onDrain = () => this.#drained()
    input.onEnded = (fault) => {
      this.#endedBy = fault
      void this.#stopChild()
    }
    this.ended = this.#pump(onFirstBytes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stopChild()
    await this.ended
  }

  #stopChild(): Promise<unknown> {
    this.#isStopping = true
    this.#drained()
    return this.#child.stop()
  }

  async #pump(onFirstBytes: () => void): Promise<InputFault | null> {
    try {
      for await (const chunk of this.#child.stdout ?? []) {
        if (this.#isStopping) break
        // The pipe's buffers are shared among chunks; what is written is transferred away.
        const hasRoom = this.#input.write(new Uint8Array(chunk as Uint8Array))
        if (!this.#hasStarted) onFirstBytes()
        this.#hasStarted = true
        if (!hasRoom) await this.#untilDrained()
      }
    } catch {
      // stop() closes the pipe under the loop; every other end of the pipe is ffmpeg's own, told below.
    }
    return this.#end()
  }

  #untilDrained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve
      if (this.#isStopping) resolve()
    })
  }

  async #end(): Promise<InputFault | null> {
    // With its output gone ffmpeg ends by itself, normally at once.
    const stopTimer = setTimeout(() => void this.#child.stop(), STOP_GRACE_MS)
    const exit = await this.#child.exited
    clearTimeout(stopTimer)
    // Failed starts are told by startTestSource, which may try once more with the same input.
    if (!this.#hasStarted) return null
    if (this.#endedBy !== null) return this.#endedBy
    const isStopped = this.#isStopping || this.#signal.aborted
    const fault: InputFault | null = isStopped
      ? null
      : { code: 'test_source_failed', message: `The test source's ffmpeg ended: ${describeExit(exit)}` }
    this.#input.close(fault)
    return fault
  }
}

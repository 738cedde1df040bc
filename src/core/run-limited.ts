// Runs a program that reads untrusted media to its end, and says in one way how it went wrong.
import type { Writable } from 'node:stream'
import { type Child, describeExit, type Spawn, startChild } from './child-process.ts'
import { MirrorError } from './errors.ts'
import { isProgramMissing, limitedCommand, type ResourceLimits } from './limited-command.ts'
import type { Log } from './log.ts'

/** Whoever waits for it waits for media threads, which have no time to lose. */
const NICENESS = 15

export interface RunLimits extends ResourceLimits {
  readonly wallMs: number
  /** Most that it may write to stdout. */
  readonly outputBytes: number
}

export interface LimitedHost {
  readonly spawn: Spawn
  readonly log: Log
}

export interface LimitedRun {
  /** Program and arguments. */
  readonly program: readonly string[]
  readonly limits: RunLimits
  /** Goes to its stdin, as fast as it reads; what it does not read is left. */
  readonly input?: AsyncIterable<Uint8Array>
  /** Told every piece of its stdout; the piece is its own. The next one waits for a promise, and the child with it. */
  readonly onOutput: (chunk: Uint8Array) => unknown
}

export interface LimitedExit {
  readonly code: number
  /** The newest of its stderr, at most 8 KiB. */
  readonly stderrTail: string
}

/**
 * Resolves when it has ended by itself, with whatever code. Rejects with
 * - `processing_timeout` when it took more time, on the wall or of the CPU, than it may,
 * - `processing_died` when something else ended it, for example for its memory,
 * - `content_too_large` when it writes more than it may,
 * - `ffmpeg_missing` when the program is not there,
 * - the signal's reason after an abort, or what the input throws; then it is gone as well.
 */
export async function runLimited(run: LimitedRun, host: LimitedHost, signal: AbortSignal): Promise<LimitedExit> {
  const { limits } = run
  const [name = ''] = run.program
  const stop = new AbortController()
  const stopping = AbortSignal.any([signal, stop.signal])
  const timer = setTimeout(() => stop.abort(tooLong(name, `${limits.wallMs / 1000} s`)), limits.wallMs)
  try {
    await using child = await startChild({
      ...limitedCommand(run.program, limits),
      spawn: host.spawn,
      log: host.log,
      signal: stopping,
      stdin: run.input === undefined ? 'ignore' : 'pipe',
      niceness: NICENESS,
      graceMs: 500,
    })
    const fed = feed(run.input, child.stdin, (error) => stop.abort(error))
    await readOutput(child, run, stop)
    const exit = await child.exited
    await fed
    stopping.throwIfAborted()
    if (isProgramMissing(exit.code)) throw new MirrorError('ffmpeg_missing', `"${name}" was not found`)
    // ffmpeg catches SIGXCPU to end in order; other programs just end.
    if (exit.signal === 'SIGXCPU' || /received signal 24\b/.test(exit.stderrTail)) {
      throw tooLong(name, `${limits.cpuSec} s of CPU time`)
    }
    if (exit.signal === 'SIGXFSZ') {
      throw new MirrorError('content_too_large', `${name} wrote a file of more than ${limits.fileBytes} bytes`)
    }
    if (exit.code === null) throw new MirrorError('processing_died', `${name} ended: ${describeExit(exit)}`)
    return { code: exit.code, stderrTail: exit.stderrTail }
  } catch (error) {
    // A pipe that was closed under its reader is no news; what it was closed for is.
    stopping.throwIfAborted()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function tooLong(name: string, limit: string): MirrorError {
  return new MirrorError('processing_timeout', `${name} took longer than ${limit}`)
}

async function readOutput(child: Child, { onOutput, limits, program }: LimitedRun, stop: AbortController) {
  let sizeBytes = 0
  try {
    for await (const chunk of child.stdout ?? []) {
      const bytes = chunk as Uint8Array
      sizeBytes += bytes.length
      if (sizeBytes > limits.outputBytes) {
        throw new MirrorError('content_too_large', `${program[0]} wrote more than ${limits.outputBytes} bytes`)
      }
      const taken = onOutput(bytes)
      if (taken instanceof Promise) await taken
    }
  } catch (error) {
    stop.abort(error)
  }
}

/** Never rejects: what the input throws goes to `onError`; that the child stopped reading is not an error. */
async function feed(
  input: AsyncIterable<Uint8Array> | undefined,
  stdin: Writable | null,
  onError: (error: unknown) => void,
): Promise<void> {
  if (input === undefined || stdin === null) return
  const closed = new Promise<void>((resolve) => stdin.once('close', resolve))
  try {
    for await (const chunk of input) {
      if (stdin.destroyed) return
      if (!stdin.write(chunk)) await Promise.race([new Promise((resolve) => stdin.once('drain', resolve)), closed])
    }
    stdin.end()
  } catch (error) {
    onError(error)
  }
}

import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { setPriority } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import type { Log } from './log.ts'

/** `spawn` of node:child_process, as a parameter. */
export type Spawn = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess

/** How much of the end of stderr is kept for error messages. */
export const MAX_STDERR_TAIL_BYTES = 8 * 1024
const DEFAULT_GRACE_MS = 2_000
/** A grandchild may hold the pipes open after the child's exit; its last words are not waited for longer than this. */
const PIPE_CLOSE_WAIT_MS = 250
/** Descriptor of the extra pipe in the child. */
export const DATA_PIPE_FD = 3

export interface StartChildOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly spawn: Spawn
  readonly log: Log
  /** Aborting it stops the child (TERM, grace, KILL). */
  readonly signal: AbortSignal
  /** Texts that must not appear in the log, such as stream keys. */
  readonly secrets?: readonly string[]
  readonly stdin?: 'ignore' | 'pipe'
  /** `ignore` for a child that talks over another channel. */
  readonly stdout?: 'ignore' | 'pipe'
  /** Opens descriptor 3 of the child as a pipe to `dataPipe`. */
  readonly dataPipe?: boolean
  /** Gives the child a channel for JSON messages (`process.send` in a Node child). */
  readonly messages?: boolean
  /** 0 (normal) to 19 (only when nobody else wants the CPU). */
  readonly niceness?: number
  /** From TERM to KILL. */
  readonly graceMs?: number
}

export interface ChildExit {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly signal: string | null
  /** The newest at most MAX_STDERR_TAIL_BYTES of its stderr. */
  readonly stderrTail: string
}

/** A running child. Disposing it is stopping it. */
export interface Child extends AsyncDisposable {
  readonly pid: number
  /** Read it with `for await`: the child blocks while nobody reads. Null when ignored. */
  readonly stdout: Readable | null
  readonly stdin: Writable | null
  readonly dataPipe: Readable | null
  /** Resolves once, whatever ended the child; never rejects. */
  readonly exited: Promise<ChildExit>
  stderrTail(): string
  /** Does nothing when the channel is closed. */
  send(message: object): void
  /** Set by the owner in the same turn that received the child. */
  onMessage: (message: unknown) => void
  /** TERM, grace, KILL; resolves when it is gone. Idempotent. */
  stop(): Promise<ChildExit>
}

/**
 * Starts a child process and resolves when it runs. Rejects with Node's own error (ENOENT, EACCES) when it cannot be
 * started, so that the caller can name what is missing.
 *
 * The child leads its own process group: Ctrl-C in the terminal reaches Mirror alone, which then stops its children in
 * order. If Mirror itself is killed, the children notice closed pipes.
 */
export async function startChild(options: StartChildOptions): Promise<Child> {
  options.signal.throwIfAborted()
  options.log.debug('starting a child process', {
    command: renderCommand(options.command, options.args, options.secrets ?? []),
  })
  const process = options.spawn(options.command, options.args, {
    detached: true,
    stdio: [
      options.stdin ?? 'ignore',
      options.stdout ?? 'pipe',
      'pipe',
      options.dataPipe === true ? 'pipe' : 'ignore',
      ...(options.messages === true ? (['ipc'] as const) : []),
    ],
  })
  const child = new RunningChild(process, options)
  await child.started
  return child
}

class RunningChild implements Child {
  readonly started: Promise<void>
  readonly exited: Promise<ChildExit>
  readonly stdout: Readable | null
  readonly stdin: Writable | null
  readonly dataPipe: Readable | null
  onMessage: (message: unknown) => void = () => {}
  readonly #process: ChildProcess
  readonly #graceMs: number
  readonly #tail = new TextTail(MAX_STDERR_TAIL_BYTES)
  #killTimer: NodeJS.Timeout | null = null
  #hasExited = false

  constructor(process: ChildProcess, options: StartChildOptions) {
    this.#process = process
    this.#graceMs = options.graceMs ?? DEFAULT_GRACE_MS
    this.stdout = process.stdout
    this.stdin = process.stdin
    this.dataPipe = (process.stdio[DATA_PIPE_FD] as Readable | null | undefined) ?? null
    process.stderr?.on('data', (chunk: Uint8Array) => this.#tail.append(chunk))
    // A pipe that breaks because the child died is told by `exited`.
    for (const pipe of process.stdio) pipe?.on('error', () => {})
    process.on('message', (message) => this.onMessage(message))
    this.started = new Promise((resolve, reject) => {
      process.once('error', reject)
      process.once('spawn', () => {
        process.removeListener('error', reject)
        // A message that cannot be delivered and a kill that fails come as `error`; both mean that the child is gone.
        process.on('error', () => {})
        if (options.niceness !== undefined) lowerPriority(process.pid, options.niceness)
        resolve()
      })
    })
    this.exited = new Promise((resolve) => {
      const finish = (code: number | null, signal: string | null): void => {
        clearTimeout(closeTimer)
        resolve({ code, signal, stderrTail: this.#tail.text() })
      }
      let closeTimer: NodeJS.Timeout | undefined
      process.once('exit', (code, signal) => {
        this.#hasExited = true
        if (this.#killTimer !== null) clearTimeout(this.#killTimer)
        options.signal.removeEventListener('abort', onAbort)
        closeTimer = setTimeout(() => finish(code, signal), PIPE_CLOSE_WAIT_MS)
        process.once('close', () => finish(code, signal))
      })
    })
    const onAbort = (): void => void this.stop()
    options.signal.addEventListener('abort', onAbort, { once: true })
    this.started.catch(() => options.signal.removeEventListener('abort', onAbort))
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  stderrTail(): string {
    return this.#tail.text()
  }

  send(message: object): void {
    if (this.#process.connected) this.#process.send(message)
  }

  stop(): Promise<ChildExit> {
    if (!this.#hasExited && this.#killTimer === null) {
      this.#process.kill('SIGTERM')
      this.#killTimer = setTimeout(() => this.#process.kill('SIGKILL'), this.#graceMs)
      // A child blocked on a full pipe does not get to its signal handler: closing our end wakes it with EPIPE.
      this.stdout?.destroy()
    }
    return this.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** `exit code 1: <last line of stderr>`, for messages and log lines. */
export function describeExit(exit: ChildExit): string {
  const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`
  const lastWords = exit.stderrTail.trim().split('\n').slice(-3).join(' | ')
  return lastWords === '' ? how : `${how}: ${lastWords}`
}

/** The command line as it can be pasted into a POSIX shell, with every secret replaced by `***`. */
export function renderCommand(command: string, args: readonly string[], secrets: readonly string[]): string {
  return [command, ...args].map((word) => quote(mask(word, secrets))).join(' ')
}

function mask(word: string, secrets: readonly string[]): string {
  return secrets.reduce((text, secret) => (secret === '' ? text : text.replaceAll(secret, '***')), word)
}

function quote(word: string): string {
  return /^[A-Za-z0-9_/:=.,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function lowerPriority(pid: number | undefined, niceness: number): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness)
  } catch {
    // It has exited already; `exited` tells.
  }
}

/** The newest bytes of a text stream. */
class TextTail {
  readonly #limitBytes: number
  #chunks: Uint8Array[] = []
  #sizeBytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  append(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#sizeBytes += chunk.length
    // Compacting at twice the limit copies each byte about once, however the text is chunked.
    if (this.#sizeBytes > 2 * this.#limitBytes || this.#chunks.length > 64) this.#compact()
  }

  text(): string {
    this.#compact()
    return Buffer.from(this.#chunks[0] ?? []).toString('utf8')
  }

  #compact(): void {
    const whole = Buffer.concat(this.#chunks)
    const tail = Buffer.from(whole.subarray(Math.max(0, whole.length - this.#limitBytes)))
    this.#chunks = [tail]
    this.#sizeBytes = tail.length
  }
}

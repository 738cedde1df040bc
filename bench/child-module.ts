// A part of the benchmark in a process of its own, so that its load is not mistaken for Mirror's and can be shown apart.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface ChildRequest {
  readonly id: number
  readonly name: string
  readonly body: unknown
}

interface ChildReply {
  readonly id: number
  readonly body?: unknown
  readonly failure?: string
}

const EXIT_GRACE_MS = 2000

/** The end that asks. */
export class ChildModule implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #name: string
  readonly #pending = new Map<number, { resolve(body: unknown): void; reject(error: Error): void }>()
  #nextId = 1

  constructor(file: string) {
    this.#name = file
    this.#child = fork(fileURLToPath(new URL(file, import.meta.url)), [], { execArgv: [], serialization: 'advanced' })
    this.#child.on('message', (reply: ChildReply) => {
      const waiting = this.#pending.get(reply.id)
      this.#pending.delete(reply.id)
      if (reply.failure === undefined) waiting?.resolve(reply.body)
      else waiting?.reject(new Error(`${file}: ${reply.failure}`))
    })
    this.#child.once('exit', (code, signal) => {
      for (const { reject } of this.#pending.values()) reject(new Error(`${file} ended (${code ?? signal})`))
      this.#pending.clear()
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async ask<T>(name: string, body: unknown, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const onAbort = () => reject(new Error(`${this.#name} did not answer "${name}" in time`))
    signal.addEventListener('abort', onAbort)
    this.#pending.set(id, { resolve, reject })
    this.#child.send({ id, name, body } satisfies ChildRequest)
    try {
      return (await promise) as T
    } finally {
      this.#pending.delete(id)
      signal.removeEventListener('abort', onAbort)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    // Its end of the channel closes, which is what it ends by.
    if (this.#child.connected) this.#child.disconnect()
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), EXIT_GRACE_MS)
    await exited
    clearTimeout(kill)
  }
}

/** The end that answers. The process ends with the one that started it. */
export function answerParent(answers: Readonly<Record<string, (body: never) => unknown>>): void {
  process.on('disconnect', () => process.exit(0))
  // The terminal tells the whole group; the parent decides when this process is no longer needed.
  process.on('SIGINT', () => {})
  process.on('message', (request: ChildRequest) => {
    const answer = async () => await answers[request.name]?.(request.body as never)
    answer().then(
      (body) => process.send?.({ id: request.id, body } satisfies ChildReply),
      (error: unknown) => process.send?.({ id: request.id, failure: String(error) } satisfies ChildReply),
    )
  })
}

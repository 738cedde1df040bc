// Programs that a test run starts beside itself and takes down again.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const SAID_CHARS = 4000

/** Null when no such program is on this machine. */
export function findProgram(name: string, folders: readonly string[] = []): string | null {
  const all = [...folders, ...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return all.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}

export class Daemon implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #name: string
  #said = ''

  /** `env` adds to that of the test run. It does not outlive a test run that was killed. */
  constructor(command: readonly string[], options: { readonly env?: Readonly<Record<string, string>> } = {}) {
    this.#name = command[0] ?? ''
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (text: Buffer) => {
        this.#said = (this.#said + text.toString()).slice(-SAID_CHARS)
      })
    }
  }

  /** Waits until `holds`; throws with the program's last words when it ends before or takes too long. */
  async until(holds: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs)
    while (!(await holds())) {
      if (deadline.aborted || this.#child.exitCode !== null) {
        throw new Error(`${this.#name} did not start: ${this.#said}`)
      }
      await delay(100)
    }
  }

  /** At once: nothing that it holds is needed afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}

export async function answersHttp(url: string): Promise<boolean> {
  try {
    await (await fetch(url, { signal: AbortSignal.timeout(2000) })).arrayBuffer()
    return true
  } catch {
    return false
  }
}

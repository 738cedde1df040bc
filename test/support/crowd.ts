// A crowd of strangers in a process of its own: opens connections from many loopback addresses, asks for something small
// on each, and then does nothing. Told by messages, answers each with what happened.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

export interface Wave {
  readonly port: number
  readonly connections: number
  /** Source addresses are 127.1.<net>.1 and up, `perAddress` connections from each. */
  readonly net: number
  readonly perAddress: number
}

export interface WaveOutcome {
  /** How many were answered with which status; 0: closed without an answer. */
  readonly statuses: Readonly<Record<number, number>>
  /** Of all waves so far. */
  readonly open: number
}

const REQUEST = 'HEAD /health HTTP/1.1\r\nHost: mirror\r\n\r\n'
/** Connects under way at once: the listener's backlog holds a thousand. */
const AT_ONCE = 200

/** The parent's side. */
export class Crowd implements AsyncDisposable {
  readonly #child: ChildProcess

  constructor() {
    this.#child = fork(fileURLToPath(import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  }

  async send(wave: Wave): Promise<WaveOutcome> {
    this.#child.send(wave)
    const [outcome] = (await once(this.#child, 'message')) as [WaveOutcome]
    return outcome
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const open = new Set<Socket>()
  process.on('disconnect', () => process.exit(0))
  process.on('message', (wave: Wave) => void surge(wave, open).then((outcome) => process.send?.(outcome)))
}

async function surge(wave: Wave, open: Set<Socket>): Promise<WaveOutcome> {
  const statuses: Record<number, number> = {}
  let next = 0
  const worker = async () => {
    while (next < wave.connections) {
      const index = next++
      const host = Math.floor(index / wave.perAddress) + 1
      const status = await join(wave.port, `127.1.${wave.net}.${host}`, open)
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return { statuses, open: open.size }
}

function join(port: number, localAddress: string, open: Set<Socket>): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    socket.once('connect', () => {
      open.add(socket)
      socket.write(REQUEST)
    })
    socket.once('data', (chunk: Buffer) =>
      resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(chunk.toString('latin1'))?.[1] ?? 0)),
    )
    socket.on('error', () => {})
    socket.on('close', () => {
      open.delete(socket)
      resolve(0)
    })
  })
}

import { createServer, type ListenOptions } from 'node:net'
import { MirrorError } from './errors.ts'

export interface HeldPort extends AsyncDisposable {
  readonly port: number
  /** Idempotent. Whoever is to listen there does so at once: until then it is nobody's. */
  release(): Promise<void>
}

/**
 * Keeps a TCP port from everybody else until it is released (port 0: one that the system chooses). `setting` is what the
 * user would change. Nobody who connects is answered. Rejects with `port_taken`.
 */
export async function holdPort(host: string, port: number, setting: string): Promise<HeldPort> {
  return await bind({ host, port, exclusive: true }, setting)
}

/**
 * As `holdPort`, but for listeners that share the port (`reusePort`): they may open while it is held, so that there is no
 * moment in which anybody else could take it.
 */
export async function holdSharedPort(host: string, port: number, setting: string): Promise<HeldPort> {
  // A port that somebody else shares would let a second server in unnoticed; the system chooses none of those.
  if (port !== 0) await (await holdPort(host, port, setting)).release()
  return await bind({ host, port, reusePort: true }, setting)
}

async function bind(options: ListenOptions & { readonly port: number }, setting: string): Promise<HeldPort> {
  const { host, port } = options
  // Who comes too early is sent away; a connection would keep the port.
  const probe = createServer((socket) => socket.destroy())
  return await new Promise((resolve, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? 'is already in use'
          : `cannot be bound on ${host} (${error.code ?? error.message})`
      reject(new MirrorError('port_taken', `port ${port} (${setting}) ${reason}`, { cause: error }))
    })
    probe.listen(options, () => {
      const address = probe.address()
      const bound = typeof address === 'object' && address !== null ? address.port : port
      const release = () => new Promise<void>((released) => void probe.close(() => released()))
      resolve({ port: bound, release, [Symbol.asyncDispose]: release })
    })
  })
}

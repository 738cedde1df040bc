import { createServer } from 'node:net'
import { MirrorError } from './errors.ts'

/**
 * Sees whether a TCP port is free, by binding it for a moment without sharing it, and returns its number (port 0: one
 * that the system chooses). `setting` is what the user would change. Rejects with `port_taken`.
 */
export async function reservePort(host: string, port: number, setting: string): Promise<number> {
  const held = await holdPort(host, port, setting)
  await held.release()
  return held.port
}

export interface HeldPort extends AsyncDisposable {
  readonly port: number
  /** Idempotent. Whoever is to listen there does so at once: until then it is nobody's. */
  release(): Promise<void>
}

/** As `reservePort`, but nobody else gets the port before it is released. Nobody who connects is answered. */
export async function holdPort(host: string, port: number, setting: string): Promise<HeldPort> {
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
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address()
      const bound = typeof address === 'object' && address !== null ? address.port : port
      const release = () => new Promise<void>((released) => void probe.close(() => released()))
      resolve({ port: bound, release, [Symbol.asyncDispose]: release })
    })
  })
}

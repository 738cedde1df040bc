import { createServer } from 'node:net'
import { MirrorError } from './errors.ts'

/**
 * Sees whether a TCP port is free, by binding it for a moment without sharing it, and returns its number (port 0: one
 * that the system chooses). `setting` is what the user would change. Rejects with `port_taken`.
 */
export async function reservePort(host: string, port: number, setting: string): Promise<number> {
  const probe = createServer()
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
      probe.close(() => resolve(bound))
    })
  })
}

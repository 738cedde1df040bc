// How long a request may take to arrive. Most are short; uploads take as long as they go on, and have a guard of their own.
import type { FastifyReply, FastifyRequest } from 'fastify'

/** For a request with a body as others have it. */
export const BODY_MAX_MS = 30_000
/** For the rest of a body that was refused: reading on lets the sender hear why. */
export const REFUSED_BODY_MS = 10_000

/** For onRequest. */
export function limitBodyTime({ raw, routeOptions }: FastifyRequest, reply: FastifyReply, maxMs = BODY_MAX_MS): void {
  if (raw.headers['content-length'] === undefined && raw.headers['transfer-encoding'] === undefined) return
  const onLate = () => {
    if (raw.complete) return
    // As Node itself says it when `requestTimeout` is set.
    if (!reply.raw.headersSent) raw.socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n')
    raw.socket.destroySoon()
  }
  let timer = routeOptions.config.longBody === true ? undefined : setTimeout(onLate, maxMs)
  reply.raw.once('finish', () => {
    clearTimeout(timer)
    if (!raw.complete) timer = setTimeout(onLate, REFUSED_BODY_MS)
  })
  raw.once('end', () => clearTimeout(timer))
  raw.once('close', () => clearTimeout(timer))
}

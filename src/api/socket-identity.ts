// Who opens a WebSocket. The handshake does not pass the routes' gate, so it is checked here by the same rules.
import type { IncomingMessage } from 'node:http'
import { addressKey } from '../core/address-key.ts'
import { type Authenticator, SESSION_COOKIE } from './authenticator.ts'
import { isSameOrigin } from './origin-check.ts'
import { createRateLimiter, type RateLimits } from './rate-limit.ts'
import type { Identification } from './sockets.ts'

/** Cookie with Origin check, bearer key as subprotocol or header, or nobody. A foreign page's cookie counts as nobody. */
export function createSocketIdentifier(options: {
  readonly auth: Authenticator
  readonly limits: RateLimits
  readonly publicUrl: string | null
  readonly clock: () => number
}): (request: IncomingMessage) => Promise<Identification> {
  const { auth, limits, publicUrl, clock } = options
  const failures = createRateLimiter(limits.anonymous, clock)
  return async (request: IncomingMessage): Promise<Identification> => {
    const [scheme, key] = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((part) => part.trim())
    const header = /^bearer +(\S{1,512})$/i.exec(request.headers.authorization ?? '')?.[1]
    const bearer = scheme === 'bearer' ? (key ?? '') : header
    if (bearer !== undefined) {
      const principal = await auth.byBearer(bearer)
      if (principal !== null) return { ok: true, principal }
      const waitSec = failures.take(addressKey(remoteAddress(request)))
      if (waitSec > 0) return { ok: false, code: 'rate_limited', retryAfterSec: waitSec }
      return { ok: false, code: 'unauthorized' }
    }
    const { host, origin } = request.headers
    const token = cookieOf(request, SESSION_COOKIE)
    if (token === null || !isSameOrigin({ host, origin, fetchSite: undefined }, publicUrl)) {
      return { ok: true, principal: null }
    }
    return { ok: true, principal: (await auth.bySession(token))?.principal ?? null }
  }
}

function cookieOf(request: IncomingMessage, name: string): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = pair.split('=')
    if (key?.trim() === name && value !== undefined) return value.trim()
  }
  return null
}

/** The last address a proxy on this machine added, as `trustProxy` does for requests. */
export function remoteAddress(request: IncomingMessage): string {
  const peer = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  const forwarded = request.headers['x-forwarded-for']
  const isLocalProxy = peer === '::1' || peer.startsWith('127.')
  const last = (Array.isArray(forwarded) ? forwarded.at(-1) : forwarded)?.split(',').at(-1)?.trim()
  return isLocalProxy && last !== undefined && last !== '' ? last : peer
}

// What every request passes before its handler: who asks, may they, not too often, and not from another site.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { addressKey } from '../core/address-key.ts'
import { MirrorError } from '../core/errors.ts'
import { isAllowed, type Principal } from './access.ts'
import { type Authenticator, SESSION_COOKIE, SESSION_MS } from './authenticator.ts'
import { isSameOrigin } from './origin-check.ts'
import { createRateLimiter, type RateLimits } from './rate-limit.ts'

export interface LoginLimits {
  /** Throws `rate_limited`. */
  admit(request: FastifyRequest): void
}

export interface RequestGate {
  readonly logins: LoginLimits
  /** For onRequest. Throws `unauthorized`, `forbidden`, `rate_limited`. */
  admit(request: FastifyRequest, reply: FastifyReply): Promise<void>
}

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export function createRequestGate(options: {
  readonly auth: Authenticator
  readonly limits: RateLimits
  readonly publicUrl: string | null
  readonly clock: () => number
}): RequestGate {
  const { auth, limits, publicUrl, clock } = options
  const anonymous = createRateLimiter(limits.anonymous, clock)
  const principals = createRateLimiter(limits.principal, clock)
  const loginsPerAddress = createRateLimiter(limits.loginPerAddress, clock)
  const loginsTotal = createRateLimiter(limits.loginTotal, clock)

  async function identify(request: FastifyRequest, reply: FastifyReply): Promise<Principal | null> {
    const bearer = bearerToken(request.headers.authorization) ?? keyInQuery(request)
    if (bearer !== null) return await auth.byBearer(bearer)
    const token = request.cookies[SESSION_COOKIE]
    if (token === undefined || token === '') return null
    const session = await auth.bySession(token)
    if (session === null) return null
    if (session.renewed) sendSessionCookie(request, reply, token)
    return session.principal
  }

  return {
    async admit(request, reply) {
      const access = request.routeOptions.config.access
      const isApi = request.url.startsWith('/api/')
      if (access === 'open' && !isApi && request.routeOptions.url !== '/metrics') return

      request.principal = await identify(request, reply)
      const wait =
        request.principal === null
          ? anonymous.take(addressKey(request.ip))
          : principals.take(`${request.principal.kind} ${request.principal.id}`)
      if (wait > 0) throw tooMany(wait)

      if (!SAFE_METHODS.has(request.method)) checkOrigin(request)
      if (access === undefined || access === 'open') return
      if (request.principal === null) throw new MirrorError('unauthorized', unauthorizedDetail(request))
      if (!isAllowed(request.principal.role, access)) {
        throw new MirrorError('forbidden', `This needs the role ${access}; you have ${request.principal.role}`)
      }
    },

    logins: {
      admit(request) {
        const wait = loginsPerAddress.take(addressKey(request.ip)) || loginsTotal.take('')
        if (wait > 0) throw tooMany(wait)
      },
    },
  }

  /** A bearer key is never sent by a browser on its own; a cookie is, and logging in must not be forced on anybody. */
  function checkOrigin(request: FastifyRequest): void {
    const { host, origin } = request.headers
    const fetchSite = request.headers['sec-fetch-site']
    const isFromBrowser = origin !== undefined || fetchSite !== undefined
    const isByCookie = request.principal?.credential.kind === 'session'
    if (!isByCookie && !(request.principal === null && isFromBrowser)) return
    const from = { host, origin, fetchSite: typeof fetchSite === 'string' ? fetchSite : undefined }
    if (!isSameOrigin(from, publicUrl)) {
      throw new MirrorError('forbidden', 'The request comes from another site, or hides where it comes from')
    }
  }
}

export function sendSessionCookie(request: FastifyRequest, reply: FastifyReply, token: string): void {
  reply.setCookie(SESSION_COOKIE, token, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: request.protocol === 'https',
    maxAge: SESSION_MS / 1000,
  })
}

/** RFC 6750 section 2.1; the scheme's name has no case. */
export function bearerToken(header: string | undefined): string | null {
  const match = /^bearer +(\S{1,512}) *$/i.exec(header ?? '')
  return match?.[1] ?? null
}

/** Only where a route says so: addresses get into logs. */
function keyInQuery({ routeOptions, query }: FastifyRequest): string | null {
  if (routeOptions.config.keyInQuery !== true) return null
  const { key } = query as { readonly key?: unknown }
  return typeof key === 'string' && /^\S{1,512}$/.test(key) ? key : null
}

function unauthorizedDetail(request: FastifyRequest): string {
  if (request.headers.authorization !== undefined) return 'The API key is unknown or was deleted'
  if (request.cookies[SESSION_COOKIE] !== undefined) return 'The session has ended'
  return 'Neither an API key nor a session came with the request'
}

function tooMany(waitSec: number): MirrorError {
  return new MirrorError('rate_limited', `Try again in ${waitSec} s`, { details: { retryAfterSec: waitSec } })
}

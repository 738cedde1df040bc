import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Catalog, UserRow } from '../../catalog/types.ts'
import { MirrorError } from '../../core/errors.ts'
import { hashToken } from '../../core/secrets.ts'
import { type Principal, renderMe } from '../access.ts'
import {
  createdLoginLinkSchema,
  createLoginLinkSchema,
  loginLinkSchema,
  loginSchema,
  type MeView,
  meSchema,
  setPasswordSchema,
} from '../access-contract.ts'
import { SESSION_COOKIE } from '../authenticator.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { createLoginLink, firstAdmin } from '../login-links.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { sendSessionCookie } from '../request-gate.ts'
import { consoleUrl } from '../stream-urls.ts'
import { isoTime } from '../stream-view.ts'
import { NO_SECURITY, NOTHING } from './route-schemas.ts'

const tags = [TAGS.access]

export function registerAuthRoutes(app: ApiApp, context: ApiContext): void {
  const { catalog, secrets, clock, auth, logins } = context

  async function startSession(request: FastifyRequest, reply: FastifyReply, user: UserRow): Promise<MeView> {
    const token = secrets.newToken()
    const principal = await auth.openSession(user, token)
    sendSessionCookie(request, reply, token)
    return renderMe(principal)
  }

  app.route({
    method: 'POST',
    url: '/api/v1/auth/login',
    config: { access: 'open' },
    schema: {
      operationId: 'login',
      summary: 'Log in with name and password',
      description: 'Sets the session cookie.',
      tags,
      security: NO_SECURITY,
      body: loginSchema,
      response: { 200: meSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      logins.admit(request)
      const user = await catalog.users.findByName(request.body.name)
      // Also for an unknown name: it must cost as much time as a wrong password.
      const fits = await secrets.passwords.verify(request.body.password, user?.passwordHash ?? null)
      if (user === null || !fits) throw new MirrorError('login_failed', 'The name or the password is wrong')
      return await startSession(request, reply, user)
    },
  })

  app.route({
    method: 'POST',
    url: '/api/v1/auth/login-link',
    config: { access: 'open' },
    schema: {
      operationId: 'useLoginLink',
      summary: 'Log in with a one-time link',
      description: 'Uses up the token and sets the session cookie.',
      tags,
      security: NO_SECURITY,
      body: loginLinkSchema,
      response: { 200: meSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      logins.admit(request)
      const link = await catalog.sessions.consumeLink(hashToken(request.body.token), clock())
      const user = link === null ? null : await catalog.users.get(link.userId)
      if (user === null) throw new MirrorError('login_link_invalid', 'This login link was used or has expired')
      return await startSession(request, reply, user)
    },
  })

  app.route({
    method: 'POST',
    url: '/api/v1/auth/logout',
    config: { access: 'open' },
    schema: {
      operationId: 'logout',
      summary: 'Log out',
      description: 'Ends the session; without one it does nothing.',
      tags,
      security: NO_SECURITY,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const credential = request.principal?.credential
      if (credential?.kind === 'session') await auth.closeSession(credential.hash)
      context.recheckSockets()
      reply.clearCookie(SESSION_COOKIE, { path: '/' })
      return reply.code(204).send()
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/auth/me',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getMe',
      summary: 'Show who is asking',
      tags,
      response: { 200: meSchema, ...PROBLEMS },
    },
    handler: (request) => renderMe(principalOf(request)),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/auth/password',
    config: { access: 'viewer' },
    schema: {
      operationId: 'setPassword',
      summary: "Set the caller's name and password",
      description: 'For users only; an API key has no password.',
      tags,
      body: setPasswordSchema,
      response: { 200: meSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const me = principalOf(request)
      if (me.kind !== 'user') throw new MirrorError('forbidden', 'An API key has no password; log in as a user')
      const { name, password } = request.body
      const passwordHash = await secrets.passwords.hash(password)
      const user = await catalog.users.update(me.id, { name, passwordHash })
      auth.forget()
      if (user === null) throw new MirrorError('unauthorized', 'The user was removed meanwhile')
      return renderMe({ ...me, name: user.name, passwordMissing: false })
    },
  })

  app.route({
    method: 'POST',
    url: '/api/v1/auth/login-links',
    config: { access: 'admin' },
    schema: {
      operationId: 'createLoginLink',
      summary: 'Make a one-time login link',
      description: 'Valid for 24 hours and one use. Whoever opens it is logged in and can set a new password.',
      tags,
      body: createLoginLinkSchema.optional(),
      response: { 201: createdLoginLinkSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const user = await linkedUser(catalog, context, principalOf(request), request.body?.name)
      const { path, expiresAtMs } = await createLoginLink(context, user)
      const url = `${consoleUrl(context.addresses)}${path}`
      return reply.code(201).send({ path, url, user: user.name, expiresAt: isoTime(expiresAtMs) })
    },
  })
}

async function linkedUser(
  catalog: Catalog,
  context: ApiContext,
  asking: Principal,
  name: string | undefined,
): Promise<UserRow> {
  if (name !== undefined) {
    const user = await catalog.users.findByName(name)
    if (user !== null) return user
    throw new MirrorError('invalid_request', `There is no user "${name}"`, { details: { path: 'name' } })
  }
  const own = asking.kind === 'user' ? await catalog.users.get(asking.id) : null
  return own ?? (await firstAdmin(context))
}

function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new MirrorError('unauthorized', 'Nobody is logged in')
  return request.principal
}

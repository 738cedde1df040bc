import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { MirrorError } from '../../core/errors.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { sendObject } from '../send-object.ts'
import { NO_SECURITY } from './route-schemas.ts'

const BYTES = z.any().meta({ description: 'The bytes, as they came in' })
const params = z.object({
  tenant: z.string().meta({ description: 'Tenant' }),
  id: z.string().meta({ description: 'Recording id' }),
})
const description =
  'As `GET /api/v1/recordings/:id/url` gave it out, with `expires` and `signature`: 403 when it was altered or has expired, 410 when the recording was deleted.'

/** What signed links open. No key: the signature is the right. */
export function registerLinkRoutes(app: ApiApp, { recordings, secrets, store, clock }: ApiContext): void {
  const url = '/links/recordings/:tenant/:id/original'
  const preHandler = async (request: FastifyRequest) => requireValid(secrets.links.judge(request.url, clock()))
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const { tenant, id } = params.parse(request.params)
    return await sendObject(request, reply, store, await recordings.linked(tenant, id))
  }

  app.route({
    method: 'GET',
    url,
    // Fastify's own says that there are no bytes.
    exposeHeadRoute: false,
    config: { access: 'open' },
    schema: {
      operationId: 'getLinkedRecording',
      summary: 'Read a recording by its link, whole or in part',
      description,
      tags: [TAGS.recordings],
      params,
      security: NO_SECURITY,
      response: { 200: BYTES, 206: BYTES, ...PROBLEMS },
    },
    preHandler,
    handler,
  })

  app.route({ method: 'HEAD', url, config: { access: 'open' }, schema: { hide: true }, preHandler, handler })
}

/** Throws `link_invalid`, `link_expired`. */
export function requireValid(verdict: 'valid' | 'expired' | 'invalid'): void {
  if (verdict === 'invalid') throw new MirrorError('link_invalid', 'It is not as it was given out')
  if (verdict === 'expired') throw new MirrorError('link_expired', 'Its time is over')
}

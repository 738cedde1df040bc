// The bytes of assets: for whoever has a key, and for whoever has a link.
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Access } from '../access.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { type SentObject, sendObject } from '../send-object.ts'
import { TENANT } from './asset-routes.ts'
import { requireValid } from './link-routes.ts'
import { NO_SECURITY } from './route-schemas.ts'

const BYTES = z.any().meta({ description: 'The bytes; ranges can be asked for' })
const id = z.string().min(1).max(64).meta({ description: 'Asset id' })
const rendition = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'Name of a rendition; of pictures also fit-320-webp and the like', example: 'thumbnail' })
const tenant = z.string().meta({ description: 'Tenant' })
const description =
  'As `GET /api/v1/assets/:id/url` gave it out, with `expires` and `signature`: 403 when it was altered or has expired, 404 when the asset was deleted.'

interface Download {
  readonly url: string
  readonly access: Access
  readonly operationId: string
  readonly summary: string
  readonly params: z.ZodType
  /** The signal: whoever asked has left. */
  find(request: FastifyRequest, signal: AbortSignal): Promise<SentObject>
}

export function registerAssetFileRoutes(app: ApiApp, { assets, secrets, store, clock }: ApiContext): void {
  const originalParams = z.object({ id })
  const renditionParams = z.object({ id, rendition })
  const linkedOriginalParams = originalParams.extend({ tenant })
  const linkedRenditionParams = renditionParams.extend({ tenant })
  // No key: the signature is the right.
  const judge = ({ url }: FastifyRequest) => requireValid(secrets.links.judge(url, clock()))

  const downloads: readonly Download[] = [
    {
      ...{ url: '/api/v1/assets/:id/original', access: 'viewer', params: originalParams },
      ...{ operationId: 'downloadAsset', summary: 'Download the original' },
      find: async ({ params }, signal) => await assets.sent(TENANT, originalParams.parse(params).id, null, signal),
    },
    {
      ...{ url: '/api/v1/assets/:id/renditions/:rendition', access: 'viewer', params: renditionParams },
      ...{ operationId: 'downloadRendition', summary: 'Download a rendition, or a picture in a further size' },
      find: async ({ params }, signal) => {
        const asked = renditionParams.parse(params)
        return await assets.sent(TENANT, asked.id, asked.rendition, signal)
      },
    },
    {
      ...{ url: '/links/assets/:tenant/:id/original', access: 'open', params: linkedOriginalParams },
      ...{ operationId: 'openAssetLink', summary: 'Open the original by a link' },
      find: async (request, signal) => {
        judge(request)
        const asked = linkedOriginalParams.parse(request.params)
        return await assets.linked(asked.tenant, asked.id, null, signal)
      },
    },
    {
      ...{ url: '/links/assets/:tenant/:id/renditions/:rendition', access: 'open', params: linkedRenditionParams },
      ...{ operationId: 'openRenditionLink', summary: 'Open a rendition by a link' },
      find: async (request, signal) => {
        judge(request)
        const asked = linkedRenditionParams.parse(request.params)
        return await assets.linked(asked.tenant, asked.id, asked.rendition, signal)
      },
    },
  ]
  for (const { url, access, operationId, summary, params, find } of downloads) {
    const open = access === 'open' ? { description, security: NO_SECURITY } : {}
    const schema = { operationId, summary, tags: [TAGS.assets], params, ...open, response: { 200: BYTES, ...PROBLEMS } }
    for (const method of ['GET', 'HEAD'] as const) {
      app.route({
        ...{ method, url, config: { access } },
        // Fastify's own says that there are no bytes.
        exposeHeadRoute: false,
        schema: method === 'HEAD' ? { params, hide: true } : schema,
        handler: async (request, reply) => {
          const left = new AbortController()
          reply.raw.once('close', () => left.abort(new Error('whoever asked has left')))
          return await sendObject(request, reply, store, await find(request, left.signal))
        },
      })
    }
  }
}

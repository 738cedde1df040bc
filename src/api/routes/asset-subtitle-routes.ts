import { z } from 'zod'
import { MAX_SUBTITLE_BYTES } from '../../library/processing/convert-subtitles.ts'
import { assetSchema } from '../asset-contract.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { languageSchema } from '../shared-fields.ts'
import { TENANT } from './asset-routes.ts'

const tags = [TAGS.assets]
const TIMEOUT_MS = 120_000
const TYPES = ['text/vtt', 'application/x-subrip', 'text/x-ssa']
const params = z.object({
  id: z.string().min(1).max(64).meta({ description: 'Asset id' }),
  language: languageSchema.meta({ description: 'BCP 47', example: 'de' }),
})

export function registerAssetSubtitleRoutes(app: ApiApp, { assets }: ApiContext): void {
  const limits = { parseAs: 'buffer', bodyLimit: MAX_SUBTITLE_BYTES } as const
  app.addContentTypeParser(TYPES, limits, (_request, body, done) => done(null, body))

  app.route({
    method: 'PUT',
    url: '/api/v1/assets/:id/subtitles/:language',
    config: { access: 'operator' },
    bodyLimit: MAX_SUBTITLE_BYTES,
    schema: {
      operationId: 'putAssetSubtitles',
      summary: 'Add subtitles to a video',
      description:
        'The body is SubRip, WebVTT or SubStation Alpha of at most 8 MiB, in Unicode; its bytes say which. They are shown in place of what the file, or an earlier request, has in this language, once the playlist has been made again: `asset.ready` tells of it.',
      tags,
      params,
      consumes: [...TYPES, 'text/plain', 'application/octet-stream'],
      response: { 202: assetSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { id, language } = request.params
      const sent = { language, bytes: bytesOf(request.body) }
      return reply.code(202).send(await assets.putSubtitles(TENANT, id, sent, AbortSignal.timeout(TIMEOUT_MS)))
    },
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/assets/:id/subtitles/:language',
    config: { access: 'operator' },
    schema: {
      operationId: 'deleteAssetSubtitles',
      summary: 'Take added subtitles away',
      description: 'What the file itself has in this language is shown again.',
      tags,
      params,
      response: { 202: assetSchema, ...PROBLEMS },
    },
    handler: async ({ params: { id, language } }, reply) =>
      reply.code(202).send(await assets.removeSubtitles(TENANT, id, language)),
  })
}

function bytesOf(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body
  return typeof body === 'string' ? Buffer.from(body) : new Uint8Array(0)
}

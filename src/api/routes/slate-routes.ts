import { z } from 'zod'
import { MAX_SLATE_BYTES, type SlateKind } from '../../live/slate/slate-profile.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { streamSchema } from '../stream-contract.ts'
import { NOTHING, streamParams } from './route-schemas.ts'

const tags = [TAGS.streams]
const TIMEOUT_MS = 60_000
const TYPES: Readonly<Record<SlateKind, string>> = { png: 'image/png', jpeg: 'image/jpeg', mp4: 'video/mp4' }

export function registerSlateRoutes(app: ApiApp, { streams }: ApiContext): void {
  const limits = { parseAs: 'buffer', bodyLimit: MAX_SLATE_BYTES } as const
  app.addContentTypeParser([...Object.values(TYPES), 'application/octet-stream'], limits, (_request, body, done) =>
    done(null, body),
  )

  app.route({
    method: 'PUT',
    url: '/api/v1/streams/:id/slate',
    config: { access: 'operator' },
    bodyLimit: MAX_SLATE_BYTES,
    schema: {
      operationId: 'setSlate',
      summary: 'Upload a slate',
      description:
        'The body is a PNG or JPEG picture or an MP4 clip of at most 20 MiB; of a clip the first 60 s are used. It is shown, looped, while no input brings media.',
      tags,
      params: streamParams,
      consumes: Object.values(TYPES),
      response: { 200: streamSchema, ...PROBLEMS },
    },
    handler: (request) => {
      const bytes = request.body instanceof Uint8Array ? request.body : new Uint8Array(0)
      return streams.setSlate(request.params.id, bytes, AbortSignal.timeout(TIMEOUT_MS))
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/streams/:id/slate',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getSlate',
      summary: 'Download the slate as it was uploaded',
      tags,
      params: streamParams,
      response: { 200: z.any().meta({ description: 'The picture or clip' }), ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { kind, bytes } = await streams.slate(request.params.id, AbortSignal.timeout(TIMEOUT_MS))
      return reply.type(TYPES[kind]).header('Cache-Control', 'no-store').send(Buffer.from(bytes))
    },
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/streams/:id/slate',
    config: { access: 'operator' },
    schema: {
      operationId: 'deleteSlate',
      summary: 'Remove the slate',
      description: 'Silence is bridged with gaps again.',
      tags,
      params: streamParams,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      await streams.removeSlate(request.params.id)
      return reply.code(204).send()
    },
  })
}

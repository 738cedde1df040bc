import { z } from 'zod'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { addPublishKeySchema, publishKeyListSchema, publishKeySchema } from '../stream-contract.ts'
import { NOTHING, streamParams } from './route-schemas.ts'

const tags = [TAGS.streams]
const keyParams = streamParams.extend({ keyId: z.string().min(1).meta({ description: 'Id of the publish key' }) })

export function registerKeyRoutes(app: ApiApp, { streams }: ApiContext): void {
  app.route({
    method: 'GET',
    url: '/api/v1/streams/:id/keys',
    config: { access: 'operator' },
    schema: {
      operationId: 'listPublishKeys',
      summary: 'List the publish keys of a stream',
      tags,
      params: streamParams,
      response: { 200: publishKeyListSchema, ...PROBLEMS },
    },
    handler: async (request) => ({ keys: await streams.keys(request.params.id) }),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/streams/:id/keys',
    config: { access: 'operator' },
    schema: {
      operationId: 'addPublishKey',
      summary: 'Add or rotate the publish key',
      description:
        'Without `rotate` the older keys stay valid, so that encoders can be moved one by one. A connection that is live stays.',
      tags,
      params: streamParams,
      body: addPublishKeySchema.optional(),
      response: { 201: publishKeySchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      return reply.code(201).send(await streams.addKey(request.params.id, request.body?.rotate ?? false))
    },
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/streams/:id/keys/:keyId',
    config: { access: 'operator' },
    schema: {
      operationId: 'deletePublishKey',
      summary: 'Delete a publish key',
      description: 'The only key of a stream cannot be deleted; rotate it instead.',
      tags,
      params: keyParams,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      await streams.removeKey(request.params.id, request.params.keyId)
      return reply.code(204).send()
    },
  })
}

import { isAllowed, type Principal } from '../access.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { createStreamSchema, streamListSchema, streamSchema, updateStreamSchema } from '../stream-contract.ts'
import { NOTHING, streamParams } from './route-schemas.ts'

const tags = [TAGS.streams]

export function registerStreamRoutes(app: ApiApp, { streams }: ApiContext): void {
  app.route({
    method: 'GET',
    url: '/api/v1/streams',
    config: { access: 'viewer' },
    schema: {
      operationId: 'listStreams',
      summary: 'List all streams with their live figures',
      description: 'Ordered by id. `publishKey` and `ingest` are null for viewers.',
      tags,
      response: { 200: streamListSchema, ...PROBLEMS },
    },
    handler: async (request) => ({ streams: await streams.list(seesKeys(request.principal)) }),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/streams',
    config: { access: 'operator' },
    schema: {
      operationId: 'createStream',
      summary: 'Create a stream',
      description: 'The answer holds every address an encoder or a player needs, complete and ready to paste.',
      tags,
      body: createStreamSchema,
      response: { 201: streamSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const stream = await streams.create(request.body)
      return reply.code(201).header('Location', `/api/v1/streams/${stream.id}`).send(stream)
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/streams/:id',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getStream',
      summary: 'Show one stream',
      tags,
      params: streamParams,
      response: { 200: streamSchema, ...PROBLEMS },
    },
    handler: (request) => streams.get(request.params.id, seesKeys(request.principal)),
  })

  app.route({
    method: 'PATCH',
    url: '/api/v1/streams/:id',
    config: { access: 'operator' },
    schema: {
      operationId: 'updateStream',
      summary: 'Change name or settings',
      description: 'Only what is given changes. A live stream takes new settings with its next session.',
      tags,
      params: streamParams,
      body: updateStreamSchema,
      response: { 200: streamSchema, ...PROBLEMS },
    },
    handler: (request) => streams.update(request.params.id, request.body),
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/streams/:id',
    config: { access: 'operator' },
    schema: {
      operationId: 'deleteStream',
      summary: 'Delete a stream',
      description: 'Ends its inputs and removes its keys and events.',
      tags,
      params: streamParams,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      await streams.remove(request.params.id)
      return reply.code(204).send()
    },
  })

  app.route({
    method: 'POST',
    url: '/api/v1/streams/:id/restart',
    config: { access: 'operator' },
    schema: {
      operationId: 'restartStream',
      summary: 'End the current inputs',
      description: 'The encoder may reconnect at once.',
      tags,
      params: streamParams,
      response: { 200: streamSchema, ...PROBLEMS },
    },
    handler: (request) => streams.restart(request.params.id),
  })
}

export const seesKeys = (principal: Principal | null): boolean => isAllowed(principal?.role ?? null, 'operator')

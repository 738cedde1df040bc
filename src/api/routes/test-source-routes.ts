import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { streamSchema } from '../stream-contract.ts'
import { NOTHING, streamParams } from './route-schemas.ts'

const tags = [TAGS.streams]

export function registerTestSourceRoutes(app: ApiApp, { streams }: ApiContext): void {
  app.route({
    method: 'POST',
    url: '/api/v1/streams/:id/test-source',
    config: { access: 'operator' },
    schema: {
      operationId: 'startTestSource',
      summary: 'Start the test source',
      description: 'A moving picture with burnt-in UTC clock and frame number, and a beep each second.',
      tags,
      params: streamParams,
      response: { 200: streamSchema, ...PROBLEMS },
    },
    handler: (request) => streams.startTestSource(request.params.id),
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/streams/:id/test-source',
    config: { access: 'operator' },
    schema: {
      operationId: 'stopTestSource',
      summary: 'Stop the test source',
      tags,
      params: streamParams,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      await streams.stopTestSource(request.params.id)
      return reply.code(204).send()
    },
  })

  app.route({
    method: 'POST',
    url: '/api/v1/demo',
    config: { access: 'operator' },
    schema: {
      operationId: 'startDemo',
      summary: 'Start the demo stream',
      description:
        'Creates the stream `demo` if it is missing and starts its test source. Calling it again changes nothing.',
      tags,
      response: { 200: streamSchema, ...PROBLEMS },
    },
    handler: () => streams.startDemo(),
  })
}

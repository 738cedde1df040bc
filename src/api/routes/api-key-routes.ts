import { z } from 'zod'
import { MirrorError } from '../../core/errors.ts'
import { hashToken } from '../../core/secrets.ts'
import { apiKeyListSchema, createApiKeySchema, createdApiKeySchema } from '../access-contract.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { renderApiKey } from '../stream-view.ts'
import { NOTHING } from './route-schemas.ts'

const tags = [TAGS.access]
const keyParams = z.object({ id: z.string().min(1).meta({ description: 'Id of the API key' }) })

export function registerApiKeyRoutes(app: ApiApp, context: ApiContext): void {
  const { catalog, secrets, clock, auth } = context

  app.route({
    method: 'GET',
    url: '/api/v1/api-keys',
    config: { access: 'admin' },
    schema: {
      operationId: 'listApiKeys',
      summary: 'List API keys',
      description: 'Without the keys themselves: those are shown once, when they are created.',
      tags,
      response: { 200: apiKeyListSchema, ...PROBLEMS },
    },
    handler: async () => ({ keys: (await catalog.apiKeys.list()).map(renderApiKey) }),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/api-keys',
    config: { access: 'admin' },
    schema: {
      operationId: 'createApiKey',
      summary: 'Create an API key',
      tags,
      body: createApiKeySchema,
      response: { 201: createdApiKeySchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const key = secrets.newApiKey()
      const { name, role } = request.body
      const times = { createdAtMs: clock(), lastUsedAtMs: null }
      const row = { id: secrets.newToken(), name, role, hash: hashToken(key), ...times }
      await catalog.apiKeys.create(row)
      auth.forget()
      return reply.code(201).send({ ...renderApiKey(row), key })
    },
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/api-keys/:id',
    config: { access: 'admin' },
    schema: {
      operationId: 'deleteApiKey',
      summary: 'Delete an API key',
      description: 'It stops working at once, also on open WebSocket connections.',
      tags,
      params: keyParams,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      if (!(await catalog.apiKeys.remove(request.params.id))) {
        throw new MirrorError('key_not_found', 'There is no API key with this id')
      }
      auth.forget()
      context.recheckSockets()
      return reply.code(204).send()
    },
  })
}

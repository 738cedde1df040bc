import { z } from 'zod'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { addStoreSchema, storeListSchema, storeSchema } from '../store-contract.ts'
import { NOTHING } from './route-schemas.ts'

const tags = [TAGS.stores]
const storeParams = z.object({
  name: z.string().min(1).max(64).meta({ description: 'Name of the store', example: 'attic' }),
})

export function registerStoreRoutes(app: ApiApp, { stores }: ApiContext): void {
  app.route({
    method: 'GET',
    url: '/api/v1/stores',
    config: { access: 'viewer' },
    schema: {
      operationId: 'listStores',
      summary: 'List stores',
      description: 'The one of the configuration comes first, as `default`.',
      tags,
      response: { 200: storeListSchema, ...PROBLEMS },
    },
    handler: async () => ({ stores: [...(await stores.list())] }),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/stores',
    config: { access: 'admin' },
    schema: {
      operationId: 'addStore',
      summary: 'Attach a store',
      description:
        'A folder on the machine that runs Mirror, or a bucket. It is probed first, with a few objects that are removed again; one that Mirror cannot use is refused with what to correct. Credentials are kept sealed and never shown.',
      tags,
      body: addStoreSchema,
      response: { 201: storeSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const added = await stores.add(request.body)
      return reply.code(201).header('Location', `/api/v1/stores/${added.name}`).send(added)
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/stores/:name',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getStore',
      summary: 'Show a store with what its last probe found',
      tags,
      params: storeParams,
      response: { 200: storeSchema, ...PROBLEMS },
    },
    handler: async (request) => await stores.get(request.params.name),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/stores/:name/probe',
    config: { access: 'operator' },
    schema: {
      operationId: 'probeStore',
      summary: 'Find out anew what a store can do',
      description: 'With a few objects that are removed again: of a bucket about 80 requests and 20 MB.',
      tags,
      params: storeParams,
      response: { 200: storeSchema, ...PROBLEMS },
    },
    handler: async (request) => await stores.probe(request.params.name),
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/stores/:name',
    config: { access: 'admin' },
    schema: {
      operationId: 'removeStore',
      summary: 'Detach a store',
      description: 'What lies in it stays there.',
      tags,
      params: storeParams,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      await stores.remove(request.params.name)
      return reply.code(204).send()
    },
  })
}

import type { Catalog } from '../../catalog/types.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { type EventPageView, eventPageSchema, eventQuerySchema } from '../event-contract.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { DEFAULT_TENANT } from '../stream-service.ts'
import { renderEvent } from '../stream-view.ts'
import { streamParams } from './route-schemas.ts'

const tags = [TAGS.events]

export function registerEventRoutes(app: ApiApp, { catalog, events, streams }: ApiContext): void {
  app.route({
    method: 'GET',
    url: '/api/v1/events',
    config: { access: 'viewer' },
    schema: {
      operationId: 'listEvents',
      summary: 'List what happened, newest first',
      tags,
      querystring: eventQuerySchema,
      response: { 200: eventPageSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      await events.stored()
      return await eventPage(catalog, request.query)
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/streams/:id/events',
    config: { access: 'viewer' },
    schema: {
      operationId: 'listStreamEvents',
      summary: 'List what happened to one stream, newest first',
      tags,
      params: streamParams,
      querystring: eventQuerySchema,
      response: { 200: eventPageSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const { id } = await streams.get(request.params.id, false)
      await events.stored()
      return await eventPage(catalog, { ...request.query, streamId: id })
    },
  })
}

interface PageQuery {
  readonly before?: number | undefined
  readonly limit: number
  readonly streamId?: string
}

async function eventPage(catalog: Catalog, { before, limit, streamId }: PageQuery): Promise<EventPageView> {
  const rows = await catalog.events.list({
    tenantId: DEFAULT_TENANT,
    ...(streamId === undefined ? {} : { streamId }),
    ...(before === undefined ? {} : { beforeSeq: before }),
    limit: limit + 1, // one more tells whether there is a next page
  })
  const page = rows.slice(0, limit)
  const nextBefore = rows.length > limit ? (page.at(-1)?.seq ?? null) : null
  return { events: page.map(renderEvent), nextBefore }
}

import { z } from 'zod'
import type { ApiApp, ApiContext } from '../context.ts'
import {
  addDateRangeSchema,
  changeDateRangeSchema,
  dateRangeListSchema,
  dateRangeSchema,
} from '../date-range-contract.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { NOTHING, streamParams } from './route-schemas.ts'

const tags = [TAGS.streams]
const rangeParams = streamParams.extend({ rangeId: z.string().min(1).meta({ description: 'Id of the date range' }) })

export function registerDateRangeRoutes(app: ApiApp, { dateRanges }: ApiContext): void {
  app.route({
    method: 'GET',
    url: '/api/v1/streams/:id/dateranges',
    config: { access: 'viewer' },
    schema: {
      operationId: 'listDateRanges',
      summary: 'List date ranges',
      tags,
      params: streamParams,
      response: { 200: dateRangeListSchema, ...PROBLEMS },
    },
    handler: async (request) => ({ dateRanges: await dateRanges.list(request.params.id) }),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/streams/:id/dateranges',
    config: { access: 'operator' },
    schema: {
      operationId: 'addDateRange',
      summary: 'Add a date range',
      description:
        'Every playlist of the stream announces it (`EXT-X-DATERANGE`) as long as any of it lies in the playlist. A range without `endDate`, `duration` and `endOnNext` is open until a change ends it.',
      tags,
      params: streamParams,
      body: addDateRangeSchema,
      response: { 201: dateRangeSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => reply.code(201).send(await dateRanges.add(request.params.id, request.body)),
  })

  app.route({
    method: 'PATCH',
    url: '/api/v1/streams/:id/dateranges/:rangeId',
    config: { access: 'operator' },
    schema: {
      operationId: 'changeDateRange',
      summary: 'End a date range, or add to it',
      description: 'Only adds: what players may have read already cannot change. `endDate: "now"` ends it now.',
      tags,
      params: rangeParams,
      body: changeDateRangeSchema,
      response: { 200: dateRangeSchema, ...PROBLEMS },
    },
    handler: async ({ params, body }) => await dateRanges.change(params.id, params.rangeId, body),
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/streams/:id/dateranges/:rangeId',
    config: { access: 'operator' },
    schema: {
      operationId: 'deleteDateRange',
      summary: 'Delete a date range',
      description: 'Before it begins, after playlists have left it behind, or while the stream is offline.',
      tags,
      params: rangeParams,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      await dateRanges.remove(request.params.id, request.params.rangeId)
      return reply.code(204).send()
    },
  })
}

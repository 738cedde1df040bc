import { z } from 'zod'
import type { ApiApp, ApiContext } from '../context.ts'
import {
  dvrRecordingDetailSchema,
  dvrRecordingPageSchema,
  dvrRecordingQuerySchema,
  dvrRecordingSchema,
  startDvrRecordingSchema,
} from '../dvr-contract.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { NOTHING, streamParams } from './route-schemas.ts'

const tags = [TAGS.streams]
const recordingParams = z.object({ id: z.string().min(1).max(64).meta({ description: 'Recording id' }) })

export function registerDvrRecordingRoutes(app: ApiApp, { dvrRecordings }: ApiContext): void {
  app.route({
    method: 'POST',
    url: '/api/v1/streams/:id/dvr/start',
    config: { access: 'operator' },
    schema: {
      operationId: 'startDvrRecording',
      summary: 'Start a recording',
      description:
        'The stream is recorded from now on, whatever its settings say, and this part is kept until it is deleted, whatever its retention says. One at a time: 409 names the one that runs. It goes on through silence of the encoder and restarts of Mirror.',
      tags,
      params: streamParams,
      body: startDvrRecordingSchema.optional(),
      response: { 201: dvrRecordingSchema, ...PROBLEMS },
    },
    handler: async ({ params, body }, reply) =>
      reply.code(201).send(await dvrRecordings.start(params.id, body?.title ?? '')),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/streams/:id/dvr/stop',
    config: { access: 'operator' },
    schema: {
      operationId: 'stopDvrRecording',
      summary: 'Stop the running recording',
      tags,
      params: streamParams,
      response: { 200: dvrRecordingDetailSchema, ...PROBLEMS },
    },
    handler: async ({ params }) => await dvrRecordings.stop(params.id),
  })

  app.route({
    method: 'GET',
    url: '/api/v1/dvr/recordings',
    config: { access: 'viewer' },
    schema: {
      operationId: 'listDvrRecordings',
      summary: 'List recordings, newest first',
      tags,
      querystring: dvrRecordingQuerySchema,
      response: { 200: dvrRecordingPageSchema, ...PROBLEMS },
    },
    handler: async ({ query: { stream, before, limit } }) => {
      const found = await dvrRecordings.list({
        ...(stream === undefined ? {} : { streamId: stream }),
        ...(before === undefined ? {} : { before }),
        limit: limit + 1, // one more tells whether there is a next page
      })
      const page = found.slice(0, limit)
      return { recordings: page, nextBefore: found.length > limit ? (page.at(-1)?.id ?? null) : null }
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/dvr/recordings/:id',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getDvrRecording',
      summary: 'Show a recording: state, length, bytes, gaps, address',
      description: 'Of a recording of more than seven days, figures are those of the last seven.',
      tags,
      params: recordingParams,
      response: { 200: dvrRecordingDetailSchema, ...PROBLEMS },
    },
    handler: async ({ params }) => await dvrRecordings.get(params.id),
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/dvr/recordings/:id',
    config: { access: 'operator' },
    schema: {
      operationId: 'deleteDvrRecording',
      summary: 'Keep a recording no longer',
      description: 'Its media goes as soon as the retention of the stream and other recordings allow.',
      tags,
      params: recordingParams,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async ({ params }, reply) => {
      await dvrRecordings.remove(params.id)
      return reply.code(204).send()
    },
  })
}

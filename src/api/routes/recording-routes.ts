import { z } from 'zod'
import { MirrorError } from '../../core/errors.ts'
import { boundaryOf } from '../../library/intake/multipart.ts'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import {
  backfillRecordingsSchema,
  backfillStartedSchema,
  recordingLinkQuerySchema,
  recordingLinkSchema,
  recordingPageSchema,
  recordingQuerySchema,
  recordingSchema,
  uploadRecordingSchema,
  waveformSchema,
} from '../recording-contract.ts'
import { NOTHING } from './route-schemas.ts'

const tags = [TAGS.recordings]
const STREAM_LINK_SEC = 86_400
const recordingParams = z.object({ id: z.string().min(1).max(64).meta({ description: 'Recording id' }) })

export function registerRecordingRoutes(app: ApiApp, { recordings }: ApiContext): void {
  // Read by whoever takes it, part by part.
  app.addContentTypeParser('multipart/form-data', (_request, payload, done) => done(null, payload))

  app.route({
    method: 'POST',
    url: '/api/v1/recordings/upload',
    config: { access: 'operator', longBody: true },
    // A form is not there yet when this would look at it.
    validatorCompiler: () => (value: unknown) => ({ value }),
    schema: {
      operationId: 'uploadRecording',
      summary: 'Send the recording of a call, or have it pulled',
      description:
        'A form with `callId` and `file`, answered with 201 once the bytes are in the store; or JSON with `callId` and `url`, answered with 202: Mirror pulls it. Both go on by themselves: RECEIVED, STORED, VERIFIED, COMPLETED, or FAILED with the cause. `duration` and `channels` are what the PBX knows: a truncated recording is reported.',
      tags,
      consumes: ['multipart/form-data', 'application/json'],
      body: uploadRecordingSchema,
      response: { 201: recordingSchema, 202: recordingSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const contentType = request.headers['content-type']
      const boundary = boundaryOf(contentType)
      if (boundary === null) {
        if (/^multipart\//i.test(contentType ?? ''))
          throw new MirrorError('invalid_request', 'The form has no boundary')
        const pulled = await recordings.pull(request.body)
        return reply.code(202).header('Location', `/api/v1/recordings/${pulled.id}`).send(pulled)
      }
      // Ending early must not cut the connection on which the refusal is to be told.
      const source = request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
      const stored = await recordings.upload(source, boundary)
      return reply.code(201).header('Location', `/api/v1/recordings/${stored.id}`).send(stored)
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/recordings',
    config: { access: 'viewer' },
    schema: {
      operationId: 'listRecordings',
      summary: 'List recordings of calls, newest first',
      tags,
      querystring: recordingQuerySchema,
      response: { 200: recordingPageSchema, ...PROBLEMS },
    },
    handler: async ({ query }) => await recordings.list(query),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/recordings/backfill',
    config: { access: 'operator' },
    schema: {
      operationId: 'backfillRecordings',
      summary: 'Look again at recordings that lack facts',
      description: 'Those that have bytes, but whose duration, format, checksum or waveform is not known.',
      tags,
      body: backfillRecordingsSchema.optional(),
      response: { 202: backfillStartedSchema, ...PROBLEMS },
    },
    handler: async ({ body }, reply) => {
      const ids = await recordings.backfillAll(body?.limit ?? 100)
      return reply.code(202).send({ started: ids.length, ids: [...ids] })
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/recordings/:id',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getRecording',
      summary: 'Show the recording of a call',
      tags,
      params: recordingParams,
      response: { 200: recordingSchema, ...PROBLEMS },
    },
    handler: async ({ params }) => await recordings.get(params.id),
  })

  app.route({
    method: 'GET',
    url: '/api/v1/recordings/:id/url',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getRecordingUrl',
      summary: 'Make a link to a recording that expires',
      description: 'It needs no key, and serves byte ranges. What was deleted is no more to be had by any link.',
      tags,
      params: recordingParams,
      querystring: recordingLinkQuerySchema,
      response: { 200: recordingLinkSchema, ...PROBLEMS },
    },
    handler: async ({ params, query }) => {
      const { url, expiresIn, expiresAt } = await recordings.link(params.id, query.expiresIn)
      return { url, expiresIn, expiresAt }
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/recordings/:id/stream',
    config: { access: 'viewer' },
    schema: {
      operationId: 'streamRecording',
      summary: 'Play a recording',
      description: 'Redirects to a link that is valid for 24 hours.',
      tags,
      params: recordingParams,
      response: { 302: NOTHING, ...PROBLEMS },
    },
    handler: async ({ params }, reply) => {
      const { path } = await recordings.link(params.id, STREAM_LINK_SEC)
      return reply.redirect(path, 302)
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/recordings/:id/waveform',
    config: { access: 'viewer' },
    schema: {
      operationId: 'getRecordingWaveform',
      summary: 'Show the waveform of a recording',
      tags,
      params: recordingParams,
      response: { 200: waveformSchema, ...PROBLEMS },
    },
    handler: async ({ params }) => await recordings.waveform(params.id),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/recordings/:id/backfill',
    config: { access: 'operator' },
    schema: {
      operationId: 'backfillRecording',
      summary: 'Look at the bytes of a recording again',
      description:
        'Duration, size, format, checksum and waveform become those of the bytes. It can be played meanwhile; one that has failed is tried again.',
      tags,
      params: recordingParams,
      response: { 202: recordingSchema, ...PROBLEMS },
    },
    handler: async ({ params }, reply) => reply.code(202).send(await recordings.backfill(params.id)),
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/recordings/:id',
    config: { access: 'operator' },
    schema: {
      operationId: 'deleteRecording',
      summary: 'Delete the recording of a call',
      description: 'Nobody sees it from now on, by no link either; its bytes go a moment later.',
      tags,
      params: recordingParams,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async ({ params }, reply) => {
      await recordings.remove(params.id)
      return reply.code(204).send()
    },
  })
}

import { z } from 'zod'
import type { ApiApp, ApiContext } from '../context.ts'
import { addInputSchema, configuredInputSchema, inputListSchema } from '../contract.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { renderInput } from '../stream-view.ts'
import { NOTHING, streamParams } from './route-schemas.ts'
import { seesKeys } from './stream-routes.ts'

const tags = [TAGS.streams]
const inputParams = streamParams.extend({ inputId: z.string().min(1).meta({ description: 'Id of the input' }) })

export function registerInputRoutes(app: ApiApp, { streams, live }: ApiContext): void {
  app.route({
    method: 'GET',
    url: '/api/v1/streams/:id/inputs',
    config: { access: 'viewer' },
    schema: {
      operationId: 'listInputs',
      summary: 'List connections and configured inputs',
      description:
        '`inputs` are connections that are live now; `configured` is what was added here, and empty for viewers.',
      tags,
      params: streamParams,
      response: { 200: inputListSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const { id, inputs: configured } = await streams.get(request.params.id, seesKeys(request.principal))
      const input = live.status(id)?.input ?? null
      return { inputs: input === null ? [] : [renderInput(input)], configured }
    },
  })

  app.route({
    method: 'POST',
    url: '/api/v1/streams/:id/inputs',
    config: { access: 'operator' },
    schema: {
      operationId: 'addInput',
      summary: 'Add an input',
      description:
        'A UDP port for MPEG-TS, bare or in RTP, or an address that Mirror pulls (RTSP, HLS, SRT, RTMP). Only an admin may add a `file://` address. An input waits while another publisher is live on the stream.',
      tags,
      params: streamParams,
      body: addInputSchema,
      response: { 201: configuredInputSchema, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const role = request.principal?.role ?? 'viewer'
      return reply.code(201).send(await streams.addInput(request.params.id, request.body, role))
    },
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/streams/:id/inputs/:inputId',
    config: { access: 'operator' },
    schema: {
      operationId: 'deleteInput',
      summary: 'Delete a configured input',
      description: 'Closes its port or ends its ffmpeg.',
      tags,
      params: inputParams,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      await streams.removeInput(request.params.id, request.params.inputId)
      return reply.code(204).send()
    },
  })

  for (const { action, summary, description } of ACTIONS) {
    app.route({
      method: 'POST',
      url: `/api/v1/streams/:id/inputs/:inputId/${action}`,
      config: { access: 'operator' },
      schema: {
        operationId: `${action}Input`,
        summary,
        description,
        tags,
        params: inputParams,
        response: { 200: configuredInputSchema, ...PROBLEMS },
      },
      handler: (request) => streams.controlInput(request.params.id, request.params.inputId, action),
    })
  }
}

const ACTIONS = [
  { action: 'start', summary: 'Switch a pulled input on', description: 'It stays on over restarts of Mirror.' },
  { action: 'stop', summary: 'Switch a pulled input off', description: 'Its ffmpeg ends; the input stays configured.' },
  {
    action: 'restart',
    summary: 'Begin a configured input again',
    description: 'Without the pause that follows failures. A pulled input that is switched off stays off.',
  },
] as const

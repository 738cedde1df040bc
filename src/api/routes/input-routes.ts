import { z } from 'zod'
import type { ApiApp, ApiContext } from '../context.ts'
import {
  activatedInputSchema,
  addInputSchema,
  configuredInputSchema,
  inputListSchema,
  orderInputsSchema,
} from '../input-contract.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import { renderConnectedInput } from '../stream-view.ts'
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
        '`inputs` are connected now, each with its role and health; `configured` is what was added here, the most wanted first, and empty for viewers.',
      tags,
      params: streamParams,
      response: { 200: inputListSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const { id, inputs: configured } = await streams.get(request.params.id, seesKeys(request.principal))
      return { inputs: (live.status(id)?.inputs ?? []).map(renderConnectedInput), configured }
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
        'A UDP port for MPEG-TS, bare or in RTP, or an address that Mirror pulls (RTSP, HLS, SRT, RTMP). Only an admin may add a `file://` address. A further input stands by for those before it.',
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

  app.route({
    method: 'PATCH',
    url: '/api/v1/streams/:id/inputs',
    config: { access: 'operator' },
    schema: {
      operationId: 'orderInputs',
      summary: 'Order the configured inputs',
      description: 'The first is the primary one. Encoders that connect with a key come before all of them.',
      tags,
      params: streamParams,
      body: orderInputsSchema,
      response: { 200: inputListSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      const configured = await streams.orderInputs(request.params.id, request.body.order)
      return { inputs: (live.status(request.params.id)?.inputs ?? []).map(renderConnectedInput), configured }
    },
  })

  app.route({
    method: 'POST',
    url: '/api/v1/streams/:id/inputs/:inputId/activate',
    config: { access: 'operator' },
    schema: {
      operationId: 'activateInput',
      summary: 'Put a connected input on air',
      description: 'It stays on air while it works, also when an input that comes before it is healthy.',
      tags,
      params: inputParams,
      response: { 200: activatedInputSchema, ...PROBLEMS },
    },
    handler: async (request) => {
      await live.activateInput(request.params.id, request.params.inputId)
      return { active: request.params.inputId }
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

import { z } from 'zod'
import type { ApiApp, ApiContext } from '../context.ts'
import { PROBLEMS, TAGS } from '../openapi.ts'
import {
  addWebhookSchema,
  deliveryPageSchema,
  deliveryQuerySchema,
  deliverySchema,
  patchWebhookSchema,
  replayedSchema,
  replayWebhookSchema,
  rotateWebhookSchema,
  webhookListSchema,
  webhookSchema,
  webhookWithSecretSchema,
} from '../webhook-contract.ts'
import { TENANT } from './asset-routes.ts'
import { NOTHING } from './route-schemas.ts'

const tags = [TAGS.webhooks]
const webhookParams = z.object({ id: z.string().min(1).max(64).meta({ description: 'Webhook id' }) })
const deliveryParams = webhookParams.extend({
  deliveryId: z.string().min(1).max(64).meta({ description: 'Delivery id: the `webhook-id` that the endpoint got' }),
})

export function registerWebhookRoutes(app: ApiApp, { webhooks }: ApiContext): void {
  app.route({
    method: 'GET',
    url: '/api/v1/webhooks',
    config: { access: 'operator' },
    schema: {
      operationId: 'listWebhooks',
      summary: 'List webhooks',
      tags,
      response: { 200: webhookListSchema, ...PROBLEMS },
    },
    handler: async () => ({ webhooks: [...(await webhooks.list(TENANT))] }),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/webhooks',
    config: { access: 'admin' },
    schema: {
      operationId: 'addWebhook',
      summary: 'Have an address told of events',
      description:
        'From now on each event of these types is posted there, at least once, signed as Standard Webhooks has it. What fails is tried again for a day. The secret is shown in this answer only.',
      tags,
      body: addWebhookSchema,
      response: { 201: webhookWithSecretSchema, ...PROBLEMS },
    },
    handler: async ({ body }, reply) => {
      const added = await webhooks.add(TENANT, body)
      return reply.code(201).header('Location', `/api/v1/webhooks/${added.id}`).send(added)
    },
  })

  app.route({
    method: 'GET',
    url: '/api/v1/webhooks/:id',
    config: { access: 'operator' },
    schema: {
      operationId: 'getWebhook',
      summary: 'Show a webhook',
      tags,
      params: webhookParams,
      response: { 200: webhookSchema, ...PROBLEMS },
    },
    handler: async ({ params }) => await webhooks.get(TENANT, params.id),
  })

  app.route({
    method: 'PATCH',
    url: '/api/v1/webhooks/:id',
    config: { access: 'admin' },
    schema: {
      operationId: 'updateWebhook',
      summary: 'Change a webhook, or switch it on or off',
      description: 'Switched on, it is sent what waited; what came while it was off can be replayed.',
      tags,
      params: webhookParams,
      body: patchWebhookSchema,
      response: { 200: webhookSchema, ...PROBLEMS },
    },
    handler: async ({ params, body }) => await webhooks.edit(TENANT, params.id, body),
  })

  app.route({
    method: 'DELETE',
    url: '/api/v1/webhooks/:id',
    config: { access: 'admin' },
    schema: {
      operationId: 'removeWebhook',
      summary: 'Remove a webhook and what waits for it',
      tags,
      params: webhookParams,
      response: { 204: NOTHING, ...PROBLEMS },
    },
    handler: async ({ params }, reply) => {
      await webhooks.remove(TENANT, params.id)
      return reply.code(204).send()
    },
  })

  app.route({
    method: 'POST',
    url: '/api/v1/webhooks/:id/rotate',
    config: { access: 'admin' },
    schema: {
      operationId: 'rotateWebhookSecret',
      summary: 'Give a webhook a new secret',
      description: 'It is shown in this answer only. The old one goes on signing beside it for a while.',
      tags,
      params: webhookParams,
      body: rotateWebhookSchema,
      response: { 200: webhookWithSecretSchema, ...PROBLEMS },
    },
    handler: async ({ params, body }) => await webhooks.rotate(TENANT, params.id, body.keepOldSec),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/webhooks/:id/test',
    config: { access: 'operator' },
    schema: {
      operationId: 'testWebhook',
      summary: 'Send one message now, and tell how it went',
      description: 'Of the type `webhook.test`, tried once; also to a webhook that is switched off.',
      tags,
      params: webhookParams,
      response: { 200: deliverySchema, ...PROBLEMS },
    },
    handler: async ({ params }) => await webhooks.test(TENANT, params.id),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/webhooks/:id/replay',
    config: { access: 'operator' },
    schema: {
      operationId: 'replayWebhook',
      summary: 'Send everything again that happened since a time',
      description:
        'Under the same ids: what the endpoint has already, it can tell. Also what happened while the webhook was off, or before there was one, as far as events are kept.',
      tags,
      params: webhookParams,
      body: replayWebhookSchema,
      response: { 202: replayedSchema, ...PROBLEMS },
    },
    handler: async ({ params, body }, reply) =>
      reply.code(202).send(await webhooks.replaySince(TENANT, params.id, body)),
  })

  app.route({
    method: 'GET',
    url: '/api/v1/webhooks/:id/deliveries',
    config: { access: 'operator' },
    schema: {
      operationId: 'listWebhookDeliveries',
      summary: 'List what was sent or waits, newest first',
      description: 'What has ended is kept for seven days.',
      tags,
      params: webhookParams,
      querystring: deliveryQuerySchema,
      response: { 200: deliveryPageSchema, ...PROBLEMS },
    },
    handler: async ({ params, query }) => await webhooks.deliveries(TENANT, params.id, query),
  })

  app.route({
    method: 'GET',
    url: '/api/v1/webhooks/:id/deliveries/:deliveryId',
    config: { access: 'operator' },
    schema: {
      operationId: 'getWebhookDelivery',
      summary: 'Show one delivery',
      tags,
      params: deliveryParams,
      response: { 200: deliverySchema, ...PROBLEMS },
    },
    handler: async ({ params }) => await webhooks.delivery(TENANT, params.id, params.deliveryId),
  })

  app.route({
    method: 'POST',
    url: '/api/v1/webhooks/:id/deliveries/:deliveryId/replay',
    config: { access: 'operator' },
    schema: {
      operationId: 'replayWebhookDelivery',
      summary: 'Send one message again',
      tags,
      params: deliveryParams,
      response: { 202: deliverySchema, ...PROBLEMS },
    },
    handler: async ({ params }, reply) =>
      reply.code(202).send(await webhooks.replayOne(TENANT, params.id, params.deliveryId)),
  })
}

// The shapes of webhooks as they cross the API.
import { z } from 'zod'
import { EVENT_TYPES, PASSING_EVENTS } from '../live/events.ts'
import { DELIVERY_STATES, DISABLED_REASONS } from '../webhooks/webhook.ts'

const MAX_TYPES = 50
export const MAX_ROTATION_SEC = 7 * 86_400

const SENT_TYPES = EVENT_TYPES.filter((type) => !PASSING_EVENTS.has(type))
const GROUPS = [...new Set(SENT_TYPES.map((type) => `${type.split('.')[0]}.*`))]

const typeSchema = z.string().refine((type) => type === '*' || GROUPS.includes(type) || isSentType(type), {
  error: `must be a type of event such as "recording.completed", one of ${GROUPS.join(', ')}, or *`,
})

function isSentType(type: string): boolean {
  return (SENT_TYPES as readonly string[]).includes(type)
}

const urlSchema = z
  .string()
  .max(2048)
  .refine(
    (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? '') && !/\p{Cc}|\s/u.test(text),
    'must be an http:// or https:// address',
  )
  .meta({
    description: 'A public address, or a host that `pull.allow` names. Kept sealed',
    example: 'https://shop.example/hooks/mirror',
  })
const typesSchema = z
  .array(typeSchema)
  .min(1)
  .max(MAX_TYPES)
  .meta({ description: 'Types of events, whole groups (`asset.*`), or everything (`*`)', example: ['recording.*'] })
const descriptionSchema = z.string().max(200)

export const addWebhookSchema = z.strictObject({
  url: urlSchema,
  types: typesSchema.default(['*']),
  description: descriptionSchema.default(''),
  enabled: z.boolean().default(true),
})

export const patchWebhookSchema = z
  .strictObject({ url: urlSchema, types: typesSchema, description: descriptionSchema, enabled: z.boolean() })
  .partial()

export const rotateWebhookSchema = z
  .strictObject({
    keepOldSec: z
      .int()
      .min(0)
      .max(MAX_ROTATION_SEC)
      .default(86_400)
      .meta({ description: 'For so long messages are signed with both secrets' }),
  })
  .default({ keepOldSec: 86_400 })

export const replayWebhookSchema = z.strictObject({
  since: z.string().max(64).meta({ description: 'ISO 8601, or -24h', example: '-24h' }),
  until: z.string().max(64).optional().meta({ description: 'Default: now' }),
  failedOnly: z.boolean().default(false).meta({ description: 'Only what was given up' }),
})

export const webhookSchema = z
  .object({
    id: z.string(),
    tenant: z.string(),
    url: z
      .string()
      .nullable()
      .meta({ description: 'Without password and query; null: sealed under another installation secret' }),
    description: z.string(),
    types: z.array(z.string()),
    enabled: z.boolean(),
    disabledReason: z
      .enum(DISABLED_REASONS)
      .nullable()
      .meta({ description: 'Why Mirror switched it off: failing for days, 410 Gone, or too much waited' }),
    oldSecretUntil: z.iso.datetime().nullable().meta({ description: 'Until then messages have two signatures' }),
    failingSince: z.iso.datetime().nullable(),
    lastSuccessAt: z.iso.datetime().nullable(),
    lastFailure: z.string().nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Webhook' })

export const webhookWithSecretSchema = webhookSchema
  .extend({ secret: z.string().meta({ description: 'Shown once: what the signatures are made with' }) })
  .meta({ id: 'WebhookWithSecret' })

export const webhookListSchema = z.object({ webhooks: z.array(webhookSchema) })

export const deliverySchema = z
  .object({
    id: z.string().meta({ description: 'The `webhook-id` of every attempt' }),
    type: z.string(),
    state: z.enum(DELIVERY_STATES),
    attempts: z.number(),
    eventAt: z.iso.datetime(),
    nextAttemptAt: z.iso.datetime().nullable(),
    giveUpAt: z.iso.datetime().nullable(),
    finishedAt: z.iso.datetime().nullable(),
    status: z.number().nullable().meta({ description: 'HTTP status of the last attempt; null: no answer' }),
    failure: z.string().nullable(),
    response: z.string().nullable().meta({ description: 'The first 1024 bytes of the last answer' }),
    tookMs: z.number().nullable(),
    body: z.record(z.string(), z.unknown()).meta({ description: 'What was sent' }),
  })
  .meta({ id: 'WebhookDelivery' })

export const deliveryPageSchema = z.object({
  deliveries: z.array(deliverySchema).meta({ description: 'Newest first' }),
  nextCursor: z.string().nullable().meta({ description: 'Null: there is no more' }),
})

export const deliveryQuerySchema = z.strictObject({
  state: z.enum(DELIVERY_STATES).optional(),
  cursor: z.string().max(200).optional().meta({ description: '`nextCursor` of the page before' }),
  limit: z.coerce.number().int().min(1).max(100).default(20),
})

export const replayedSchema = z.object({
  replayed: z.number(),
  more: z.boolean().meta({ description: 'There may be more than fit into the queue: replay again later' }),
})

export type AddWebhookBody = z.input<typeof addWebhookSchema>
export type WebhookOrder = z.output<typeof addWebhookSchema>
export type WebhookPatch = z.output<typeof patchWebhookSchema>
export type ReplayOrder = z.output<typeof replayWebhookSchema>
export type DeliveryQuery = z.output<typeof deliveryQuerySchema>
export type WebhookView = z.infer<typeof webhookSchema>
export type WebhookWithSecretView = z.infer<typeof webhookWithSecretSchema>
export type WebhookListView = z.infer<typeof webhookListSchema>
export type DeliveryView = z.infer<typeof deliverySchema>
export type DeliveryPageView = z.infer<typeof deliveryPageSchema>
export type ReplayedView = z.infer<typeof replayedSchema>

// What an endpoint is that is told of events, and what a message to it goes through. Data only.

export const DISABLED_REASONS = ['failing', 'gone', 'queue_full'] as const
/** Why Mirror stopped sending: nothing arrived for days, the endpoint said 410, or too much waits for it. */
export type DisabledReason = (typeof DISABLED_REASONS)[number]

/** Where messages go and what they are signed with; kept sealed as JSON. */
export interface WebhookSecrets {
  readonly url: string
  /** `whsec_` and base64, as Standard Webhooks writes it. */
  readonly secret: string
  /** The one before: signs too until then. */
  readonly previous: { readonly secret: string; readonly untilMs: number } | null
}

export interface WebhookRow {
  readonly id: string
  readonly tenantId: string
  readonly description: string
  /** `recording.completed`, `asset.*` or `*`. */
  readonly types: readonly string[]
  readonly enabled: boolean
  /** Null: nobody but a person has switched it off. */
  readonly disabledReason: DisabledReason | null
  /** JSON of `WebhookSecrets` under the installation secret (src/core/secrets.ts). */
  readonly sealed: string
  /** Since then every attempt has failed; null: the last one arrived, or none was made. */
  readonly failingSinceMs: number | null
  readonly lastSuccessAtMs: number | null
  readonly lastFailure: string | null
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

export type WebhookChange = Partial<Pick<WebhookRow, 'description' | 'types' | 'enabled' | 'disabledReason' | 'sealed'>>

export const DELIVERY_STATES = ['waiting', 'delivered', 'failed'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/** Of a message that a person asked for to see whether anything arrives. */
export const TEST_TYPE = 'webhook.test'

/** One event on its way to one endpoint. */
export interface DeliveryRow {
  /** What receivers tell duplicates by: that of the event, for every endpoint and every attempt. */
  readonly id: string
  readonly webhookId: string
  readonly tenantId: string
  readonly type: string
  /** Of the messages about one object the next waits until the one before has arrived or was given up; null: no order. */
  readonly object: string | null
  readonly body: string
  readonly state: DeliveryState
  /** Attempts begun. */
  readonly attempt: number
  /** Rises with every attempt: how an attempt that was given up ends changes nothing any more. */
  readonly fence: number
  readonly leaseUntilMs: number | null
  /** Not before this. */
  readonly nextAtMs: number
  /** No attempt is made later, but the first. */
  readonly giveUpAtMs: number
  /** Of the event. */
  readonly atMs: number
  readonly finishedAtMs: number | null
  /** HTTP status of the last attempt; null: there was no answer. */
  readonly status: number | null
  readonly failure: string | null
  /** The beginning of what the endpoint answered last. */
  readonly response: string | null
  readonly tookMs: number | null
}

/** How one attempt went. */
export interface Attempt {
  readonly status: number | null
  /** Null: it arrived. */
  readonly failure: string | null
  readonly response: string | null
  readonly tookMs: number
  /** The endpoint asked for that much time. */
  readonly retryAfterMs: number | null
}

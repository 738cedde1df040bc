// Webhooks as people and programs manage them. What is sent, and when, is the sender's.
import type { Catalog } from '../catalog/types.ts'
import { MirrorError } from '../core/errors.ts'
import type { HostSet } from '../core/host-set.ts'
import type { MirrorEvent } from '../live/events.ts'
import { hostOf, literalAddress, mayReach, parsePullHop } from '../outbound/pull-policy.ts'
import { GIVE_UP_MS } from '../webhooks/after-attempt.ts'
import { newWebhookSecret } from '../webhooks/signature.ts'
import { TEST_TYPE, type WebhookChange, type WebhookRow, type WebhookSecrets } from '../webhooks/webhook.ts'
import type { WebhookSender } from '../webhooks/webhook-sender.ts'
import type { ApiSecrets } from './api-secrets.ts'
import type { EventHub } from './event-hub.ts'
import { invalidField } from './form-field.ts'
import { momentOf } from './object-service.ts'
import type {
  DeliveryPageView,
  DeliveryQuery,
  DeliveryView,
  ReplayedView,
  ReplayOrder,
  WebhookOrder,
  WebhookPatch,
  WebhookView,
  WebhookWithSecretView,
} from './webhook-contract.ts'
import { renderDelivery, renderWebhook } from './webhook-view.ts'

/** Each costs a look at every event that is stored. */
const MAX_WEBHOOKS = 100

/** Everything that names one throws `webhook_not_found`. */
export interface WebhookService {
  /** Throws `invalid_request`, `webhooks_full`. */
  add(tenantId: string, order: WebhookOrder): Promise<WebhookWithSecretView>
  list(tenantId: string): Promise<readonly WebhookView[]>
  get(tenantId: string, id: string): Promise<WebhookView>
  edit(tenantId: string, id: string, change: WebhookPatch): Promise<WebhookView>
  remove(tenantId: string, id: string): Promise<void>
  /** A new secret; the one before goes on signing for a while. Throws `webhook_sealed`. */
  rotate(tenantId: string, id: string, keepOldSec: number): Promise<WebhookWithSecretView>
  /** One message, now: how it went. */
  test(tenantId: string, id: string): Promise<DeliveryView>
  deliveries(tenantId: string, id: string, query: DeliveryQuery): Promise<DeliveryPageView>
  /** Throws `delivery_not_found`. */
  delivery(tenantId: string, id: string, deliveryId: string): Promise<DeliveryView>
  /** Throws `delivery_not_found`, `webhook_disabled`. */
  replayOne(tenantId: string, id: string, deliveryId: string): Promise<DeliveryView>
  /** Throws `invalid_request`, `webhook_disabled`. */
  replaySince(tenantId: string, id: string, order: ReplayOrder): Promise<ReplayedView>
}

export interface WebhookServiceOptions {
  readonly webhooks: Catalog['webhooks']
  readonly sender: Pick<WebhookSender, 'sendTest' | 'wake'>
  readonly secrets: Pick<ApiSecrets, 'seal' | 'open'>
  /** Hosts that are reached besides public addresses. */
  readonly allow: HostSet
  readonly events: Pick<EventHub, 'publish' | 'stored'>
  readonly newId: () => string
  readonly newSecret?: () => string
  readonly clock: () => number
}

export function createWebhookService(options: WebhookServiceOptions): WebhookService {
  const { webhooks, sender, secrets, allow, events, newId, newSecret = newWebhookSecret, clock } = options

  async function require(tenantId: string, id: string): Promise<WebhookRow> {
    const row = await webhooks.get(tenantId, id)
    if (row === null) throw new MirrorError('webhook_not_found', `There is no webhook ${id.slice(0, 64)}`)
    return row
  }

  async function requireEnabled(tenantId: string, id: string): Promise<WebhookRow> {
    const row = await require(tenantId, id)
    if (!row.enabled) throw new MirrorError('webhook_disabled', `The webhook ${id} is switched off`)
    return row
  }

  function opened({ sealed }: Pick<WebhookRow, 'sealed'>): WebhookSecrets | null {
    const text = secrets.open(sealed)
    return text === null ? null : (JSON.parse(text) as WebhookSecrets)
  }

  function requireOpened(row: WebhookRow): WebhookSecrets {
    const found = opened(row)
    if (found === null) throw new MirrorError('webhook_sealed', `The secret of the webhook ${row.id} cannot be opened`)
    return found
  }

  const view = (row: WebhookRow): WebhookView => renderWebhook(row, opened(row), clock())

  /** What a name resolves to is looked at when something is sent. */
  function checkUrl(text: string): void {
    const { url } = parsePullHop(text)
    const literal = literalAddress(url)
    if (literal !== null && !mayReach(hostOf(url), literal, allow)) {
      throw invalidField('url', 'must be at a public address, or at one that pull.allow names')
    }
  }

  async function changed(tenantId: string, id: string, change: WebhookChange): Promise<WebhookRow> {
    const row = await webhooks.update(tenantId, id, change, clock())
    return row ?? (await require(tenantId, id))
  }

  function report(type: MirrorEvent['type'], { id, tenantId }: WebhookRow, message: string): void {
    const details = { webhookId: id, tenant: tenantId }
    events.publish({ type, severity: 'info', streamId: null, tenantId, atMs: clock(), code: null, message, details })
  }

  return {
    async add(tenantId, { url, types, description, enabled }) {
      checkUrl(url)
      if ((await webhooks.list(tenantId)).length >= MAX_WEBHOOKS) {
        throw new MirrorError('webhooks_full', `There are ${MAX_WEBHOOKS} webhooks already`)
      }
      const secret = newSecret()
      const nowMs = clock()
      const sealed = secrets.seal(JSON.stringify({ url, secret, previous: null } satisfies WebhookSecrets))
      const row: WebhookRow = {
        ...{ id: newId(), tenantId, description, types, enabled, disabledReason: null, sealed },
        ...{ failingSinceMs: null, lastSuccessAtMs: null, lastFailure: null, createdAtMs: nowMs, updatedAtMs: nowMs },
      }
      await webhooks.create(row)
      report('webhook.added', row, `The webhook ${row.id} was added`)
      return { ...view(row), secret }
    },

    list: async (tenantId) => (await webhooks.list(tenantId)).map(view),
    get: async (tenantId, id) => view(await require(tenantId, id)),

    async edit(tenantId, id, { url, types, description, enabled }) {
      const row = await require(tenantId, id)
      if (url !== undefined) checkUrl(url)
      const change: WebhookChange = {
        ...(types === undefined ? {} : { types }),
        ...(description === undefined ? {} : { description }),
        ...(enabled === undefined ? {} : { enabled, disabledReason: null }),
        ...(url === undefined ? {} : { sealed: secrets.seal(JSON.stringify({ ...requireOpened(row), url })) }),
      }
      const edited = await changed(tenantId, id, change)
      if (edited.enabled) sender.wake()
      return view(edited)
    },

    async remove(tenantId, id) {
      const row = await require(tenantId, id)
      await webhooks.remove(tenantId, id)
      report('webhook.removed', row, `The webhook ${id} was removed`)
    },

    async rotate(tenantId, id, keepOldSec) {
      const row = await require(tenantId, id)
      const old = requireOpened(row)
      const secret = newSecret()
      const previous = keepOldSec === 0 ? null : { secret: old.secret, untilMs: clock() + keepOldSec * 1000 }
      const sealed = secrets.seal(JSON.stringify({ ...old, secret, previous } satisfies WebhookSecrets))
      return { ...view(await changed(tenantId, id, { sealed })), secret }
    },

    async test(tenantId, id) {
      const row = await require(tenantId, id)
      const messageId = newId()
      const timestamp = new Date(clock()).toISOString()
      const data = { severity: 'info', streamId: null, code: null, message: 'This is a test', details: {} }
      const body = JSON.stringify({ id: messageId, type: TEST_TYPE, timestamp, data })
      return renderDelivery(await sender.sendTest(row, { id: messageId, body }), row.enabled)
    },

    async deliveries(tenantId, id, { state, cursor, limit }) {
      const { enabled } = await require(tenantId, id)
      if (cursor !== undefined && (await webhooks.delivery(tenantId, id, cursor)) === null) {
        throw invalidField('cursor', 'must be the nextCursor of a page')
      }
      // One more tells whether there is a next page.
      const rows = await webhooks.deliveries({
        ...{ tenantId, webhookId: id, limit: limit + 1 },
        ...(state === undefined ? {} : { state }),
        ...(cursor === undefined ? {} : { before: cursor }),
      })
      const page = rows.slice(0, limit)
      return {
        deliveries: page.map((row) => renderDelivery(row, enabled)),
        nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
      }
    },

    async delivery(tenantId, id, deliveryId) {
      const { enabled } = await require(tenantId, id)
      const row = await webhooks.delivery(tenantId, id, deliveryId)
      return row === null ? noDelivery(id, deliveryId) : renderDelivery(row, enabled)
    },

    async replayOne(tenantId, id, deliveryId) {
      await requireEnabled(tenantId, id)
      const nowMs = clock()
      const path = { tenantId, webhookId: id, id: deliveryId }
      const row = await webhooks.replayOne(path, { nowMs, giveUpAtMs: nowMs + GIVE_UP_MS })
      if (row === null) return noDelivery(id, deliveryId)
      sender.wake()
      return renderDelivery(row, true)
    },

    async replaySince(tenantId, id, { since, until, failedOnly }) {
      const webhook = await requireEnabled(tenantId, id)
      const nowMs = clock()
      const sinceMs = momentOf(since, nowMs, 'since')
      const untilMs = until === undefined ? nowMs + 1 : momentOf(until, nowMs, 'until')
      if (sinceMs >= untilMs) throw invalidField('since', 'must lie before "until"')
      await events.stored()
      const what = { sinceMs, untilMs, failedOnly, nowMs, giveUpAtMs: nowMs + GIVE_UP_MS }
      const replayed = await webhooks.replaySince(webhook, what)
      sender.wake()
      return replayed
    },
  }
}

function noDelivery(id: string, deliveryId: string): never {
  throw new MirrorError('delivery_not_found', `The webhook ${id} has no delivery ${deliveryId.slice(0, 64)}`)
}

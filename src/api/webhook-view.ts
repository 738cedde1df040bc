// From webhooks and what is on its way to them to what the API and its events show. Pure.
import type { MirrorEvent } from '../live/events.ts'
import { maskUrl } from '../live/ingest/pull/pull-url.ts'
import type { DeliveryRow, DisabledReason, WebhookRow, WebhookSecrets } from '../webhooks/webhook.ts'
import { isoTime } from './stream-view.ts'
import type { DeliveryView, WebhookView } from './webhook-contract.ts'

/** `secrets` null: they were sealed under another installation secret. */
export function renderWebhook(row: WebhookRow, secrets: WebhookSecrets | null, nowMs: number): WebhookView {
  const { id, tenantId, description, types, enabled, disabledReason, lastFailure } = row
  const oldUntilMs = secrets?.previous?.untilMs ?? 0
  return {
    ...{ id, tenant: tenantId, url: secrets === null ? null : maskUrl(secrets.url), description, types: [...types] },
    ...{ enabled, disabledReason, oldSecretUntil: oldUntilMs > nowMs ? isoTime(oldUntilMs) : null },
    ...{ failingSince: timeOf(row.failingSinceMs), lastSuccessAt: timeOf(row.lastSuccessAtMs), lastFailure },
    ...{ createdAt: isoTime(row.createdAtMs), updatedAt: isoTime(row.updatedAtMs) },
  }
}

export function renderDelivery(row: DeliveryRow, isEnabled: boolean): DeliveryView {
  const { id, type, state, attempt, status, failure, response, tookMs, body } = row
  const isWaiting = state === 'waiting'
  return {
    ...{ id, type, state, attempts: attempt, eventAt: isoTime(row.atMs) },
    // While the endpoint is off nobody knows when.
    nextAttemptAt: isWaiting && isEnabled ? isoTime(row.nextAtMs) : null,
    giveUpAt: isWaiting ? isoTime(row.giveUpAtMs) : null,
    finishedAt: timeOf(row.finishedAtMs),
    ...{ status, failure, response, tookMs, body: JSON.parse(body) as Record<string, unknown> },
  }
}

const REASONS: Readonly<Record<DisabledReason, string>> = {
  failing: 'nothing has arrived there for three days',
  gone: 'it answered 410 Gone',
  queue_full: 'too many messages wait for it',
}

export function eventOfDisabled({ id, tenantId, description, disabledReason }: WebhookRow, atMs: number): MirrorEvent {
  const name = description === '' ? id : `${id} (${description})`
  return {
    ...{ type: 'webhook.disabled', severity: 'error', streamId: null, tenantId, atMs, code: null },
    message: `The webhook ${name} was switched off: ${disabledReason === null ? '' : REASONS[disabledReason]}`,
    details: { webhookId: id, tenant: tenantId, ...(disabledReason === null ? {} : { reason: disabledReason }) },
  }
}

function timeOf(atMs: number | null): string | null {
  return atMs === null ? null : isoTime(atMs)
}

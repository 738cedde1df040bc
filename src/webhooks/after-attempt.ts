// What follows from how an attempt went. Pure.
import { retryDelayMs } from '../core/retry-delay.ts'
import type { Attempt, DeliveryRow, DisabledReason, WebhookRow } from './webhook.ts'

/** How long a message is tried. */
export const GIVE_UP_MS = 24 * 3_600_000
/** An endpoint at which nothing has arrived for so long is switched off. */
export const DISABLE_AFTER_MS = 3 * 24 * 3_600_000
/** 17 attempts in a day. */
const RETRY = { minMs: 5_000, maxMs: 4 * 3_600_000 }
/** An endpoint may ask for this much patience at most. */
const MAX_RETRY_AFTER_MS = 3_600_000
const HTTP_GONE = 410

export type NextStep =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly atMs: number }
  | { readonly kind: 'failed' }

export function afterAttempt(
  { attempt, giveUpAtMs }: Pick<DeliveryRow, 'attempt' | 'giveUpAtMs'>,
  { failure, retryAfterMs }: Pick<Attempt, 'failure' | 'retryAfterMs'>,
  { nowMs, random }: { readonly nowMs: number; readonly random: () => number },
): NextStep {
  if (failure === null) return { kind: 'delivered' }
  const delayMs = retryDelayMs(attempt - 1, RETRY, random)
  const atMs = nowMs + Math.max(delayMs, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS))
  return atMs > giveUpAtMs ? { kind: 'failed' } : { kind: 'retry', atMs }
}

/** Why nothing more is to be sent to an endpoint after this attempt; null: it goes on. */
export function disabledBy(
  { failingSinceMs }: Pick<WebhookRow, 'failingSinceMs'>,
  { status, failure }: Pick<Attempt, 'status' | 'failure'>,
  nowMs: number,
): DisabledReason | null {
  if (status === HTTP_GONE) return 'gone'
  if (failure === null || failingSinceMs === null) return null
  return nowMs - failingSinceMs >= DISABLE_AFTER_MS ? 'failing' : null
}

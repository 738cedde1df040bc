// Events become messages to endpoints in the transaction that stores them: what happened is told, or did not happen.
import { PostgresAdapter } from 'kysely'
import type { MirrorEvent } from '../live/events.ts'
import { GIVE_UP_MS } from '../webhooks/after-attempt.ts'
import { messageBody, objectOf, wantsType } from '../webhooks/message.ts'
import type { DeliveryRow, WebhookRow } from '../webhooks/webhook.ts'
import { decodeJson, toStorableText } from './codec.ts'
import type { Db } from './schema.ts'

/** Messages that wait for one endpoint; it is switched off then, and what came since can be replayed. */
export const MAX_WAITING_DELIVERIES = 10_000
/** A replay leaves room for what happens meanwhile. */
export const MAX_REPLAYED_DELIVERIES = 9_000
/** 19 parameters each, far below the limits of 32,766 (SQLite) and 65,535 (PostgreSQL). */
const ROWS_PER_INSERT = 500

/** An event with the id by which its messages are known. */
export type KnownEvent = MirrorEvent & { readonly id: string; readonly tenantId: string }

export async function fanOut(db: Db, events: readonly KnownEvent[]): Promise<void> {
  if (events.length === 0) return
  const endpoints = await db
    .selectFrom('webhooks')
    .select(['id', 'tenantId', 'types'])
    .where('enabled', '=', 1)
    .orderBy('id')
    // One that is removed before its messages are written would undo what they tell of. SQLite has one writer at a time.
    .$if(db.getExecutor().adapter instanceof PostgresAdapter, (query) => query.forKeyShare())
    .execute()
  for (const { types, ...endpoint } of endpoints) {
    const patterns = decodeJson<readonly string[]>(types)
    const wanted = events.filter(({ tenantId, type }) => tenantId === endpoint.tenantId && wantsType(patterns, type))
    if (wanted.length === 0) continue
    const room = MAX_WAITING_DELIVERIES - (await waitingFor(db, endpoint.id))
    const rows = wanted
      .slice(0, Math.max(0, room))
      .map((event) => newDelivery(endpoint, event, { nowMs: event.atMs, giveUpAtMs: event.atMs + GIVE_UP_MS }))
    await insertDeliveries(db, rows)
  }
}

export function newDelivery(
  webhook: Pick<WebhookRow, 'id' | 'tenantId'>,
  event: KnownEvent,
  { nowMs, giveUpAtMs }: { readonly nowMs: number; readonly giveUpAtMs: number },
): DeliveryRow {
  return {
    ...{ id: event.id, webhookId: webhook.id, tenantId: webhook.tenantId, type: event.type },
    ...{ object: objectOf(event), body: toStorableText(messageBody(event, event.id)), state: 'waiting' },
    ...{ attempt: 0, fence: 0, leaseUntilMs: null, nextAtMs: nowMs, giveUpAtMs, atMs: event.atMs },
    ...{ finishedAtMs: null, status: null, failure: null, response: null, tookMs: null },
  }
}

/** How many are new: an endpoint has a message about each event once. */
export async function insertDeliveries(db: Db, rows: readonly DeliveryRow[]): Promise<number> {
  let added = 0
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    const { numInsertedOrUpdatedRows } = await db
      .insertInto('webhookDeliveries')
      .values(rows.slice(start, start + ROWS_PER_INSERT))
      .onConflict((conflict) => conflict.columns(['webhookId', 'id']).doNothing())
      .executeTakeFirstOrThrow()
    added += Number(numInsertedOrUpdatedRows ?? 0n)
  }
  return added
}

export async function waitingFor(db: Db, webhookId: string): Promise<number> {
  const { count } = await db
    .selectFrom('webhookDeliveries')
    .select((row) => row.fn.countAll<number | string | bigint>().as('count'))
    .where('webhookId', '=', webhookId)
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow()
  return Number(count)
}

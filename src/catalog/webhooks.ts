import { type ExpressionBuilder, type Selectable, sql } from 'kysely'
import type { NextStep } from '../webhooks/after-attempt.ts'
import { wantsType } from '../webhooks/message.ts'
import {
  type DeliveryRow,
  type DisabledReason,
  TEST_TYPE,
  type WebhookChange,
  type WebhookRow,
} from '../webhooks/webhook.ts'
import { decodeJson, encodeJson, toStorableText } from './codec.ts'
import { storedEvent } from './events.ts'
import type { Dialect } from './migrations.ts'
import type { Db, Schema } from './schema.ts'
import type { Catalog } from './types.ts'
import {
  insertDeliveries,
  MAX_REPLAYED_DELIVERIES,
  MAX_WAITING_DELIVERIES,
  newDelivery,
  waitingFor,
} from './webhook-outbox.ts'

type Webhooks = Catalog['webhooks']

/** When messages for an endpoint that is switched off come: not before it is switched on. */
const PARKED_MS = Number.MAX_SAFE_INTEGER
const EVENTS_PER_PAGE = 500
/** Whoever is switched on with a full queue may take so long to work it off. */
const CATCH_UP_MS = 3_600_000

export function openWebhooks(db: Db, dialect: Dialect): Webhooks {
  const owned = (tenantId: string, id: string) => (row: ExpressionBuilder<Schema, 'webhooks'>) =>
    row.and([row('tenantId', '=', tenantId), row('id', '=', id)])

  return {
    async create({ types, enabled, ...row }) {
      await db
        .insertInto('webhooks')
        .values({ ...row, types: encodeJson(types), enabled: enabled ? 1 : 0 })
        .execute()
    },

    async get(tenantId, id) {
      const row = await db.selectFrom('webhooks').selectAll().where(owned(tenantId, id)).executeTakeFirst()
      return row === undefined ? null : toWebhook(row)
    },

    async list(tenantId) {
      const rows = await db
        .selectFrom('webhooks')
        .selectAll()
        .where('tenantId', '=', tenantId)
        .orderBy('createdAtMs')
        .orderBy('id')
        .execute()
      return rows.map(toWebhook)
    },

    async update(tenantId, id, change, nowMs) {
      return await db.transaction().execute(async (inside) => {
        const row = await inside
          .updateTable('webhooks')
          .set({
            ...changedColumns(change),
            ...(change.enabled === true ? { disabledReason: null, failingSinceMs: null } : {}),
            updatedAtMs: nowMs,
          })
          .where(owned(tenantId, id))
          .returningAll()
          .executeTakeFirst()
        if (row === undefined) return null
        if (change.enabled !== undefined) await putOff(inside, id, change.enabled ? nowMs : PARKED_MS)
        return toWebhook(row)
      })
    },

    async remove(tenantId, id) {
      const { numDeletedRows } = await db.deleteFrom('webhooks').where(owned(tenantId, id)).executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },

    async nextAtMs() {
      // What came behind a message that is put off is not due before it.
      const next = await sql<{ nextAtMs: number }>`
        select delivery.next_at_ms from webhook_deliveries as delivery
        where delivery.state = 'waiting' and delivery.next_at_ms < ${sql.lit(PARKED_MS)} and ${isFirst}
        order by delivery.next_at_ms
        limit 1`.execute(db)
      return next.rows[0]?.nextAtMs ?? null
    },

    async claim({ nowMs, leaseMs, except }) {
      return await db.transaction().execute(async (inside) => {
        const others = except.length === 0 ? sql`` : sql`and delivery.webhook_id not in (${sql.join([...except])})`
        const next = await sql<{ seq: number }>`
          select delivery.seq from webhook_deliveries as delivery
          where delivery.state = 'waiting' and delivery.next_at_ms <= ${nowMs}
            and (delivery.lease_until_ms is null or delivery.lease_until_ms <= ${nowMs}) ${others}
            and ${isFirst}
          order by delivery.next_at_ms, delivery.seq
          limit 1 ${forClaim[dialect]}`.execute(inside)
        const seq = next.rows[0]?.seq
        if (seq === undefined) return null
        const row = await inside
          .updateTable('webhookDeliveries')
          .set((current) => ({
            attempt: current('attempt', '+', 1),
            fence: current('fence', '+', 1),
            leaseUntilMs: nowMs + leaseMs,
          }))
          .where('seq', '=', seq)
          .returningAll()
          .executeTakeFirstOrThrow()
        const webhook = await inside
          .selectFrom('webhooks')
          .selectAll()
          .where('id', '=', row.webhookId)
          .executeTakeFirstOrThrow()
        return { delivery: toDelivery(row), webhook: toWebhook(webhook) }
      })
    },

    async addClaimed(delivery) {
      await db.insertInto('webhookDeliveries').values(delivery).execute()
    },

    async settle({ webhookId, id, fence }, { attempt, step, disabled }, nowMs) {
      const { status, failure, response, tookMs } = attempt
      return await db.transaction().execute(async (inside) => {
        if (!(await lockFirst(inside, dialect, webhookId))) return null
        const row = await inside
          .updateTable('webhookDeliveries')
          .set({
            ...{ status, failure, tookMs, response: response === null ? null : toStorableText(response) },
            ...{ leaseUntilMs: null, state: step.kind === 'retry' ? 'waiting' : step.kind },
            ...(step.kind === 'retry' ? { nextAtMs: step.atMs } : { finishedAtMs: nowMs }),
          })
          .where('webhookId', '=', webhookId)
          .where('id', '=', id)
          .where('fence', '=', fence)
          .where('state', '=', 'waiting')
          .returningAll()
          .executeTakeFirst()
        if (row === undefined) return null
        if (row.object !== null) await letFollow(inside, { ...row, object: row.object }, step, nowMs)
        if (row.type !== TEST_TYPE) {
          await inside
            .updateTable('webhooks')
            .set((current) =>
              failure === null
                ? { failingSinceMs: null, lastSuccessAtMs: nowMs, lastFailure: null }
                : {
                    failingSinceMs: current.fn.coalesce('failingSinceMs', current.val(nowMs)),
                    lastFailure: toStorableText(failure),
                  },
            )
            .where('id', '=', row.webhookId)
            .execute()
        }
        const isDisabled = disabled === null ? false : await switchOff(inside, row.webhookId, disabled, nowMs)
        // It was switched off meanwhile, by this attempt or another.
        if (step.kind === 'retry' && !(await isOn(inside, row.webhookId)))
          await putOff(inside, row.webhookId, PARKED_MS)
        return { delivery: toDelivery(row), isDisabled }
      })
    },

    async release({ webhookId, id, fence }, nowMs) {
      await db
        .updateTable('webhookDeliveries')
        .set((current) => ({ leaseUntilMs: null, nextAtMs: nowMs, attempt: current('attempt', '-', 1) }))
        .where('webhookId', '=', webhookId)
        .where('id', '=', id)
        .where('fence', '=', fence)
        .where('state', '=', WAITING)
        .where('nextAtMs', '<', PARKED_MS)
        .execute()
    },

    async disableOverfull({ nowMs, sinceMs }) {
      return await db.transaction().execute(async (inside) => {
        const full = await inside
          .selectFrom('webhookDeliveries')
          .select('webhookId')
          .where('state', '=', WAITING)
          .where('nextAtMs', '<', PARKED_MS)
          .groupBy('webhookId')
          .orderBy('webhookId')
          .having((row) => row.fn.countAll(), '>=', MAX_WAITING_DELIVERIES)
          .execute()
        const disabled: WebhookRow[] = []
        for (const { webhookId } of full) {
          const row = async () =>
            await inside.selectFrom('webhooks').selectAll().where('id', '=', webhookId).executeTakeFirstOrThrow()
          const { updatedAtMs, lastSuccessAtMs } = await row()
          const worksAtMs = Math.max(updatedAtMs, lastSuccessAtMs ?? 0)
          if (worksAtMs >= sinceMs && updatedAtMs >= nowMs - CATCH_UP_MS) continue
          if (await switchOff(inside, webhookId, 'queue_full', nowMs)) disabled.push(toWebhook(await row()))
        }
        return disabled
      })
    },

    async endLeases() {
      await db
        .updateTable('webhookDeliveries')
        .set({ leaseUntilMs: null })
        .where('state', '=', WAITING)
        .where('leaseUntilMs', 'is not', null)
        .execute()
    },

    async deliveries({ tenantId, webhookId, state, before, limit }) {
      const rows = await db
        .selectFrom('webhookDeliveries')
        .selectAll()
        .where('tenantId', '=', tenantId)
        .where('webhookId', '=', webhookId)
        .$if(state !== undefined, (query) => query.where('state', '=', state ?? 'waiting'))
        .$if(before !== undefined, (query) =>
          query.where('seq', '<', (row) =>
            row
              .selectFrom('webhookDeliveries as last')
              .select('last.seq')
              .where('last.webhookId', '=', webhookId)
              .where('last.id', '=', before ?? ''),
          ),
        )
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toDelivery)
    },

    async delivery(tenantId, webhookId, id) {
      const row = await db
        .selectFrom('webhookDeliveries')
        .selectAll()
        .where('tenantId', '=', tenantId)
        .where('webhookId', '=', webhookId)
        .where('id', '=', id)
        .executeTakeFirst()
      return row === undefined ? null : toDelivery(row)
    },

    async replayOne({ tenantId, webhookId, id }, { nowMs, giveUpAtMs }) {
      const row = await db
        .updateTable('webhookDeliveries')
        .set(again(nowMs, giveUpAtMs))
        .where('tenantId', '=', tenantId)
        .where('webhookId', '=', webhookId)
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst()
      return row === undefined ? null : toDelivery(row)
    },

    async replaySince(webhook, what) {
      return await db.transaction().execute(async (inside) => {
        if (!(await lockFirst(inside, dialect, webhook.id))) return { replayed: 0, more: false }
        const room = Math.max(0, MAX_REPLAYED_DELIVERIES - (await waitingFor(inside, webhook.id)))
        // What never arrived comes first, so that what arrived does not take its place.
        let left = room - (await replayEnded(inside, webhook, 'failed', what, room))
        if (!what.failedOnly) {
          left -= await replayMissed(inside, webhook, what, left)
          left -= await replayEnded(inside, webhook, 'delivered', what, left)
        }
        return { replayed: room - left, more: left === 0 }
      })
    },

    async trim({ beforeMs, keep }) {
      const { numDeletedRows } = await db
        .deleteFrom('webhookDeliveries')
        .where('state', '!=', 'waiting')
        .where((row) =>
          row.or([
            row('finishedAtMs', '<', beforeMs),
            row('seq', '<=', (inner) =>
              inner
                .selectFrom('webhookDeliveries as kept')
                .select('kept.seq')
                .where('kept.state', '!=', 'waiting')
                .orderBy('kept.seq', 'desc')
                .limit(1)
                .offset(keep),
            ),
          ]),
        )
        .executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },
  }
}

/** As in the indexes: a parameter there would not match their condition. */
const WAITING = sql<'waiting'>`'waiting'`

/** Of the messages of an endpoint about one object. */
const isFirst = sql`not exists (select 1 from webhook_deliveries as before
  where before.webhook_id = delivery.webhook_id and before.object = delivery.object
    and before.state = 'waiting' and before.seq < delivery.seq)`

/** PostgreSQL: of two callers the second skips the row of the first. SQLite has one writer at a time. */
const forClaim = { postgres: sql`for update of delivery skip locked`, sqlite: sql`` } as const satisfies Record<
  Dialect,
  unknown
>

/**
 * Whoever changes messages of an endpoint and the endpoint in one transaction locks the endpoint first, as removing it
 * does, whose messages go with it: else each may hold what the other waits for. Those who only refer to it are let by.
 * False: it is not there any more.
 */
async function lockFirst(db: Db, dialect: Dialect, webhookId: string): Promise<boolean> {
  const row = await db
    .selectFrom('webhooks')
    .select('id')
    .where('id', '=', webhookId)
    .$if(dialect === 'postgres', (query) => query.forNoKeyUpdate())
    .executeTakeFirst()
  return row !== undefined
}

function again(nowMs: number, giveUpAtMs: number) {
  return { state: 'waiting', attempt: 0, nextAtMs: nowMs, giveUpAtMs, finishedAtMs: null } as const
}

async function putOff(db: Db, webhookId: string, untilMs: number): Promise<void> {
  await db
    .updateTable('webhookDeliveries')
    .set({ nextAtMs: untilMs })
    .where('webhookId', '=', webhookId)
    .where('state', '=', WAITING)
    .execute()
}

/**
 * The messages behind one about the same object are due when it is: what cannot be claimed yet is not looked at with
 * every claim.
 */
async function letFollow(
  db: Db,
  { webhookId, object }: { readonly webhookId: string; readonly object: string },
  step: NextStep,
  nowMs: number,
): Promise<void> {
  const atMs = step.kind === 'retry' ? step.atMs : nowMs
  await db
    .updateTable('webhookDeliveries')
    .set({ nextAtMs: atMs })
    .where('webhookId', '=', webhookId)
    .where('object', '=', object)
    .where('state', '=', WAITING)
    .where('nextAtMs', '<', PARKED_MS)
    .where('nextAtMs', step.kind === 'retry' ? '<' : '>', atMs)
    .execute()
}

type ReplayedTime = Parameters<Webhooks['replaySince']>[1]

async function replayEnded(
  db: Db,
  { id }: Pick<WebhookRow, 'id'>,
  state: 'failed' | 'delivered',
  { sinceMs, untilMs, nowMs, giveUpAtMs }: ReplayedTime,
  limit: number,
): Promise<number> {
  if (limit === 0) return 0
  const ended = db
    .selectFrom('webhookDeliveries')
    .select('seq')
    .where('webhookId', '=', id)
    .where('state', '=', state)
    .where('type', '!=', TEST_TYPE)
    .where('atMs', '>=', sinceMs)
    .where('atMs', '<', untilMs)
    .orderBy('seq')
    .limit(limit)
  const { numUpdatedRows } = await db
    .updateTable('webhookDeliveries')
    .set(again(nowMs, giveUpAtMs))
    .where('seq', 'in', ended)
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}

/** What happened while there was no room, or the endpoint was off. */
async function replayMissed(
  db: Db,
  webhook: Pick<WebhookRow, 'id' | 'tenantId' | 'types'>,
  { sinceMs, untilMs, nowMs, giveUpAtMs }: ReplayedTime,
  limit: number,
): Promise<number> {
  let added = 0
  let afterSeq = 0
  while (added < limit) {
    const events = await db
      .selectFrom('events')
      .selectAll()
      .where('seq', '>', afterSeq)
      .where('tenantId', '=', webhook.tenantId)
      .where('id', 'is not', null)
      .where('atMs', '>=', sinceMs)
      .where('atMs', '<', untilMs)
      .where((event) =>
        event.not(
          event.exists(
            event
              .selectFrom('webhookDeliveries as known')
              .select('known.seq')
              .where('known.webhookId', '=', webhook.id)
              .whereRef('known.id', '=', 'events.id'),
          ),
        ),
      )
      .orderBy('seq')
      .limit(EVENTS_PER_PAGE)
      .execute()
    const rows = events
      .filter(({ type }) => wantsType(webhook.types, type))
      .map((row) => newDelivery(webhook, storedEvent(row), { nowMs, giveUpAtMs }))
    added += await insertDeliveries(db, rows.slice(0, limit - added))
    afterSeq = events.at(-1)?.seq ?? afterSeq
    if (events.length < EVENTS_PER_PAGE) break
  }
  return added
}

async function isOn(db: Db, id: string): Promise<boolean> {
  const row = await db.selectFrom('webhooks').select('enabled').where('id', '=', id).executeTakeFirst()
  return row?.enabled === 1
}

/** False when it was off already. */
async function switchOff(db: Db, id: string, reason: DisabledReason, nowMs: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('webhooks')
    .set({ enabled: 0, disabledReason: reason, updatedAtMs: nowMs })
    .where('id', '=', id)
    .where('enabled', '=', 1)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) return false
  await putOff(db, id, PARKED_MS)
  return true
}

function changedColumns({ types, enabled, ...change }: WebhookChange) {
  return {
    ...change,
    ...(types === undefined ? {} : { types: encodeJson(types) }),
    ...(enabled === undefined ? {} : { enabled: enabled ? (1 as const) : (0 as const) }),
  }
}

function toWebhook({ types, enabled, ...row }: Selectable<Schema['webhooks']>): WebhookRow {
  return { ...row, types: decodeJson<readonly string[]>(types), enabled: enabled === 1 }
}

function toDelivery({ seq: _seq, ...row }: Selectable<Schema['webhookDeliveries']>): DeliveryRow {
  return row
}

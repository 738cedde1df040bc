import { type Selectable, sql } from 'kysely'
import type { JobPayload, JobProgress, JobRow, JobTable, NewJob, Schedule } from '../jobs/types.ts'
import { decodeJson, encodeJson } from './codec.ts'
import type { Dialect } from './migrations.ts'
import type { Db, Schema } from './schema.ts'

const DEFAULT_MAX_ATTEMPTS = 5

export function openJobs(db: Db, dialect: Dialect): JobTable {
  const claimed = (claim: { readonly id: string; readonly fence: number }) =>
    db.updateTable('jobs').where('id', '=', claim.id).where('fence', '=', claim.fence).where('state', '=', 'running')

  return {
    add: async (job, nowMs) => await db.transaction().execute(async (inside) => await addJob(inside, job, nowMs)),

    async get(id) {
      const row = await db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? null : toJob(row)
    },

    async list({ kind, state, tenantId, before, limit }) {
      let query = db.selectFrom('jobs').selectAll()
      if (kind !== undefined) query = query.where('kind', '=', kind)
      if (state !== undefined) query = query.where('state', '=', state)
      if (tenantId !== undefined) query = query.where('tenantId', '=', tenantId)
      if (before !== undefined) {
        query = query.where('seq', '<', (row) =>
          row
            .selectFrom('jobs')
            .select('seq')
            .where('id', '=', before)
            .$if(tenantId !== undefined, (named) => named.where('tenantId', '=', tenantId ?? '')),
        )
      }
      return (await query.orderBy('seq', 'desc').limit(limit).execute()).map(toJob)
    },

    async count() {
      const rows = await db
        .selectFrom('jobs')
        .select(['kind', 'state', (row) => row.fn.countAll<number | string | bigint>().as('count')])
        .where('state', 'in', ['waiting', 'running'])
        .groupBy(['kind', 'state'])
        .execute()
      return rows.map((row) => ({ ...row, count: Number(row.count) }))
    },

    async claim({ kinds, tenantLimits = {}, owner, nowMs, leaseMs }) {
      if (kinds.length === 0) return null
      const limits = Object.entries(tenantLimits).filter(([kind]) => kinds.includes(kind))
      return await db.transaction().execute(async (inside) => {
        // Two that count at once would both find the last place. SQLite has one writer at a time.
        if (limits.length > 0 && dialect === 'postgres') {
          await sql`select pg_advisory_xact_lock(${CLAIM_LOCK})`.execute(inside)
        }
        const next = await sql<{ id: string }>`
          select id from jobs
          where kind in (${sql.join(kinds)})
            and ((state = 'waiting' and run_at_ms <= ${nowMs})
              or (state = 'running' and lease_until_ms <= ${nowMs} and attempt < max_attempts))
            and ${hasPlace(limits, nowMs)}
          order by priority desc,
            (select count(*) from jobs as beside
              where beside.kind = jobs.kind and beside.tenant_id = jobs.tenant_id and beside.state = 'running'),
            run_at_ms, seq
          limit 1 ${forClaim[dialect]}`.execute(inside)
        const id = next.rows[0]?.id
        if (id === undefined) return null
        const row = await inside
          .updateTable('jobs')
          .set((current) => ({
            state: 'running',
            owner,
            attempt: current('attempt', '+', 1),
            fence: current('fence', '+', 1),
            leaseUntilMs: nowMs + leaseMs,
            startedAtMs: nowMs,
            progress: null,
          }))
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirstOrThrow()
        return toJob(row)
      })
    },

    async markThrottled(tenantLimits, nowMs) {
      const limits = Object.entries(tenantLimits)
      if (limits.length === 0) return []
      const marked = await db
        .updateTable('jobs')
        .set({ throttledAtMs: nowMs })
        .where(
          'kind',
          'in',
          limits.map(([kind]) => kind),
        )
        .where('state', '=', 'waiting')
        .where('runAtMs', '<=', nowMs)
        .where('throttledAtMs', 'is', null)
        .where(sql<boolean>`not ${hasPlace(limits, nowMs)}`)
        .returning('kind')
        .execute()
      const kinds = new Set(marked.map(({ kind }) => kind))
      return [...kinds].map((kind) => ({ kind, count: marked.filter((job) => job.kind === kind).length }))
    },

    async endLeases(nowMs) {
      await db
        .updateTable('jobs')
        .set({ leaseUntilMs: nowMs })
        .where('state', '=', 'running')
        .where('leaseUntilMs', '>', nowMs)
        .execute()
    },

    async failAbandoned(nowMs) {
      const failure = encodeJson({
        code: 'job_abandoned',
        message: 'Its worker died or hung in every attempt, the last one included',
      })
      const rows = await db
        .updateTable('jobs')
        .set({ ...ENDED, state: 'failed', failure, finishedAtMs: nowMs })
        .where('state', '=', 'running')
        .where('leaseUntilMs', '<=', nowMs)
        .whereRef('attempt', '>=', 'maxAttempts')
        .returningAll()
        .execute()
      return rows.map(toJob)
    },

    async renew(claim, { leaseUntilMs, progress }) {
      const row = await claimed(claim)
        .set({ leaseUntilMs, ...(progress === undefined ? {} : { progress: encodeJson(progress) }) })
        .returning('cancelRequested')
        .executeTakeFirst()
      return row === undefined ? null : { cancelRequested: row.cancelRequested === 1 }
    },

    finish: async (claim, result, nowMs) =>
      await isDone(claimed(claim).set({ ...ENDED, state: 'done', result: encodeJson(result), finishedAtMs: nowMs })),

    async fail(claim, failure, { nowMs, retryAtMs, isCounted = true }) {
      const change =
        retryAtMs === null
          ? ({ state: 'failed', finishedAtMs: nowMs } as const)
          : ({ state: 'waiting', runAtMs: retryAtMs } as const)
      return await isDone(
        claimed(claim).set((current) => ({
          ...ENDED,
          ...change,
          failure: encodeJson(failure),
          ...(isCounted ? {} : { attempt: current('attempt', '-', 1) }),
        })),
      )
    },

    release: async (claim, nowMs) =>
      await isDone(
        claimed(claim).set((current) => ({
          ...ENDED,
          state: 'waiting',
          runAtMs: nowMs,
          attempt: current('attempt', '-', 1),
        })),
      ),

    endCancelled: async (claim, nowMs) =>
      await isDone(claimed(claim).set({ ...ENDED, state: 'cancelled', finishedAtMs: nowMs })),

    async cancel(id, nowMs) {
      const waiting = await db
        .updateTable('jobs')
        .set({ state: 'cancelled', finishedAtMs: nowMs })
        .where('id', '=', id)
        .where('state', '=', 'waiting')
        .returningAll()
        .executeTakeFirst()
      if (waiting !== undefined) return toJob(waiting)
      const running = await db
        .updateTable('jobs')
        .set({ cancelRequested: 1 })
        .where('id', '=', id)
        .where('state', '=', 'running')
        .returningAll()
        .executeTakeFirst()
      return running === undefined ? null : toJob(running)
    },

    async retry(id, nowMs) {
      const row = await db
        .updateTable('jobs')
        .set({
          state: 'waiting',
          attempt: 0,
          runAtMs: nowMs,
          cancelRequested: 0,
          finishedAtMs: null,
        })
        .where('id', '=', id)
        .where('state', 'in', ['failed', 'cancelled'])
        .returningAll()
        .executeTakeFirst()
      return row === undefined ? null : toJob(row)
    },

    async trim(beforeMs) {
      const { numDeletedRows } = await db
        .deleteFrom('jobs')
        .where('finishedAtMs', '<', beforeMs)
        .executeTakeFirstOrThrow()
      return Number(numDeletedRows)
    },

    async schedule(schedule) {
      const { name, rule, nextAtMs, ...change } = { ...schedule, payload: encodeJson(schedule.payload) }
      await db
        .insertInto('schedules')
        .values({ name, rule, nextAtMs, ...change })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet((row) => ({
            ...change,
            rule,
            nextAtMs: row
              .case()
              .when('schedules.rule', '=', rule)
              .then(row.ref('schedules.nextAtMs'))
              .else(nextAtMs)
              .end(),
          })),
        )
        .execute()
    },

    async schedules() {
      const rows = await db.selectFrom('schedules').selectAll().orderBy('name').execute()
      return rows.map((row): Schedule => ({ ...row, payload: decodeJson<JobPayload>(row.payload) }))
    },

    async unschedule(name) {
      return await isDone(db.deleteFrom('schedules').where('name', '=', name))
    },

    async runSchedule({ name, dueAtMs, nextAtMs, job }, nowMs) {
      return await db.transaction().execute(async (inside) => {
        const moved = inside
          .updateTable('schedules')
          .set({ nextAtMs })
          .where('name', '=', name)
          .where('nextAtMs', '=', dueAtMs)
        if (!(await isDone(moved))) return false
        await addJob(inside, job, nowMs)
        return true
      })
    },
  }
}

/** Any number, as long as it is not that of the migrations. */
const CLAIM_LOCK = 6_710_002

/** Whether the tenant of a row of `jobs` may have one more of its kind running. */
function hasPlace(limits: readonly (readonly [kind: string, limit: number])[], nowMs: number) {
  if (limits.length === 0) return sql<boolean>`1 = 1`
  const kinds = limits.map(([kind]) => kind)
  const most = sql.join(
    limits.map(([kind, limit]) => sql`when ${kind} then ${sql.lit(limit)}`),
    sql` `,
  )
  return sql<boolean>`(jobs.kind not in (${sql.join(kinds)}) or (
    select count(*) from jobs as held
      where held.kind = jobs.kind and held.tenant_id = jobs.tenant_id
        and held.state = 'running' and held.lease_until_ms > ${nowMs}) < case jobs.kind ${most} end)`
}

/** What every end of a claim has in common. */
const ENDED = { owner: null, leaseUntilMs: null, cancelRequested: 0 } as const

async function addJob(db: Db, job: NewJob, nowMs: number): Promise<{ readonly job: JobRow; readonly isNew: boolean }> {
  const dedupeKey = job.dedupeKey ?? null
  const inserted = await db
    .insertInto('jobs')
    .values({
      id: job.id,
      kind: job.kind,
      tenantId: job.tenantId ?? 'default',
      dedupeKey,
      payload: encodeJson(job.payload),
      state: 'waiting',
      priority: job.priority ?? 0,
      attempt: 0,
      maxAttempts: job.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
      runAtMs: job.runAtMs ?? nowMs,
      ...ENDED,
      fence: 0,
      progress: null,
      result: null,
      failure: null,
      createdAtMs: nowMs,
      startedAtMs: null,
      finishedAtMs: null,
      throttledAtMs: null,
    })
    // Only the rule about unfinished jobs with a key; an id that is taken is a bug and throws.
    .onConflict((conflict) =>
      conflict.columns(['kind', 'dedupeKey']).where('state', 'in', UNFINISHED_LITERALS).doNothing(),
    )
    .returningAll()
    .executeTakeFirst()
  if (inserted !== undefined) return { job: toJob(inserted), isNew: true }
  const existing = await db
    .selectFrom('jobs')
    .selectAll()
    .where('kind', '=', job.kind)
    .where('dedupeKey', '=', dedupeKey)
    .where('state', 'in', ['waiting', 'running'])
    .executeTakeFirst()
  // It finished between the two statements (PostgreSQL, read committed): then the new one has its place.
  return existing === undefined ? await addJob(db, job, nowMs) : { job: toJob(existing), isNew: false }
}

/** As in the index: a parameter there would not match its condition. */
const UNFINISHED_LITERALS = sql<'waiting' | 'running'>`('waiting', 'running')`

/** PostgreSQL: of two callers the second skips the row of the first. SQLite has one writer at a time. */
const forClaim = { postgres: sql`for update of jobs skip locked`, sqlite: sql`` } as const satisfies Record<
  Dialect,
  unknown
>

async function isDone(statement: {
  executeTakeFirst(): Promise<{ readonly numUpdatedRows?: bigint; readonly numDeletedRows?: bigint } | undefined>
}): Promise<boolean> {
  const result = await statement.executeTakeFirst()
  return (result?.numUpdatedRows ?? result?.numDeletedRows ?? 0n) > 0n
}

function toJob({ seq: _seq, ...row }: Selectable<Schema['jobs']>): JobRow {
  return {
    ...row,
    payload: decodeJson<JobPayload>(row.payload),
    progress: row.progress === null ? null : decodeJson<JobProgress>(row.progress),
    result: row.result === null ? null : decodeJson<JobPayload>(row.result),
    failure: row.failure === null ? null : decodeJson<JobRow['failure']>(row.failure),
    cancelRequested: row.cancelRequested === 1,
  }
}

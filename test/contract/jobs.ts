// What every catalog promises about jobs and schedules.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Catalog } from '../../src/catalog/types.ts'
import type { JobRow, JobTable, NewJob } from '../../src/jobs/types.ts'

const NOW_MS = 1_795_200_000_000
const LEASE_MS = 30_000

/** `open` gives an empty catalog each time. */
export function jobContract(name: string, open: () => Promise<Catalog>): void {
  describe(`jobs on ${name}`, () => {
    let catalog: Catalog
    let jobs: JobTable

    beforeEach(async () => {
      catalog = await open()
      jobs = catalog.jobs
    })

    afterEach(async () => {
      await catalog[Symbol.asyncDispose]()
    })

    const claim = async (nowMs = NOW_MS, kinds = ['pack']) =>
      await jobs.claim({ kinds, owner: 'me', nowMs, leaseMs: LEASE_MS })
    const claimed = async (nowMs = NOW_MS) => {
      const job = await claim(nowMs)
      if (job === null) throw new Error('nothing to claim')
      return job
    }

    test('a job comes back as it was added', async () => {
      const { job, isNew } = await jobs.add(newJob('a', { payload: { hour: 7, 'key ü': [1.5] }, priority: 3 }), NOW_MS)
      expect(isNew).toBe(true)
      expect(job).toMatchObject({ id: 'a', state: 'waiting', attempt: 0, fence: 0, runAtMs: NOW_MS, priority: 3 })
      expect(job.payload).toEqual({ hour: 7, 'key ü': [1.5] })
      expect(await jobs.get('a')).toEqual(job)
      expect(await jobs.get('b')).toBeNull()
    })

    test('of twenty that are added at once with one key one is made, and all learn which', async () => {
      const added = await Promise.all(range(20).map((n) => jobs.add(newJob(`j${n}`, { dedupeKey: 'hour 7' }), NOW_MS)))
      expect(added.filter(({ isNew }) => isNew)).toHaveLength(1)
      expect(new Set(added.map(({ job }) => job.id)).size).toBe(1)
      await jobs.add(newJob('other', { kind: 'scrub', dedupeKey: 'hour 7' }), NOW_MS)
      expect(await jobs.list({ limit: 100 })).toHaveLength(2)
    })

    test('a key is free again when its job has ended', async () => {
      await jobs.add(newJob('a', { dedupeKey: 'hour 7' }), NOW_MS)
      expect((await jobs.add(newJob('b', { dedupeKey: 'hour 7' }), NOW_MS)).isNew).toBe(false)
      await jobs.finish(await claimed(), {}, NOW_MS)
      expect((await jobs.add(newJob('b', { dedupeKey: 'hour 7' }), NOW_MS)).isNew).toBe(true)
    })

    test('of twenty claims at once each gets another job', async () => {
      for (const n of range(15)) await jobs.add(newJob(`j${n}`), NOW_MS)
      const got = await Promise.all(range(20).map(() => claim()))
      const ids = got.flatMap((job) => (job === null ? [] : [job.id]))
      expect(new Set(ids).size).toBe(ids.length)
      while (true) {
        const job = await claim()
        if (job === null) break
        ids.push(job.id)
      }
      expect(ids).toHaveLength(15)
    })

    test('claims go by priority, then by time, and only to what is due and asked for', async () => {
      await jobs.add(newJob('later', { runAtMs: NOW_MS + 1 }), NOW_MS)
      await jobs.add(newJob('second'), NOW_MS)
      await jobs.add(newJob('first', { runAtMs: NOW_MS - 5 }), NOW_MS)
      await jobs.add(newJob('urgent', { priority: 1 }), NOW_MS)
      await jobs.add(newJob('foreign', { kind: 'scrub', priority: 9 }), NOW_MS)
      const order = [await claim(), await claim(), await claim(), await claim()].map((job) => job?.id)
      expect(order).toEqual(['urgent', 'first', 'second', undefined])
      expect((await claim(NOW_MS + 1))?.id).toBe('later')
      expect(await claim(NOW_MS, [])).toBeNull()
    })

    test('a tenant with many jobs does not keep another waiting', async () => {
      for (const n of range(5)) await jobs.add(newJob(`big${n}`, { tenantId: 'big' }), NOW_MS)
      await jobs.add(newJob('small', { tenantId: 'small' }), NOW_MS)
      expect((await claimed()).tenantId).toBe('big')
      expect((await claimed()).tenantId).toBe('small')
      expect((await claimed()).tenantId).toBe('big')
    })

    test('of forty claims at once one tenant gets no more than its limit, and another its own', async () => {
      for (const n of range(12)) await jobs.add(newJob(`big${n}`, { tenantId: 'big' }), NOW_MS)
      for (const n of range(2)) await jobs.add(newJob(`small${n}`, { tenantId: 'small' }), NOW_MS)
      for (const n of range(7)) await jobs.add(newJob(`free${n}`, { kind: 'scrub', tenantId: 'big' }), NOW_MS)
      const by = { kinds: ['pack', 'scrub'], tenantLimits: { pack: 3 }, owner: 'me', nowMs: NOW_MS, leaseMs: LEASE_MS }
      // Else all claims are over before the second connection is open.
      await Promise.all(range(40).map(async () => await jobs.count()))
      const all: JobRow[] = []
      // A claim may find nothing because what it looked at was taken meanwhile.
      for (let round = 0; round < 3; round += 1) {
        const got = await Promise.all(range(40).map(async () => await jobs.claim(by)))
        all.push(...got.filter((job) => job !== null))
      }
      const taken = (kind: string, tenant: string) =>
        all.filter((job) => job.kind === kind && job.tenantId === tenant).length
      expect([taken('pack', 'big'), taken('pack', 'small'), taken('scrub', 'big')]).toEqual([3, 2, 7])
      const ended = all.find(({ kind, tenantId }) => kind === 'pack' && tenantId === 'big') ?? expect.fail()
      await jobs.finish(ended, {}, NOW_MS)
      expect(await jobs.claim(by)).toMatchObject({ kind: 'pack', tenantId: 'big' })
      expect(await jobs.claim(by)).toBeNull()
    })

    test('an attempt whose lease has run out takes no place of its tenant', async () => {
      await jobs.add(newJob('a'), NOW_MS)
      const by = { kinds: ['pack'], tenantLimits: { pack: 1 }, owner: 'me', leaseMs: LEASE_MS }
      expect(await jobs.claim({ ...by, nowMs: NOW_MS })).toMatchObject({ id: 'a', attempt: 1 })
      expect(await jobs.claim({ ...by, nowMs: NOW_MS + LEASE_MS })).toMatchObject({ id: 'a', attempt: 2 })
    })

    test('who is due and waits for its tenant is marked once, whoever else waits is not', async () => {
      const limits = { pack: 1 }
      await jobs.add(newJob('runs'), NOW_MS)
      await jobs.add(newJob('waits'), NOW_MS)
      await jobs.add(newJob('later', { runAtMs: NOW_MS + 1 }), NOW_MS)
      await jobs.add(newJob('other', { tenantId: 'small' }), NOW_MS)
      await jobs.add(newJob('unlimited', { kind: 'scrub' }), NOW_MS)
      expect(await jobs.markThrottled(limits, NOW_MS)).toEqual([])
      expect((await claimed()).id).toBe('runs')
      expect(await jobs.markThrottled(limits, NOW_MS)).toEqual([{ kind: 'pack', count: 1 }])
      expect(await jobs.markThrottled(limits, NOW_MS)).toEqual([])
      expect(await jobs.get('waits')).toMatchObject({ throttledAtMs: NOW_MS })
      expect(await jobs.get('other')).toMatchObject({ throttledAtMs: null })
      expect(await jobs.markThrottled(limits, NOW_MS + 1)).toEqual([{ kind: 'pack', count: 1 }])
    })

    test('a failed attempt that does not count is given back', async () => {
      await jobs.add(newJob('a'), NOW_MS)
      const claim = await claimed()
      expect(claim.attempt).toBe(1)
      const when = { nowMs: NOW_MS, retryAtMs: NOW_MS + 5, isCounted: false }
      expect(await jobs.fail(claim, FAILURE, when)).toBe(true)
      expect(await jobs.get('a')).toMatchObject({ state: 'waiting', attempt: 0, runAtMs: NOW_MS + 5, failure: FAILURE })
      expect(await jobs.fail(claim, FAILURE, when)).toBe(false)
      expect(await jobs.get('a')).toMatchObject({ attempt: 0 })
    })

    test('whoever lost the lease can neither renew nor end the job, and the next one can', async () => {
      await jobs.add(newJob('a'), NOW_MS)
      const first = await claimed()
      expect(await claim(NOW_MS + LEASE_MS - 1)).toBeNull()
      const second = await claimed(NOW_MS + LEASE_MS)
      expect(second).toMatchObject({ id: 'a', attempt: 2, fence: first.fence + 1 })
      expect(await jobs.renew(first, { leaseUntilMs: NOW_MS + 99 })).toBeNull()
      expect(await jobs.finish(first, { by: 'first' }, NOW_MS)).toBe(false)
      expect(await jobs.fail(first, FAILURE, { nowMs: NOW_MS, retryAtMs: null })).toBe(false)
      expect(await jobs.release(first, NOW_MS)).toBe(false)
      expect(await jobs.endCancelled(first, NOW_MS)).toBe(false)
      expect(await jobs.get('a')).toEqual(second)
      expect(await jobs.finish(second, { by: 'second' }, NOW_MS)).toBe(true)
      expect(await jobs.get('a')).toMatchObject({ state: 'done', result: { by: 'second' }, owner: null })
      expect(await jobs.finish(second, {}, NOW_MS)).toBe(false)
    })

    test('whoever is alone takes up at once what the dead held, and nothing else', async () => {
      await jobs.add(newJob('a'), NOW_MS)
      await jobs.add(newJob('b', { runAtMs: NOW_MS + 5 }), NOW_MS)
      const first = await claimed()
      await jobs.endLeases(NOW_MS + 1)
      expect(await claimed(NOW_MS + 1)).toMatchObject({ id: 'a', attempt: 2, fence: first.fence + 1 })
      expect(await claim(NOW_MS + 1)).toBeNull()
      expect(await jobs.finish(first, {}, NOW_MS)).toBe(false)
    })

    test('a renewed lease holds, and shows the progress', async () => {
      await jobs.add(newJob('a'), NOW_MS)
      const job = await claimed()
      const progress = { done: 3, total: null, note: 'segments' }
      expect(await jobs.renew(job, { leaseUntilMs: NOW_MS + 2 * LEASE_MS, progress })).toEqual({
        cancelRequested: false,
      })
      expect(await claim(NOW_MS + LEASE_MS)).toBeNull()
      expect((await jobs.get('a'))?.progress).toEqual(progress)
    })

    test('a failed attempt waits for its retry; without one the job has failed and can be retried by hand', async () => {
      await jobs.add(newJob('a'), NOW_MS)
      await jobs.fail(await claimed(), FAILURE, { nowMs: NOW_MS, retryAtMs: NOW_MS + 10 })
      expect(await claim(NOW_MS + 9)).toBeNull()
      await jobs.fail(await claimed(NOW_MS + 10), FAILURE, { nowMs: NOW_MS + 10, retryAtMs: null })
      expect(await jobs.get('a')).toMatchObject({ state: 'failed', failure: FAILURE, finishedAtMs: NOW_MS + 10 })
      expect(await jobs.retry('a', NOW_MS + 20)).toMatchObject({ state: 'waiting', attempt: 0, finishedAtMs: null })
      expect(await jobs.retry('a', NOW_MS + 20)).toBeNull()
      expect(await claimed(NOW_MS + 20)).toMatchObject({ attempt: 1 })
    })

    test('a job that takes its workers down fails when its attempts are used up', async () => {
      await jobs.add(newJob('a', { maxAttempts: 2 }), NOW_MS)
      await claimed()
      expect(await jobs.failAbandoned(NOW_MS + LEASE_MS)).toEqual([])
      await claimed(NOW_MS + LEASE_MS)
      expect(await claim(NOW_MS + 2 * LEASE_MS)).toBeNull()
      const failed = await jobs.failAbandoned(NOW_MS + 2 * LEASE_MS)
      expect(failed).toMatchObject([{ id: 'a', state: 'failed', failure: { code: 'job_abandoned' } }])
      expect(await jobs.failAbandoned(NOW_MS + 2 * LEASE_MS)).toEqual([])
    })

    test('an attempt that was given back does not count', async () => {
      await jobs.add(newJob('a', { maxAttempts: 1 }), NOW_MS)
      await jobs.release(await claimed(), NOW_MS)
      expect(await claimed()).toMatchObject({ attempt: 1, fence: 2 })
    })

    test('a waiting job is cancelled at once, a running one is told, a finished one stays', async () => {
      await jobs.add(newJob('waiting', { runAtMs: NOW_MS + 1 }), NOW_MS)
      await jobs.add(newJob('running'), NOW_MS)
      const running = await claimed()
      expect(await jobs.cancel('waiting', NOW_MS)).toMatchObject({ state: 'cancelled' })
      expect(await jobs.cancel('running', NOW_MS)).toMatchObject({ state: 'running', cancelRequested: true })
      expect(await jobs.renew(running, { leaseUntilMs: NOW_MS + LEASE_MS })).toEqual({ cancelRequested: true })
      expect(await jobs.endCancelled(running, NOW_MS)).toBe(true)
      expect(await jobs.get('running')).toMatchObject({ state: 'cancelled', cancelRequested: false })
      expect(await jobs.cancel('running', NOW_MS)).toBeNull()
      expect(await jobs.cancel('unknown', NOW_MS)).toBeNull()
    })

    test('jobs are listed newest first, filtered, in pages, and counted', async () => {
      for (const n of range(5)) await jobs.add(newJob(`j${n}`, { kind: n % 2 === 0 ? 'pack' : 'scrub' }), NOW_MS)
      expect((await jobs.list({ limit: 2 })).map(({ id }) => id)).toEqual(['j4', 'j3'])
      expect((await jobs.list({ limit: 9, before: 'j3' })).map(({ id }) => id)).toEqual(['j2', 'j1', 'j0'])
      expect((await jobs.list({ limit: 9, kind: 'scrub' })).map(({ id }) => id)).toEqual(['j3', 'j1'])
      await claimed()
      expect((await jobs.list({ limit: 9, state: 'running' })).map(({ id }) => id)).toEqual(['j0'])
      const counts = (await jobs.count()).map(({ kind, state, count }) => `${kind} ${state} ${count}`).sort()
      expect(counts).toEqual(['pack running 1', 'pack waiting 2', 'scrub waiting 2'])
    })

    test('trimming removes what finished before, and nothing that is unfinished', async () => {
      for (const id of ['old', 'new', 'open']) await jobs.add(newJob(id), NOW_MS)
      await jobs.finish(await claimed(), {}, NOW_MS)
      await jobs.finish(await claimed(), {}, NOW_MS + 10)
      expect(await jobs.trim(NOW_MS + 10)).toBe(1)
      expect((await jobs.list({ limit: 9 })).map(({ id }) => id)).toEqual(['open', 'new'])
    })

    test('a schedule keeps its next run over a restart, and not over a change of its rule', async () => {
      const schedule = { name: 'backup', kind: 'pack', payload: { deep: true }, rule: 'every 60s', nextAtMs: 60 }
      await jobs.schedule(schedule)
      await jobs.schedule({ ...schedule, nextAtMs: 120, payload: { deep: false } })
      expect(await jobs.schedules()).toEqual([{ ...schedule, payload: { deep: false } }])
      await jobs.schedule({ ...schedule, rule: 'every 30s', nextAtMs: 90 })
      expect(await jobs.schedules()).toMatchObject([{ rule: 'every 30s', nextAtMs: 90 }])
      expect(await jobs.unschedule('backup')).toBe(true)
      expect(await jobs.unschedule('backup')).toBe(false)
    })

    test('of ten that run a schedule at once one adds the job', async () => {
      await jobs.schedule({ name: 'backup', kind: 'pack', payload: {}, rule: 'every 60s', nextAtMs: 60 })
      const run = (n: number) =>
        jobs.runSchedule({ name: 'backup', dueAtMs: 60, nextAtMs: 120, job: newJob(`j${n}`) }, NOW_MS)
      expect((await Promise.all(range(10).map(run))).filter(Boolean)).toHaveLength(1)
      expect(await jobs.list({ limit: 20 })).toHaveLength(1)
      expect(await jobs.schedules()).toMatchObject([{ nextAtMs: 120 }])
    })
  })
}

const FAILURE = { code: 'store_unavailable', message: 'the store is away' }

function newJob(id: string, change: Partial<NewJob> = {}): NewJob {
  return { id, kind: 'pack', payload: {}, ...change }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCatalog } from '../catalog/open-catalog.ts'
import type { Catalog } from '../catalog/types.ts'
import { MirrorError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { type JobContext, type JobKind, type JobRunner, startJobRunner } from './job-runner.ts'
import type { JobRow } from './types.ts'

let folder: string
let catalog: Catalog
const failed: JobRow[] = []
let throttled = 0

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-jobs-'))
  const signal = new AbortController().signal
  catalog = await openCatalog({ kind: 'sqlite', path: join(folder, 'catalog.sqlite') }, { log: silentLog, signal })
  failed.length = 0
  throttled = 0
})

afterEach(async () => {
  await catalog[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

let ids = 0
function start(kinds: Record<string, JobKind>, clock: () => number = Date.now): JobRunner {
  return startJobRunner({
    jobs: catalog.jobs,
    kinds,
    owner: 'test',
    now: clock,
    random: () => 0.5,
    randomId: () => `id-${ids++}`,
    log: silentLog,
    onChange: (job) => void (job.state === 'failed' && failed.push(job)),
    onThrottled({ count }) {
      throttled += count
    },
    timing: { leaseMs: 300, renewMs: 50, pollMs: 20 },
  })
}

const add = async (id: string, change: { readonly maxAttempts?: number } = {}) =>
  await catalog.jobs.add({ id, kind: 'pack', payload: { id }, ...change }, Date.now())

async function state(id: string): Promise<string | undefined> {
  return (await catalog.jobs.get(id))?.state
}

/** A kind whose runs wait for their signal, and tell that they began. */
function waiting(): JobKind & { readonly begun: Promise<JobContext>; readonly reasons: unknown[] } {
  const begun = Promise.withResolvers<JobContext>()
  const reasons: unknown[] = []
  return {
    limit: 1,
    begun: begun.promise,
    reasons,
    async run(context) {
      begun.resolve(context)
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }))
      reasons.push(context.signal.reason)
      throw context.signal.reason
    },
  }
}

test('a job runs once, and its result is kept', async () => {
  let runs = 0
  await add('a')
  await using _runner = start({ pack: { limit: 2, run: async ({ job }) => ({ run: ++runs, of: job.payload['id'] }) } })
  await expect.poll(() => state('a')).toBe('done')
  expect((await catalog.jobs.get('a'))?.result).toEqual({ run: 1, of: 'a' })
})

test('no more run at once than the limit of their kind, and each end makes room', async () => {
  const running = new Set<() => void>()
  let most = 0
  for (let n = 0; n < 7; n += 1) await add(`j${n}`)
  const run = async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    running.add(resolve)
    most = Math.max(most, running.size)
    await promise
    running.delete(resolve)
    return {}
  }
  await using _runner = start({ pack: { limit: 3, run } })
  for (let finished = 0; finished < 7; finished += 1) {
    await expect.poll(() => running.size).toBe(Math.min(3, 7 - finished))
    for (const end of [...running].slice(0, 1)) end()
  }
  await expect.poll(async () => (await catalog.jobs.list({ state: 'done', limit: 9 })).length).toBe(7)
  expect(most).toBe(3)
})

test('what the destination failed is tried again later, what the caller did wrong is not', async () => {
  await add('away')
  await add('wrong')
  let nowMs = Date.now()
  const run = async ({ job }: JobContext) => {
    if (job.id === 'wrong') throw new MirrorError('invalid_request', 'no such hour')
    if (job.attempt === 1) throw new MirrorError('store_unavailable', 'away')
    return {}
  }
  await using _runner = start({ pack: { limit: 1, run } }, () => nowMs)
  await expect.poll(() => state('wrong')).toBe('failed')
  await expect.poll(async () => (await catalog.jobs.get('away'))?.failure?.code).toBe('store_unavailable')
  expect(await state('away')).toBe('waiting')
  nowMs += 60_000
  await expect.poll(() => state('away')).toBe('done')
  expect(failed.map(({ id }) => id)).toEqual(['wrong'])
})

test('a job that always fails has failed after its attempts', async () => {
  let nowMs = Date.now()
  await add('a', { maxAttempts: 3 })
  const run = async () => {
    throw new Error('a bug')
  }
  await using _runner = start({ pack: { limit: 1, run } }, () => nowMs)
  const hasFailed = async () => {
    nowMs += 60_000
    return await state('a')
  }
  await expect.poll(hasFailed).toBe('failed')
  expect(await catalog.jobs.get('a')).toMatchObject({ attempt: 3, failure: { code: 'internal', message: 'a bug' } })
  expect(failed).toHaveLength(1)
})

test('a job that finds a full disk waits with that cause as long as it takes, and no attempt is used up', async () => {
  let nowMs = Date.now()
  let isFull = true
  let runs = 0
  await add('a', { maxAttempts: 2 })
  const run = async () => {
    runs += 1
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    if (isFull) throw new MirrorError('store_unavailable', '/data/store: the disk is full', { cause: full })
    return {}
  }
  await using _runner = start({ pack: { limit: 1, run } }, () => nowMs)
  const hasWaited = async () => {
    nowMs += 20 * 60_000
    return runs
  }
  await expect.poll(hasWaited).toBeGreaterThan(5)
  await expect.poll(() => state('a')).toBe('waiting')
  expect(await catalog.jobs.get('a')).toMatchObject({
    attempt: 0,
    failure: { code: 'scratch_full', message: expect.stringContaining('goes on by itself when there is room') },
  })
  isFull = false
  nowMs += 20 * 60_000
  await expect.poll(() => state('a')).toBe('done')
  expect(failed).toEqual([])
})

test('progress is seen while the job runs', async () => {
  await add('a')
  const kind = waiting()
  await using _runner = start({ pack: kind })
  const context = await kind.begun
  context.progress({ done: 2, total: 5, note: 'segments' })
  await expect
    .poll(async () => (await catalog.jobs.get('a'))?.progress)
    .toEqual({ done: 2, total: 5, note: 'segments' })
})

test('of one tenant no more run than it may have, another is served meanwhile, and who waits counts once', async () => {
  const running = new Map<string, () => void>()
  const run = async ({ job }: JobContext) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    running.set(job.id, resolve)
    await promise
    running.delete(job.id)
    return {}
  }
  for (const id of ['a1', 'a2', 'a3', 'a4']) {
    await catalog.jobs.add({ id, kind: 'pack', payload: {}, tenantId: 'a' }, Date.now())
  }
  await catalog.jobs.add({ id: 'b1', kind: 'pack', payload: {}, tenantId: 'b' }, Date.now())
  await using _runner = start({ pack: { limit: 9, tenantLimit: 2, run } })
  await expect.poll(() => [...running.keys()].toSorted()).toEqual(['a1', 'a2', 'b1'])
  await expect.poll(() => throttled).toBe(2)
  running.get('a1')?.()
  await expect.poll(() => [...running.keys()].toSorted()).toEqual(['a2', 'a3', 'b1'])
  for (const end of running.values()) end()
  await expect.poll(() => running.has('a4')).toBe(true)
  running.get('a4')?.()
  await expect.poll(() => state('a4')).toBe('done')
  expect(throttled).toBe(2)
})

test('a running job hears at once that it was cancelled, long before its lease must be renewed', async () => {
  await add('a')
  const kind = waiting()
  const changes: string[] = []
  await using runner = startJobRunner({
    jobs: catalog.jobs,
    kinds: { pack: kind },
    owner: 'test',
    now: Date.now,
    onThrottled: () => {},
    random: () => 0.5,
    randomId: () => `id-${ids++}`,
    log: silentLog,
    onChange: ({ state: now }) => changes.push(now),
    timing: { leaseMs: 600_000, renewMs: 200_000, pollMs: 20 },
  })
  await kind.begun
  await catalog.jobs.cancel('a', Date.now())
  runner.notice('a')
  await expect.poll(() => state('a')).toBe('cancelled')
  await expect.poll(() => changes).toEqual(['running', 'cancelled'])
})

test('a running job that is cancelled stops and ends as cancelled', async () => {
  await add('a')
  const kind = waiting()
  await using _runner = start({ pack: kind })
  await kind.begun
  await catalog.jobs.cancel('a', Date.now())
  await expect.poll(() => state('a')).toBe('cancelled')
  expect(failed).toEqual([])
})

test('draining gives the job back at once, and another runner takes it', async () => {
  await add('a')
  const kind = waiting()
  const first = start({ pack: kind })
  await kind.begun
  await first[Symbol.asyncDispose]()
  expect(await catalog.jobs.get('a')).toMatchObject({ state: 'waiting', attempt: 0 })
  await using _second = start({ pack: { limit: 1, run: async () => ({}) } })
  await expect.poll(() => state('a')).toBe('done')
})

test('an attempt whose lease somebody else took is stopped and writes nothing', async () => {
  await add('a')
  const kind = waiting()
  await using _runner = start({ pack: kind })
  await kind.begun
  const thief = await catalog.jobs.claim({
    kinds: ['pack'],
    owner: 'thief',
    nowMs: Date.now() + 10_000,
    leaseMs: 60_000,
  })
  expect(thief).toMatchObject({ id: 'a', fence: 2 })
  await expect.poll(() => kind.reasons.length).toBe(1)
  expect(await catalog.jobs.get('a')).toMatchObject({ state: 'running', owner: 'thief' })
})

test('a long job keeps its lease', async () => {
  await add('a')
  const kind = waiting()
  await using _runner = start({ pack: kind })
  const { job } = await kind.begun
  await expect
    .poll(async () => ((await catalog.jobs.get('a'))?.leaseUntilMs ?? 0) - (job.leaseUntilMs ?? 0))
    .toBeGreaterThan(400)
  expect(await catalog.jobs.get('a')).toMatchObject({ state: 'running', fence: 1 })
})

test('a schedule that is due adds one job, and is due again later', async () => {
  const nextAtMs = Date.now() - 5 * 3_600_000
  await catalog.jobs.schedule({ name: 'hourly', kind: 'pack', payload: { n: 1 }, rule: 'every 3600s', nextAtMs })
  await using _runner = start({ pack: { limit: 1, run: async () => ({}) } })
  await expect.poll(async () => (await catalog.jobs.list({ state: 'done', limit: 9 })).length).toBe(1)
  const [schedule] = await catalog.jobs.schedules()
  expect(schedule?.nextAtMs).toBeGreaterThan(Date.now())
  expect(await catalog.jobs.list({ limit: 9 })).toHaveLength(1)
})

test('a schedule of a kind that this Mirror does not know is left to one that does', async () => {
  const schedule = { kind: 'foreign', payload: {}, rule: 'every 3600s', nextAtMs: 1 }
  await catalog.jobs.schedule({ name: 'foreign', ...schedule })
  await catalog.jobs.schedule({ name: 'own', ...schedule, kind: 'pack' })
  await using _runner = start({ pack: { limit: 1, run: async () => ({}) } })
  await expect.poll(async () => (await catalog.jobs.list({ state: 'done', limit: 9 })).length).toBe(1)
  expect((await catalog.jobs.schedules()).find(({ name }) => name === 'foreign')?.nextAtMs).toBe(1)
})

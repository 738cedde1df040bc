import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCatalog } from '../catalog/open-catalog.ts'
import type { Catalog } from '../catalog/types.ts'
import { silentLog } from '../core/log.ts'
import { JobService } from './job-service.ts'

let folder: string
let catalog: Catalog
let nowMs = Date.parse('2026-11-21T10:20:00Z')
let ids = 0

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-jobs-'))
  const signal = new AbortController().signal
  catalog = await openCatalog({ kind: 'sqlite', path: join(folder, 'catalog.sqlite') }, { log: silentLog, signal })
})

afterEach(async () => {
  await catalog[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

function service(run: () => Promise<Record<string, unknown>> = async () => ({})): JobService {
  return new JobService({
    jobs: catalog.jobs,
    kinds: { check: { limit: 1, run } },
    schedules: [{ name: 'check', kind: 'check', payload: { deep: true }, rule: 'every 3600s' }],
    owner: 'test',
    now: () => nowMs,
    random: () => 0.5,
    randomId: () => `id-${ids++}`,
    log: silentLog,
  })
}

test('a schedule first comes at its next time, keeps it over a restart, and runs once though two run it', async () => {
  const at11 = Date.parse('2026-11-21T11:00:00Z')
  {
    await using first = service()
    await first.start()
    expect((await catalog.jobs.schedules())[0]).toMatchObject({ nextAtMs: at11, payload: { deep: true } })
  }
  nowMs = at11 + 5 * 60_000 // Down at the full hour: what was missed is made up for.
  let runs = 0
  const run = async () => ({ run: ++runs })
  await using second = service(run)
  await using third = service(run)
  await Promise.all([second.start(), third.start()])
  await expect.poll(async () => (await second.list('default', { state: 'done', limit: 9 })).length).toBe(1)
  expect((await catalog.jobs.schedules())[0]?.nextAtMs).toBe(at11 + 3_600_000)
  expect(await second.list('default', { limit: 9 })).toHaveLength(1)
  expect(runs).toBe(1)
})

test('what begins and ends is told', async () => {
  await using jobs = service()
  const told: string[] = []
  jobs.onChange(({ state }) => told.push(state))
  await jobs.start()
  const { job } = await jobs.add({ kind: 'check', payload: {} })
  await expect.poll(async () => (await jobs.get('default', job.id)).state).toBe('done')
  expect(told).toEqual(['running', 'done'])
})

test('of two that are asked for with one key the second joins the first', async () => {
  await using jobs = service()
  const first = await jobs.add({ kind: 'check', payload: {}, dedupeKey: 'all' })
  const second = await jobs.add({ kind: 'check', payload: {}, dedupeKey: 'all' })
  expect(second).toMatchObject({ isNew: false, job: { id: first.job.id } })
})

test('a job that waits is cancelled at once; what has ended, or never was, is refused by name', async () => {
  await using jobs = service()
  const { job } = await jobs.add({ kind: 'check', payload: {} })
  expect((await jobs.cancel('default', job.id)).state).toBe('cancelled')
  await expect(jobs.cancel('default', job.id)).rejects.toMatchObject({ code: 'job_ended' })
  await expect(jobs.cancel('default', 'nobody')).rejects.toMatchObject({ code: 'job_not_found' })
})

test('a job of another tenant is unknown: it is not shown, listed or cancelled', async () => {
  await using jobs = service()
  const { job } = await jobs.add({ kind: 'check', payload: {}, tenantId: 'other' })
  const mine = await jobs.add({ kind: 'check', payload: {} })
  await expect(jobs.get('default', job.id)).rejects.toMatchObject({ code: 'job_not_found' })
  await expect(jobs.cancel('default', job.id)).rejects.toMatchObject({ code: 'job_not_found' })
  expect((await jobs.list('default', { limit: 9 })).map(({ id }) => id)).toEqual([mine.job.id])
  // A foreign id as the cursor tells nothing about when that job came.
  expect(await jobs.list('other', { limit: 9, before: mine.job.id })).toEqual([])
  expect((await jobs.get('other', job.id)).state).toBe('waiting')
})

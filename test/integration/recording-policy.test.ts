// Policies of tenants over the real API: what applies, what changes with it, and what stays as it was.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { CreatedApiKeyView } from '../../src/api/access-contract.ts'
import type { EventPageView, EventView } from '../../src/api/event-contract.ts'
import type { JobView } from '../../src/api/job-contract.ts'
import type { RecordingView } from '../../src/api/recording-contract.ts'
import type { ChangedRecordingPolicyView, RecordingPolicyView } from '../../src/api/recording-policy-contract.ts'
import type { Problem } from '../../src/api/system-contract.ts'
import { sweepRecordings } from '../../src/library/recordings/sweep-recordings.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { parseObjectKey } from '../../src/storage/keys.ts'
import type { TieredStore } from '../../src/storage/tiers.ts'
import { recordingPolicy } from '../contract/recording-policies.ts'
import { callRecording } from '../contract/recordings.ts'
import { type RecordingApi, startRecordingApi, wav } from '../support/recording-api.ts'

const DAY_MS = 86_400_000
const PATH = '/api/v1/recordings/policy'
const DEFAULTS = { hotToWarmDays: 30, warmToColdDays: 90, retentionDays: 365 }
const SHORT = { hotToWarmDays: 1, warmToColdDays: 0, retentionDays: 7 }

let api: RecordingApi
let store: TieredStore
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-policy-'))
  const tiers = { warm: join(folder, 'warm'), cold: join(folder, 'cold'), archive: join(folder, 'archive') }
  store = await openFolderStore(join(folder, 'hot'), { randomId: randomUUID, tiers: { ...tiers, restoreDelayMs: 0 } })
  api = await startRecordingApi(store)
})
afterEach(async () => {
  await api[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const set = (body: object) => api.json<ChangedRecordingPolicyView>(PATH, { method: 'PUT', body })
const daysKept = ({ createdAt, scheduledDeletionAt }: RecordingView) =>
  scheduledDeletionAt === null ? null : (Date.parse(scheduledDeletionAt) - Date.parse(createdAt)) / DAY_MS
const shown = (id: string) => api.json<RecordingView>(`/api/v1/recordings/${id}`)

async function sent(callId: string): Promise<RecordingView> {
  const { id } = (await (await api.send({ callId, file: wav(1) })).json()) as RecordingView
  return await api.ended(id)
}

async function resultOf(jobId: string): Promise<unknown> {
  for (;;) {
    const { state, result } = await api.json<JobView>(`/api/v1/jobs/${jobId}`)
    if (state === 'done' || state === 'failed') return result
    await delay(10)
  }
}

const run = async (kind: string) => await resultOf((await api.options.jobs.add({ kind, payload: {} })).job.id)

async function events(): Promise<EventView[]> {
  await api.server.events.flush()
  const { events: all } = await api.json<EventPageView>('/api/v1/events?limit=100')
  return all.filter(({ type }) => type.startsWith('policy.')).reverse()
}

test('what applies is of the configuration, of the tenant, and of the configuration again, and events say so', async () => {
  const standard = await api.json<RecordingPolicyView>(PATH)
  expect(standard).toEqual({
    ...{ source: 'configuration', id: null, version: null, ...DEFAULTS, enabled: true, active: true },
    ...{ updatedAt: null, updatedBy: null, defaults: DEFAULTS, history: [] },
  })
  const own = await set(SHORT)
  expect(own).toMatchObject({ source: 'tenant', version: 1, ...SHORT, enabled: true, job: null, defaults: DEFAULTS })
  expect(own.updatedBy).toMatch(/^key /)
  expect(await set(SHORT)).toEqual(own) // The same again is no other version.
  const second = await set({ ...SHORT, enabled: false })
  expect(second).toMatchObject({ version: 2, active: false })
  expect(second.history.map(({ version, endedAt }) => [version, endedAt === null])).toEqual([
    [2, true],
    [1, false],
  ])
  const reset = await api.json<ChangedRecordingPolicyView>(PATH, { method: 'DELETE' })
  expect(reset).toMatchObject({ source: 'configuration', ...DEFAULTS, active: true, job: null })
  expect(reset.history.every(({ endedAt }) => endedAt !== null)).toBe(true)
  expect((await api.request(PATH, { method: 'DELETE' })).status).toBe(200)
  const told = await events()
  expect(told.map(({ type, details }) => [type, details['source'], details['version']])).toEqual([
    ['policy.changed', 'tenant', 1],
    ['policy.changed', 'tenant', 2],
    ['policy.changed', 'configuration', undefined],
  ])
  expect(told[0]?.message).toContain('they are kept for 7 days, warm after 1 days')
})

test('terms that make no sense are refused at their field', async () => {
  const fieldsOf = async (body: object) => {
    const response = await api.request(PATH, { method: 'PUT', body })
    expect(response.status).toBe(400)
    const { code, errors } = (await response.json()) as Problem
    return [code, ...(errors ?? []).map(({ path }) => path)]
  }
  const refused = (...fields: string[]) => ['invalid_request', ...fields]
  expect(await fieldsOf({ ...SHORT, hotToWarmDays: 7 })).toEqual(refused('hotToWarmDays'))
  expect(await fieldsOf({ ...DEFAULTS, warmToColdDays: 30 })).toEqual(refused('warmToColdDays'))
  expect(await fieldsOf({ ...DEFAULTS, retentionDays: 30 })).toEqual(refused('hotToWarmDays', 'warmToColdDays'))
  for (const retentionDays of [-1, 1.5, 36_501, '7', null]) {
    expect(await fieldsOf({ ...SHORT, retentionDays }), String(retentionDays)).toEqual(refused('retentionDays'))
  }
  expect(await fieldsOf({ hotToWarmDays: 0, warmToColdDays: 0 })).toEqual(refused('retentionDays'))
  expect(await fieldsOf({ ...SHORT, retention: 7 })).toEqual(refused('retention'))
  expect((await api.request(`${PATH}?applyToExisting=maybe`, { method: 'DELETE' })).status).toBe(400)
  expect(await api.json(PATH)).toMatchObject({ source: 'configuration' })
})

test('a viewer and an operator read it, and do not change it', async () => {
  for (const role of ['viewer', 'operator']) {
    const body = { name: role, role }
    const { key } = await api.json<CreatedApiKeyView>('/api/v1/api-keys', { method: 'POST', body })
    expect((await api.request(PATH, { key })).status).toBe(200)
    expect((await api.request(PATH, { key, method: 'PUT', body: SHORT })).status).toBe(403)
    expect((await api.request(PATH, { key, method: 'DELETE' })).status).toBe(403)
  }
})

test('what comes in goes by the policy of its time, and names it', async () => {
  const before = await sent('before')
  const { id: policyId } = await set(SHORT)
  const after = await sent('after')
  expect([daysKept(before), before.policyId]).toEqual([365, null])
  expect([daysKept(after), after.policyId]).toEqual([7, policyId])
  await set({ hotToWarmDays: 0, warmToColdDays: 0, retentionDays: 0 })
  expect(daysKept(await sent('for ever'))).toBeNull()
  for (const { id, scheduledDeletionAt } of [before, after]) {
    expect((await shown(id)).scheduledDeletionAt).toBe(scheduledDeletionAt)
  }
})

test('applied to what is there it changes every recording of the tenant, and nothing goes within a day', async () => {
  const nowMs = Date.now()
  const kept = (createdAtMs: number, scheduledDeletionAtMs: number | null) => ({
    ...({ status: 'COMPLETED', createdAtMs, updatedAtMs: createdAtMs, scheduledDeletionAtMs } as const),
  })
  const { recordings } = api.catalog
  // More than two batches.
  for (let n = 0; n < 405; n += 1) {
    await recordings.add(callRecording(`young-${n}`, kept(nowMs - DAY_MS - n, nowMs + 364 * DAY_MS)))
  }
  await recordings.add(callRecording('old', kept(nowMs - 100 * DAY_MS, nowMs + 265 * DAY_MS)))
  await recordings.add(callRecording('for-ever', kept(nowMs - 100 * DAY_MS, null)))
  await recordings.add(callRecording('soon', kept(nowMs - 365 * DAY_MS, nowMs + 1000)))
  const theirs = callRecording('theirs', { ...kept(nowMs - 100 * DAY_MS, null), tenantId: 'other' })
  await recordings.add(theirs)
  const { job, id: policyId } = await set({ ...SHORT, applyToExisting: true })
  expect(await resultOf(job ?? '')).toEqual({ recordings: 408, sooner: 407, later: 0, outcome: 'applied' })
  const dueAt = async (id: string) => Date.parse((await shown(id)).scheduledDeletionAt ?? '')
  expect(await dueAt('young-404')).toBe(nowMs + 6 * DAY_MS - 404)
  expect(await dueAt('soon')).toBe(nowMs + 1000)
  for (const id of ['old', 'for-ever']) expect(await dueAt(id)).toBeGreaterThanOrEqual(nowMs + DAY_MS)
  expect((await shown('young-0')).policyId).toBe(policyId)
  expect(await recordings.get('other', 'theirs')).toEqual(theirs)
  expect((await events()).at(-1)).toMatchObject({
    type: 'policy.applied',
    message: 'Of 408 recordings of calls 407 are deleted sooner and 0 later than before, as they are kept for 7 days',
    details: { policyId, jobId: job, sooner: 407, tenant: 'default' },
  })
  const reset = await api.json<ChangedRecordingPolicyView>(`${PATH}?applyToExisting=true`, { method: 'DELETE' })
  expect(await resultOf(reset.job ?? '')).toMatchObject({ recordings: 408, sooner: 0, later: 407 })
  expect(await shown('young-0')).toMatchObject({
    ...{ policyId: null, scheduledDeletionAt: new Date(nowMs + 364 * DAY_MS).toISOString() },
  })
})

const sweep = async () =>
  await sweepRecordings(
    {
      ...{ book: api.options.recordings.book, recordings: api.catalog.recordings, now: api.options.clock },
      ...{ start: (job) => api.options.jobs.add(job), deletesDue: true },
    },
    0,
  )

test('each tenant is swept and moved by its own policy, or by that of the configuration', async () => {
  const nowMs = Date.now()
  const { recordings, recordingPolicies } = api.catalog
  for (const tenantId of ['default', 'other', 'off']) {
    const objectKey = `recordings/${tenantId}/r-${tenantId}/original`
    const key = parseObjectKey(objectKey)
    if (key === null) throw new Error(objectKey)
    await store.put(key, Buffer.from('x'), { contentType: 'audio/wav', signal: AbortSignal.timeout(5000) })
    const row = { tenantId, objectKey, status: 'COMPLETED', createdAtMs: nowMs - 40 * DAY_MS } as const
    await recordings.add(callRecording(`r-${tenantId}`, { ...row, scheduledDeletionAtMs: nowMs + 1000 }))
  }
  const quick = { hotToWarmDays: 1, warmToColdDays: 10, retentionDays: 0 }
  await recordingPolicies.set(recordingPolicy('p', { tenantId: 'other', ...quick }), () => [])
  await recordingPolicies.set(recordingPolicy('q', { tenantId: 'off', ...quick, enabled: false }), () => [])
  expect(await run('recording-tiers')).toEqual({ warm: 1, cold: 1 })
  const tierOf = async (tenantId: string) => (await recordings.get(tenantId, `r-${tenantId}`))?.tier
  expect([await tierOf('default'), await tierOf('other'), await tierOf('off')]).toEqual(['warm', 'cold', 'hot'])
  expect((await shown('r-default')).movedToWarmAt).not.toBeNull()
  api.clock.skipMs = 2000
  expect((await sweep()).due).toBe(2)
  await expect.poll(() => tierOf('default')).toBeUndefined()
  await expect.poll(() => tierOf('other')).toBeUndefined()
  expect(await tierOf('off')).toBe('hot')
})

test('what was due when its job was added, and is not any more, is kept', async () => {
  const { id } = await sent('spared')
  api.clock.skipMs = 366 * DAY_MS
  const held: Parameters<typeof api.options.jobs.add>[0][] = []
  await sweepRecordings(
    {
      ...{ book: api.options.recordings.book, recordings: api.catalog.recordings, now: api.options.clock },
      ...{ start: async (job) => held.push(job), deletesDue: true },
    },
    0,
  )
  const [job] = held
  if (job === undefined) throw new Error('nothing was due')
  await set({ hotToWarmDays: 0, warmToColdDays: 0, retentionDays: 0, enabled: false })
  expect(await resultOf((await api.options.jobs.add(job)).job.id)).toEqual({ outcome: 'kept: it is not due any more' })
  expect(await shown(id)).toMatchObject({ status: 'COMPLETED' })
  await api.json(PATH, { method: 'DELETE' })
  expect(await resultOf((await api.options.jobs.add(job)).job.id)).toMatchObject({ objects: 2 })
  expect((await api.request(`/api/v1/recordings/${id}`)).status).toBe(404)
})

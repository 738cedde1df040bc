// What every catalog promises about policies for recordings of calls, and about the recordings that they are applied to.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Catalog, EventToStore } from '../../src/catalog/types.ts'
import type { RecordingPolicyRow } from '../../src/library/recordings/recording-policy.ts'
import { event } from './catalog.ts'
import { callRecording } from './recordings.ts'

const NOW_MS = 1_795_200_000_000
const DAY_MS = 86_400_000
const KIND = 'recording-policy'

type NewPolicy = Omit<RecordingPolicyRow, 'version' | 'endedAtMs'>

export function recordingPolicy(id: string, change: Partial<NewPolicy> = {}): NewPolicy {
  return {
    ...{ id, tenantId: 'default', hotToWarmDays: 30, warmToColdDays: 90, retentionDays: 365, enabled: true },
    ...{ updatedAtMs: NOW_MS, updatedBy: 'user Änne' },
    ...change,
  }
}

/** `open` gives an empty catalog each time. */
export function recordingPolicyContract(name: string, open: () => Promise<Catalog>): void {
  describe(`policies for recordings of calls on ${name}`, () => {
    let catalog: Catalog
    const policies = () => catalog.recordingPolicies
    const set = (row: NewPolicy) => policies().set(row, () => [])
    const told = (): EventToStore => ({ ...event('a'), type: 'policy.changed', streamId: null })

    beforeEach(async () => {
      catalog = await open()
    })
    afterEach(() => catalog[Symbol.asyncDispose]())

    test('one comes back as it was kept, to its own tenant alone, with what is told of it', async () => {
      const row = recordingPolicy('a', { retentionDays: 0, enabled: false })
      const kept = await policies().set(row, () => [told()])
      expect(kept).toEqual({ ...row, version: 1, endedAtMs: null })
      expect(await policies().current('default')).toEqual(kept)
      expect(await policies().current('other')).toBeNull()
      expect(await policies().history('other', 9)).toEqual([])
      expect((await catalog.events.list({ limit: 9 })).map(({ type }) => type)).toEqual(['policy.changed'])
    })

    test('a change is a new version; the one before is known and applies no more', async () => {
      const first = await set(recordingPolicy('a'))
      const second = await set(recordingPolicy('b', { retentionDays: 7, updatedAtMs: NOW_MS + 5 }))
      expect(second).toMatchObject({ version: 2, endedAtMs: null })
      expect(await policies().history('default', 9)).toEqual([second, { ...first, endedAtMs: NOW_MS + 5 }])
      expect(await policies().history('default', 1)).toEqual([second])
    })

    test('one that is ended applies no more, once, and the next version goes on counting', async () => {
      await set(recordingPolicy('a'))
      await set(recordingPolicy('b', { tenantId: 'other' }))
      expect(await policies().end('default', NOW_MS + 1, () => [told()])).toMatchObject({ id: 'a' })
      expect(await policies().end('default', NOW_MS + 2, () => [told()])).toBeNull()
      expect(await catalog.events.list({ limit: 9 })).toHaveLength(1)
      expect(await policies().current('default')).toBeNull()
      expect(await policies().current('other')).toMatchObject({ id: 'b', version: 1 })
      expect(await set(recordingPolicy('c'))).toMatchObject({ version: 2 })
    })

    test('what applies is listed by tenant, page by page', async () => {
      for (const tenantId of ['b', 'a', 'Z', 'ü']) await set(recordingPolicy(`of ${tenantId}`, { tenantId }))
      await set(recordingPolicy('newer', { tenantId: 'a' }))
      await policies().end('ü', NOW_MS, () => [])
      const all = (await policies().list({ limit: 9 })).map(({ id }) => id)
      expect(all).toEqual(['of Z', 'newer', 'of b'])
      expect((await policies().list({ after: 'Z', limit: 1 })).map(({ id }) => id)).toEqual(['newer'])
      expect(await policies().list({ after: 'b', limit: 9 })).toEqual([])
    })

    test('of many who change it at once each makes a version, and one applies', async () => {
      const made = await Promise.all(
        Array.from({ length: 8 }, (_, n) => set(recordingPolicy(`p${n}`, { retentionDays: n + 1 }))),
      )
      expect(made.map(({ version }) => version).toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
      const current = (await policies().history('default', 9)).filter(({ endedAtMs }) => endedAtMs === null)
      expect(current.map(({ version }) => version)).toEqual([8])
    })

    test('what is due of a tenant whose policy is switched off is left alone', async () => {
      const due = { status: 'COMPLETED', scheduledDeletionAtMs: NOW_MS } as const
      await catalog.recordings.add(callRecording('plain', due))
      await catalog.recordings.add(callRecording('off', { ...due, tenantId: 'off' }))
      await catalog.recordings.add(callRecording('on', { ...due, tenantId: 'on' }))
      await set(recordingPolicy('x', { tenantId: 'off', enabled: false }))
      await set(recordingPolicy('y', { tenantId: 'on' }))
      const ids = async () => (await catalog.recordings.due(NOW_MS, 9)).map(({ id }) => id).toSorted()
      expect(await ids()).toEqual(['on', 'plain'])
      await policies().end('off', NOW_MS, () => [])
      expect(await ids()).toEqual(['off', 'on', 'plain'])
    })

    test('what grows old is asked for by tenant, or of all that have no policy', async () => {
      const old = { status: 'COMPLETED', createdAtMs: NOW_MS - 1 } as const
      for (const [id, tenantId] of [
        ['a', 'one'],
        ['b', 'two'],
        ['c', 'three'],
        ['d', 'one'],
      ] as const) {
        await catalog.recordings.add(callRecording(id, { ...old, tenantId }))
      }
      await set(recordingPolicy('p', { tenantId: 'one' }))
      await set(recordingPolicy('q', { tenantId: 'two' }))
      await policies().end('two', NOW_MS, () => [])
      const ids = async (tenantId: string | null) =>
        (await catalog.recordings.inTiers({ tenantId, from: ['hot'], cameBeforeMs: NOW_MS }, 9)).map(({ id }) => id)
      expect(await ids('one')).toEqual(['a', 'd'])
      expect(await ids(null)).toEqual(['b', 'c'])
    })

    describe('applied to recordings', () => {
      const order = async (id: string, tenantId = 'default') => {
        await catalog.jobs.add({ id, kind: KIND, tenantId, payload: {} }, NOW_MS)
        const job = await catalog.jobs.claim({ kinds: [KIND], owner: 'me', nowMs: NOW_MS, leaseMs: 1000 })
        return { id, fence: job?.fence ?? 0 }
      }
      const reschedule = async (
        claim: { readonly id: string; readonly fence: number },
        dates: Readonly<Record<string, number | null>>,
      ) =>
        await catalog.recordings.reschedule(
          'default',
          Object.entries(dates).map(([id, scheduledDeletionAtMs]) => ({ id, scheduledDeletionAtMs })),
          { policyId: 'p', updatedAtMs: NOW_MS + 1, claim },
        )

      test('each goes at the time that it is given, and nothing else is touched', async () => {
        const before = { scheduledDeletionAtMs: NOW_MS, metadata: { a: 1 } }
        for (const id of ["a'", 'b', 'c']) await catalog.recordings.add(callRecording(id, before))
        await catalog.recordings.add(callRecording('theirs', { ...before, tenantId: 'other' }))
        await catalog.recordings.add(callRecording('gone', before))
        await catalog.recordings.remove('default', 'gone', NOW_MS)
        const dates = { "a'": NOW_MS + 400 * DAY_MS, b: null, gone: null, theirs: null }
        expect(await reschedule(await order('j'), dates)).toBe(2)
        const said = { policyId: 'p', updatedAtMs: NOW_MS + 1 }
        const seen = async (id: string) => await catalog.recordings.get('default', id)
        expect(await seen("a'")).toEqual(
          callRecording("a'", { ...before, ...said, scheduledDeletionAtMs: NOW_MS + 400 * DAY_MS }),
        )
        expect(await seen('b')).toEqual(callRecording('b', { ...before, ...said, scheduledDeletionAtMs: null }))
        expect(await seen('c')).toEqual(callRecording('c', before))
        expect(await catalog.recordings.get('other', 'theirs')).toMatchObject(before)
      })

      test('a worker that lost its job, and an order that was overtaken by the next, change nothing', async () => {
        await catalog.recordings.add(callRecording('a'))
        const first = await order('first')
        expect(await reschedule({ ...first, fence: first.fence + 1 }, { a: 1 })).toBeNull()
        await order('of another tenant', 'other')
        expect(await reschedule(first, { a: 1 })).toBe(1)
        expect(await reschedule(first, { none: 1 })).toBe(0)
        const second = await order('second')
        expect(await reschedule(first, { a: 2 })).toBeNull()
        expect(await reschedule(second, { a: 3 })).toBe(1)
        expect((await catalog.recordings.get('default', 'a'))?.scheduledDeletionAtMs).toBe(3)
      })
    })
  })
}

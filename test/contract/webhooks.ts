// What every catalog promises about webhooks: events become messages in the transaction that stores them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Catalog, EventToStore } from '../../src/catalog/types.ts'
import { MAX_REPLAYED_DELIVERIES, MAX_WAITING_DELIVERIES } from '../../src/catalog/webhook-outbox.ts'
import type { Attempt, DeliveryRow, WebhookRow } from '../../src/webhooks/webhook.ts'
import { asset } from './assets.ts'
import { callRecording } from './recordings.ts'

const NOW_MS = 1_795_200_000_000
const DAY_MS = 86_400_000
const ARRIVED: Attempt = { status: 204, failure: null, response: 'ok', tookMs: 5, retryAfterMs: null }
const FAILED: Attempt = {
  status: 500,
  failure: 'It answered with status 500',
  response: 'ö\u0000',
  tookMs: 5,
  retryAfterMs: null,
}

export function webhook(id: string, change: Partial<WebhookRow> = {}): WebhookRow {
  return {
    ...{ id, tenantId: 'default', description: 'Bestellungen', types: ['*'], enabled: true, disabledReason: null },
    ...{ sealed: 'sealed', failingSinceMs: null, lastSuccessAtMs: null, lastFailure: null },
    ...{ createdAtMs: NOW_MS, updatedAtMs: NOW_MS },
    ...change,
  }
}

export function told(id: string, change: Partial<EventToStore> = {}): EventToStore {
  return {
    ...{ id, tenantId: 'default', type: 'stream.started', severity: 'info', streamId: id, atMs: NOW_MS, code: null },
    ...{ message: `läuft ${id}`, details: {} },
    ...change,
  }
}

/** `open` gives an empty catalog each time. */
export function webhookContract(name: string, open: () => Promise<Catalog>): void {
  describe(`webhooks on ${name}`, () => {
    let catalog: Catalog
    let webhooks: Catalog['webhooks']

    beforeEach(async () => {
      catalog = await open()
      webhooks = catalog.webhooks
    })

    afterEach(async () => {
      await catalog[Symbol.asyncDispose]()
    })

    const claim = async (nowMs = NOW_MS, except: readonly string[] = []) =>
      (await webhooks.claim({ nowMs, leaseMs: 1000, except }))?.delivery ?? null
    const claimed = async (nowMs = NOW_MS) => {
      const delivery = await claim(nowMs)
      if (delivery === null) throw new Error('nothing to claim')
      return delivery
    }
    const arrived = { attempt: ARRIVED, step: { kind: 'delivered' }, disabled: null } as const
    const retry = (atMs: number) => ({ attempt: FAILED, step: { kind: 'retry', atMs }, disabled: null }) as const
    const all = async (webhookId: string, more: { state?: DeliveryRow['state']; before?: string } = {}) =>
      await webhooks.deliveries({ tenantId: 'default', webhookId, limit: 100, ...more })
    const ids = async (...of: Parameters<typeof all>) => (await all(...of)).map(({ id }) => id)

    test('they come back as they were stored, by tenant, and change', async () => {
      const one = webhook('one', { types: ['asset.*', 'job.failed'] })
      await webhooks.create(one)
      await webhooks.create(webhook('two', { tenantId: 'other', enabled: false, createdAtMs: NOW_MS + 1 }))
      expect(await webhooks.list('default')).toEqual([one])
      expect(await webhooks.get('default', 'two')).toBeNull()
      expect(await webhooks.update('default', 'two', { enabled: true }, NOW_MS)).toBeNull()
      const change = { description: 'ü', types: ['*'], sealed: 'anew', enabled: false }
      expect(await webhooks.update('default', 'one', change, NOW_MS + 5)).toEqual({
        ...{ ...one, ...change, updatedAtMs: NOW_MS + 5 },
      })
      expect(await webhooks.remove('other', 'one')).toBe(false)
      expect(await webhooks.remove('default', 'one')).toBe(true)
      expect(await webhooks.list('default')).toEqual([])
    })

    test('an event becomes one message for each endpoint of its tenant that wants it and is on', async () => {
      await webhooks.create(webhook('all'))
      await webhooks.create(webhook('streams', { types: ['stream.*'] }))
      await webhooks.create(webhook('assets', { types: ['asset.*'] }))
      await webhooks.create(webhook('off', { enabled: false }))
      await webhooks.create(webhook('theirs', { tenantId: 'other' }))
      await catalog.events.append([told('a'), told('b', { type: 'job.done', streamId: null, details: { jobId: 'j' } })])
      await catalog.events.append([told('a')]) // The answer to the first was lost.
      expect([await ids('all'), await ids('streams'), await ids('assets'), await ids('off')]).toEqual([
        ...[['b', 'a'], ['a'], [], []],
      ])
      expect(await webhooks.deliveries({ tenantId: 'other', webhookId: 'theirs', limit: 9 })).toEqual([])
      expect(await catalog.events.list({ limit: 9 })).toHaveLength(2)
      const [message] = await all('streams')
      expect(message).toMatchObject({
        object: 'stream:a',
        state: 'waiting',
        attempt: 0,
        atMs: NOW_MS,
        nextAtMs: NOW_MS,
      })
      expect(JSON.parse(message?.body ?? '')).toMatchObject({ id: 'a', type: 'stream.started' })
    })

    test('an event without an id is kept and told to nobody', async () => {
      await webhooks.create(webhook('all'))
      const { id: _id, ...nameless } = told('a')
      await catalog.events.append([nameless, nameless])
      expect(await catalog.events.list({ limit: 9 })).toHaveLength(2)
      expect(await all('all')).toEqual([])
    })

    test('a change and what is told of it are written both or neither', async () => {
      await webhooks.create(webhook('all'))
      const tell = (of: string) => (row: { readonly id: string }) => [told(`${of} ${row.id}`)]
      await catalog.recordings.add(callRecording('r'), tell('received'))
      const stored = { status: 'STORED', updatedAtMs: NOW_MS } as const
      await catalog.recordings.change('default', 'r', stored, { from: ['RECEIVED'], tell: tell('stored') })
      expect(
        await catalog.recordings.change('default', 'r', stored, { from: ['RECEIVED'], tell: tell('twice') }),
      ).toBeNull()
      const broken = () => {
        throw new Error('no words')
      }
      await expect(catalog.recordings.remove('default', 'r', NOW_MS, broken)).rejects.toThrow('no words')
      expect(await catalog.recordings.get('default', 'r')).toMatchObject({ status: 'STORED' })
      await catalog.recordings.remove('default', 'r', NOW_MS, tell('deleted'))
      await catalog.assets.add(asset('a'), tell('created'))
      await catalog.assets.add(asset('again', { sha256: asset('a').sha256 }), tell('created'))
      await catalog.assets.edit('default', 'a', { name: 'b' }, NOW_MS, tell('updated'))
      await catalog.assets.advance(asset('a'), { status: 'ready' }, { nowMs: NOW_MS, tell: tell('ready') })
      await catalog.assets.trash('default', 'a', NOW_MS, tell('deleted'))
      await catalog.assets.restore('default', 'a', NOW_MS, tell('restored'))
      await catalog.assets.trash('default', 'a', NOW_MS)
      await catalog.assets.takePurged(NOW_MS + 1, 9)
      await catalog.assets.remove('default', 'a', tell('purged'))
      expect((await ids('all')).toReversed()).toEqual([
        ...['received r', 'stored r', 'deleted r', 'created a', 'updated a', 'ready a', 'deleted a', 'restored a'],
        'purged a',
      ])
    })

    test('of many claims at once each gets another message, and an endpoint can be passed over', async () => {
      await webhooks.create(webhook('one'))
      await webhooks.create(webhook('two'))
      await catalog.events.append(range(10).map((n) => told(`e${n}`)))
      const claims = await Promise.all(range(30).map(() => claim(NOW_MS, ['two'])))
      const got = claims.flatMap((each) => (each === null ? [] : [each.id]))
      expect(got.toSorted()).toEqual(range(10).map((n) => `e${n}`))
      expect((await claim())?.webhookId).toBe('two')
    })

    test('of the messages about one object the next waits until the one before has arrived or was given up', async () => {
      await webhooks.create(webhook('one'))
      await catalog.events.append(['a1', 'b1', 'a2', 'a3'].map((id) => told(id, { streamId: id.slice(0, 1) })))
      const [a1, b1] = [await claimed(), await claimed()]
      expect([a1.id, b1.id, await claim()]).toEqual(['a1', 'b1', null])
      await webhooks.settle(a1, retry(NOW_MS + 5000), NOW_MS)
      expect(await claim(NOW_MS + 4999)).toMatchObject({ id: 'b1', fence: 2 }) // Whoever had it is dead.
      expect(await claim(NOW_MS + 4999)).toBeNull()
      const again = await claimed(NOW_MS + 5000)
      expect(again).toMatchObject({ id: 'a1', attempt: 2 })
      await webhooks.settle(again, arrived, NOW_MS + 5000)
      const a2 = await claimed(NOW_MS + 5000)
      expect(a2.id).toBe('a2')
      await webhooks.settle(a2, { attempt: FAILED, step: { kind: 'failed' }, disabled: null }, NOW_MS + 5000)
      expect((await claimed(NOW_MS + 5000)).id).toBe('a3')
    })

    test('what follows a message that failed is not due before it, and is due with its success', async () => {
      await webhooks.create(webhook('one'))
      await catalog.events.append(['a1', 'a2', 'a3'].map((id) => told(id, { streamId: 'a' })))
      await webhooks.settle(await claimed(), retry(NOW_MS + 5000), NOW_MS)
      expect(await webhooks.nextAtMs()).toBe(NOW_MS + 5000)
      await catalog.events.append([told('a4', { streamId: 'a' })])
      expect(await webhooks.nextAtMs()).toBe(NOW_MS + 5000)
      const path = { tenantId: 'default', webhookId: 'one', id: 'a1' }
      await webhooks.replayOne(path, { nowMs: NOW_MS + 10, giveUpAtMs: NOW_MS + DAY_MS })
      await webhooks.settle(await claimed(NOW_MS + 10), arrived, NOW_MS + 20)
      for (const id of ['a2', 'a3', 'a4']) {
        const next = await claimed(NOW_MS + 20)
        expect(next.id).toBe(id)
        await webhooks.settle(next, arrived, NOW_MS + 20)
      }
      expect(await webhooks.nextAtMs()).toBeNull()
    })

    test('an attempt that somebody else took over changes nothing', async () => {
      await webhooks.create(webhook('one'))
      await catalog.events.append([told('a')])
      const late = await claimed()
      const next = await claimed(NOW_MS + 1000)
      expect(await webhooks.settle(late, arrived, NOW_MS)).toBeNull()
      await webhooks.release(late, NOW_MS)
      expect(await claim(NOW_MS + 1500)).toBeNull()
      expect((await webhooks.settle(next, arrived, NOW_MS + 2000))?.delivery).toMatchObject({
        state: 'delivered',
        status: 204,
      })
      expect(await webhooks.settle(next, arrived, NOW_MS + 2000)).toBeNull()
    })

    test('what was broken off is given back, and leases of a dead process can be ended', async () => {
      await webhooks.create(webhook('one'))
      await catalog.events.append([told('a')])
      await webhooks.release(await claimed(), NOW_MS)
      expect(await claimed()).toMatchObject({ id: 'a', attempt: 1, fence: 2 })
      expect(await claim()).toBeNull()
      await webhooks.endLeases()
      expect(await claimed()).toMatchObject({ id: 'a', attempt: 2 })
    })

    test('an endpoint knows since when it fails, and forgets it with the first success', async () => {
      await webhooks.create(webhook('one'))
      await catalog.events.append([told('a')])
      for (const atMs of [NOW_MS, NOW_MS + 1000]) await webhooks.settle(await claimed(atMs), retry(atMs + 1), atMs)
      expect(await webhooks.get('default', 'one')).toMatchObject({
        failingSinceMs: NOW_MS,
        lastFailure: FAILED.failure,
      })
      expect((await all('one'))[0]).toMatchObject({ status: 500, failure: FAILED.failure, response: 'ö\uFFFD' })
      await webhooks.settle(await claimed(NOW_MS + 2000), arrived, NOW_MS + 2000)
      expect(await webhooks.get('default', 'one')).toMatchObject({
        ...{ failingSinceMs: null, lastFailure: null, lastSuccessAtMs: NOW_MS + 2000 },
      })
    })

    test('what waits for an endpoint that was switched off waits until it is on, and nothing is added meanwhile', async () => {
      await webhooks.create(webhook('one'))
      await catalog.events.append([told('a'), told('b')])
      const end = { ...retry(NOW_MS + 1), disabled: 'failing' } as const
      const first = await claimed()
      const second = await claimed()
      expect(await webhooks.settle(first, end, NOW_MS)).toMatchObject({ isDisabled: true })
      expect(await webhooks.settle(second, end, NOW_MS)).toMatchObject({ isDisabled: false })
      await catalog.events.append([told('c')])
      expect([await claim(NOW_MS + DAY_MS), await ids('one'), await webhooks.nextAtMs()]).toEqual([
        null,
        ['b', 'a'],
        null,
      ])
      expect(await webhooks.get('default', 'one')).toMatchObject({ enabled: false, disabledReason: 'failing' })
      await webhooks.update('default', 'one', { enabled: true, disabledReason: null }, NOW_MS + DAY_MS)
      expect(await webhooks.get('default', 'one')).toMatchObject({ enabled: true, failingSinceMs: null })
      expect(await webhooks.nextAtMs()).toBe(NOW_MS + DAY_MS)
      expect((await claimed(NOW_MS + DAY_MS)).id).toBe('a')
    })

    test('one is sent again under its id; all since a time also bring what came while it was off', async () => {
      await webhooks.create(webhook('one', { types: ['stream.*'] }))
      const at = (id: string, n: number, more: Partial<EventToStore> = {}) => told(id, { atMs: NOW_MS + n, ...more })
      await catalog.events.append([at('a', 0), at('b', 10), at('c', 20)])
      for (const step of ['delivered', 'failed', 'delivered'] as const) {
        const attempt = step === 'failed' ? FAILED : ARRIVED
        await webhooks.settle(
          await claimed(NOW_MS + 50),
          { attempt, step: { kind: step }, disabled: null },
          NOW_MS + 50,
        )
      }
      const when = { nowMs: NOW_MS + 100, giveUpAtMs: NOW_MS + 100 + DAY_MS }
      const path = { tenantId: 'default', webhookId: 'one', id: 'a' }
      expect(await webhooks.replayOne({ ...path, tenantId: 'other' }, when)).toBeNull()
      expect(await webhooks.replayOne(path, when)).toMatchObject({ state: 'waiting', attempt: 0, finishedAtMs: null })
      await webhooks.settle(await claimed(NOW_MS + 100), arrived, NOW_MS + 100)
      await webhooks.update('default', 'one', { enabled: false }, NOW_MS)
      await catalog.events.append([at('d', 30), at('e', 40, { tenantId: 'other' }), at('f', 50, { type: 'job.done' })])
      await webhooks.update('default', 'one', { enabled: true }, NOW_MS)
      const since = { sinceMs: NOW_MS + 10, untilMs: NOW_MS + 1000, ...when }
      const row = webhook('one', { types: ['stream.*'] })
      expect(await webhooks.replaySince(row, { ...since, failedOnly: true })).toEqual({ replayed: 1, more: false })
      expect(await ids('one', { state: 'waiting' })).toEqual(['b'])
      expect(await webhooks.replaySince(row, { ...since, failedOnly: false })).toEqual({ replayed: 2, more: false })
      expect(await ids('one', { state: 'waiting' })).toEqual(['d', 'c', 'b'])
      expect(await ids('one', { state: 'delivered' })).toEqual(['a'])
      expect(await ids('one', { before: 'c' })).toEqual(['b', 'a'])
    })

    test('what has ended is trimmed by age and by number, what waits is not', async () => {
      await webhooks.create(webhook('one'))
      await catalog.events.append(range(5).map((n) => told(`e${n}`)))
      for (const n of range(4)) await webhooks.settle(await claimed(NOW_MS + n), arrived, NOW_MS + n)
      expect(await webhooks.trim({ beforeMs: NOW_MS + 1, keep: 100 })).toBe(1)
      expect(await webhooks.trim({ beforeMs: 0, keep: 2 })).toBe(1)
      expect(await ids('one')).toEqual(['e4', 'e3', 'e2'])
    })

    test('a replay fills the queue with what never arrived first, and leaves room', async () => {
      await webhooks.create(webhook('one', { enabled: false }))
      await catalog.events.append(range(MAX_REPLAYED_DELIVERIES + 1).map((n) => told(`missed${n}`)))
      await webhooks.update('default', 'one', { enabled: true }, NOW_MS)
      await catalog.events.append([told('came')])
      await webhooks.settle(await claimed(), arrived, NOW_MS)
      const what = { sinceMs: 0, untilMs: NOW_MS + 1, nowMs: NOW_MS, giveUpAtMs: NOW_MS + DAY_MS, failedOnly: false }
      const replay = async () => await webhooks.replaySince(webhook('one'), what)
      expect(await replay()).toEqual({ replayed: MAX_REPLAYED_DELIVERIES, more: true })
      expect(await ids('one', { state: 'delivered' })).toEqual(['came'])
      for (const _ of range(3)) await webhooks.settle(await claimed(), arrived, NOW_MS)
      expect(await replay()).toEqual({ replayed: 3, more: true })
      expect(await ids('one', { state: 'waiting' })).toContain(`missed${MAX_REPLAYED_DELIVERIES}`)
    }, 30_000)

    test('endpoints are removed while attempts are settled and messages sent again: nobody waits for the other', async () => {
      for (const round of range(6)) {
        const ids = range(10).map((n) => `w${round}-${n}`)
        for (const id of ids) await webhooks.create(webhook(id))
        await catalog.events.append([told(`first${round}`), told(`second${round}`)])
        const held: DeliveryRow[] = []
        for (const _ of range(20)) held.push(await claimed())
        const what = { sinceMs: 0, untilMs: NOW_MS + 1, failedOnly: false, nowMs: NOW_MS, giveUpAtMs: NOW_MS + DAY_MS }
        const gaveUp = { attempt: FAILED, step: { kind: 'failed' }, disabled: null } as const
        await webhooks.settle(held.find(({ webhookId }) => webhookId === ids[0]) ?? held[0]!, gaveUp, NOW_MS)
        const done = await Promise.allSettled([
          ...held.map(async (delivery) => await webhooks.settle(delivery, retry(NOW_MS + 5), NOW_MS)),
          ...ids.map(async (id) => await webhooks.remove('default', id)),
          webhooks.replaySince(webhook(ids[0] ?? ''), what),
        ])
        const reasons = done.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []))
        expect(reasons).toEqual([])
        expect(await webhooks.list('default')).toEqual([])
      }
    }, 60_000)

    test('for an endpoint as many wait as may, and it is switched off then', async () => {
      await webhooks.create(webhook('one'))
      await webhooks.create(webhook('quick', { types: ['job.*'] }))
      await catalog.events.append(range(MAX_WAITING_DELIVERIES - 1).map((n) => told(`e${n}`)))
      const looked = async (nowMs: number) =>
        (await webhooks.disableOverfull({ nowMs, sinceMs: nowMs - 10 })).map(({ id, disabledReason: why }) => [id, why])
      const switchedOff = [['one', 'queue_full']]
      expect(await looked(NOW_MS + 20)).toEqual([])
      await catalog.events.append([told('last'), told('too many')])
      expect((await all('one'))[0]?.id).toBe('last')
      expect(await looked(NOW_MS + 20)).toEqual(switchedOff)
      expect(await looked(NOW_MS + 20)).toEqual([])

      // Switched on again it works off what waits, and is sent what it missed as soon as there is room.
      await webhooks.update('default', 'one', { enabled: true }, NOW_MS + 30)
      const what = {
        sinceMs: 0,
        untilMs: NOW_MS + 1,
        failedOnly: false,
        nowMs: NOW_MS + 30,
        giveUpAtMs: NOW_MS + DAY_MS,
      }
      const replay = async () => await webhooks.replaySince(webhook('one'), what)
      expect(await replay()).toEqual({ replayed: 0, more: true })
      expect(await looked(NOW_MS + 35)).toEqual([])
      await webhooks.settle(await claimed(NOW_MS + 30), arrived, NOW_MS + 40)
      await catalog.events.append([told('fills it again')])
      expect(await looked(NOW_MS + 45)).toEqual([])
      expect(await looked(NOW_MS + 60)).toEqual(switchedOff)
    }, 30_000)
  })
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

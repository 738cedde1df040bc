// What every catalog promises, whatever database is below it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LedgerEntry } from '../../src/catalog/ledger-entry.ts'
import type {
  ApiKeyRow,
  Catalog,
  DateRangeRow,
  DvrRecordingRow,
  LoginLinkRow,
  PublishKeyRow,
  SessionRow,
  StoreRow,
  StreamRow,
  UserRow,
} from '../../src/catalog/types.ts'
import { isMirrorError } from '../../src/core/errors.ts'
import type { DateRange } from '../../src/hls/date-range.ts'
import type { MirrorEvent } from '../../src/live/events.ts'
import { DEFAULT_STREAM_SETTINGS } from '../../src/live/settings.ts'
import { CAPABILITY_IDS, type CapabilityMatrix } from '../../src/storage/capabilities.ts'

const NOW_MS = 1_795_200_000_000 // beyond 32 bits, as all of today's times

/** `open` gives an empty catalog each time. */
export function catalogContract(name: string, open: () => Promise<Catalog>): void {
  describe(`catalog on ${name}`, () => {
    let catalog: Catalog

    beforeEach(async () => {
      catalog = await open()
    })

    afterEach(async () => {
      await catalog[Symbol.asyncDispose]()
    })

    describe('date ranges', () => {
      const range = (id: string, startMs: number, more: Partial<DateRange> = {}): DateRange => ({
        ...{ id, class: null, startMs, endMs: null, durationSec: null, plannedDurationSec: null, isEndOnNext: false },
        attributes: [{ name: 'X-NOTE', value: { kind: 'text', text: 'grüße' } }],
        ...more,
      })
      const row = (streamId: string, of: DateRange, endsAtMs: number | null = null): DateRangeRow => ({
        ...{ streamId, range: of, endsAtMs, createdAtMs: NOW_MS },
      })

      beforeEach(async () => {
        await catalog.streams.create(stream('a'), publishKey('a', 'k1'))
        await catalog.streams.create(stream('b'), publishKey('b', 'k2'))
      })

      test('they come back as they were stored, by stream, start and id; an id is unique in its stream', async () => {
        const rows = [
          row('a', range('late', NOW_MS + 1)),
          row('a', range('z', NOW_MS)),
          row('b', range('late', NOW_MS)),
        ]
        for (const each of rows) expect(await catalog.dateRanges.add(each)).toBe(true)
        expect(await catalog.dateRanges.add(row('a', range('late', NOW_MS)))).toBe(false)
        expect(await catalog.dateRanges.list({ streamId: 'a' })).toEqual([rows[1], rows[0]])
        expect((await catalog.dateRanges.list({})).map(({ streamId }) => streamId)).toEqual(['a', 'a', 'b'])
        await expectError(catalog.dateRanges.add(row('none', range('x', NOW_MS))), 'stream_not_found')
      })

      test('those that are over can be left out, those of unknown end cannot', async () => {
        await catalog.dateRanges.add(row('a', range('open', NOW_MS)))
        await catalog.dateRanges.add(row('a', range('over', NOW_MS, { durationSec: 1 }), NOW_MS + 1000))
        const ids = async (endsAfterMs: number) =>
          (await catalog.dateRanges.list({ streamId: 'a', endsAfterMs })).map((each) => each.range.id)
        expect(await ids(NOW_MS + 999)).toEqual(['open', 'over'])
        expect(await ids(NOW_MS + 1000)).toEqual(['open'])
      })

      test('of two changes at once one is told that it came too late', async () => {
        const before = range('ad', NOW_MS)
        await catalog.dateRanges.add(row('a', before))
        const results = await Promise.all(
          [1, 2].map((sec) =>
            catalog.dateRanges.update(row('a', { ...before, durationSec: sec }, NOW_MS + 1000 * sec), before),
          ),
        )
        expect(results.filter((isDone) => isDone)).toHaveLength(1)
        expect((await catalog.dateRanges.list({ streamId: 'a' }))[0]?.range.durationSec).toBe(results[0] ? 1 : 2)
      })

      test('they go by themselves or with their stream', async () => {
        await catalog.dateRanges.add(row('a', range('ad', NOW_MS)))
        expect(await catalog.dateRanges.remove('b', 'ad')).toBe(false)
        expect(await catalog.dateRanges.remove('a', 'ad')).toBe(true)
        await catalog.dateRanges.add(row('a', range('ad', NOW_MS)))
        await catalog.streams.remove('a')
        expect(await catalog.dateRanges.list({})).toEqual([])
      })
    })

    describe('recordings', () => {
      const recording = (id: string, startsAtMs: number, more: Partial<DvrRecordingRow> = {}): DvrRecordingRow => ({
        ...{ id, streamId: 'a', title: 'Übung', startsAtMs, endsAtMs: null, failure: null },
        ...more,
      })

      beforeEach(async () => {
        await catalog.streams.create(stream('a'), publishKey('a', 'k1'))
        await catalog.streams.create(stream('b'), publishKey('b', 'k2'))
      })

      test('of a stream one runs at a time, also when many are begun at once', async () => {
        const begun = await Promise.all(range(10).map((n) => catalog.dvrRecordings.begin(recording(`r${n}`, NOW_MS))))
        expect(begun.filter((isNew) => isNew)).toHaveLength(1)
        expect(await catalog.dvrRecordings.begin(recording('other', NOW_MS, { streamId: 'b' }))).toBe(true)
        const id = `r${begun.indexOf(true)}`
        expect(await catalog.dvrRecordings.get(id)).toEqual(recording(id, NOW_MS))
        expect(await catalog.dvrRecordings.end(id, NOW_MS + 1, null)).toBe(true)
        expect(await catalog.dvrRecordings.end(id, NOW_MS + 2, 'late')).toBe(false)
        expect(await catalog.dvrRecordings.get(id)).toEqual(recording(id, NOW_MS, { endsAtMs: NOW_MS + 1 }))
        expect(await catalog.dvrRecordings.begin(recording('next', NOW_MS + 2))).toBe(true)
        await expectError(catalog.dvrRecordings.begin(recording('x', NOW_MS, { streamId: 'c' })), 'stream_not_found')
      })

      test('they are listed newest first, page by page, of one stream or all', async () => {
        for (const [n, streamId] of ['a', 'b', 'a', 'a'].entries()) {
          await catalog.dvrRecordings.begin(recording(`r${n}`, NOW_MS + Math.min(n, 2), { streamId }))
          await catalog.dvrRecordings.end(`r${n}`, NOW_MS + 10, null)
        }
        const ids = async (query: Parameters<Catalog['dvrRecordings']['list']>[0]) =>
          (await catalog.dvrRecordings.list(query)).map(({ id }) => id)
        expect(await ids({ limit: 10 })).toEqual(['r3', 'r2', 'r1', 'r0'])
        expect(await ids({ streamId: 'a', limit: 2 })).toEqual(['r3', 'r2'])
        expect(await ids({ before: { id: 'r3', startsAtMs: NOW_MS + 2 }, limit: 2 })).toEqual(['r2', 'r1'])
        expect(await ids({ before: { id: 'r0', startsAtMs: NOW_MS }, limit: 2 })).toEqual([])
      })

      test('what failed is not kept; what is kept keeps its stream', async () => {
        await catalog.dvrRecordings.begin(recording('empty', NOW_MS))
        await catalog.dvrRecordings.end('empty', NOW_MS + 1, 'nothing was live')
        await catalog.dvrRecordings.begin(recording('open', NOW_MS + 5))
        const span = { streamId: 'a', startsAtMs: NOW_MS + 5, endsAtMs: null }
        expect([await catalog.dvrRecordings.spans('a'), await catalog.dvrRecordings.spans()]).toEqual([[span], [span]])
        expect(await catalog.dvrRecordings.remove('open')).toBe(false)
        await expectError(catalog.streams.remove('a'), 'stream_recorded')
        expect(await catalog.streams.get('a')).not.toBeNull()
        await catalog.dvrRecordings.end('open', NOW_MS + 6, null)
        expect(await catalog.dvrRecordings.remove('open')).toBe(true)
        expect(await catalog.dvrRecordings.remove('empty')).toBe(true)
        expect(await catalog.streams.remove('a')).toBe(true)
      })
    })

    describe('stores', () => {
      test('they come back as they were attached, by name, with what their probe has found', async () => {
        const attic = attachedStore('attic')
        const bucket: StoreRow = {
          ...attachedStore('zürich'),
          place: {
            ...{ kind: 's3', endpoint: null, region: 'eu-central-2', bucket: 'media', prefix: 'm/', pathStyle: false },
            storageClass: 'STANDARD_IA',
          },
          sealedCredentials: 'AbC_-123',
          roles: ['backup'],
        }
        for (const each of [bucket, attic]) await catalog.stores.create(each)
        expect(await catalog.stores.list()).toEqual([attic, bucket])
        expect(await catalog.stores.get('zürich')).toEqual(bucket)
        expect(await catalog.stores.get('Attic')).toBeNull()
        const probe = matrix()
        expect(await catalog.stores.saveProbe('attic', probe)).toEqual({ ...attic, probe })
        expect((await catalog.stores.get('attic'))?.probe).toEqual(probe)
        expect(await catalog.stores.saveProbe('nobody', probe)).toBeNull()
      })

      test('of ten that take one name at once one gets it', async () => {
        const results = await Promise.allSettled(
          Array.from({ length: 10 }, (_, n) => catalog.stores.create({ ...attachedStore('attic'), createdAtMs: n })),
        )
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
        await expectError(catalog.stores.create(attachedStore('attic')), 'store_exists')
        expect(await catalog.stores.remove('attic')).toBe(true)
        expect(await catalog.stores.remove('attic')).toBe(false)
        expect(await catalog.stores.list()).toEqual([])
      })
    })

    describe('streams', () => {
      test('a stream comes back as it was created, with its first key', async () => {
        await catalog.streams.create(stream('demo'), publishKey('demo', 'k1'))
        expect(await catalog.streams.get('demo')).toEqual(stream('demo'))
        expect(await catalog.publishKeys.list('demo')).toEqual([publishKey('demo', 'k1')])
      })

      test('an unknown stream is null', async () => {
        expect(await catalog.streams.get('nobody')).toBeNull()
        expect(await catalog.streams.get('')).toBeNull()
      })

      test('the second creation of an id is refused and leaves no key behind', async () => {
        await catalog.streams.create(stream('demo'), publishKey('demo', 'k1'))
        await expectError(catalog.streams.create(stream('demo'), publishKey('demo', 'k2')), 'stream_exists')
        expect((await catalog.publishKeys.list()).map(({ id }) => id)).toEqual(['k1'])
      })

      test('a creation whose key is refused leaves no stream behind', async () => {
        await catalog.streams.create(stream('a'), publishKey('a', 'k1'))
        await expect(catalog.streams.create(stream('b'), publishKey('b', 'k1'))).rejects.toThrow()
        expect(await catalog.streams.get('b')).toBeNull()
      })

      test('of twenty creations of one id at once exactly one wins', async () => {
        const results = await Promise.allSettled(
          range(20).map((n) => catalog.streams.create(stream('demo', { name: `n${n}` }), publishKey('demo', `k${n}`))),
        )
        const winners = results.flatMap((result, n) => (result.status === 'fulfilled' ? [n] : []))
        expect(winners).toHaveLength(1)
        for (const result of results) {
          if (result.status === 'rejected') expect(isMirrorError(result.reason, 'stream_exists')).toBe(true)
        }
        expect((await catalog.streams.get('demo'))?.name).toBe(`n${winners[0]}`)
        expect((await catalog.publishKeys.list()).map(({ id }) => id)).toEqual([`k${winners[0]}`])
      })

      test('streams are listed by id in byte order, and ids that differ in case are two streams', async () => {
        const ids = ['b', 'a-1', 'B', 'a', '10', '9', 'a1', 'Z']
        for (const id of ids) await catalog.streams.create(stream(id), publishKey(id, `key-${id}`))
        expect((await catalog.streams.list()).map(({ id }) => id)).toEqual(['10', '9', 'B', 'Z', 'a', 'a-1', 'a1', 'b'])
      })

      test('an update changes what it names and nothing else', async () => {
        await catalog.streams.create(stream('demo'), publishKey('demo', 'k1'))
        const settings = { ...DEFAULT_STREAM_SETTINGS, partMs: 100 }
        const changed = await catalog.streams.update('demo', { settings, updatedAtMs: NOW_MS + 5 })
        expect(changed).toEqual({ ...stream('demo'), settings, updatedAtMs: NOW_MS + 5 })
        const renamed = await catalog.streams.update('demo', { name: 'New', updatedAtMs: NOW_MS + 6 })
        expect(renamed).toEqual({ ...stream('demo'), name: 'New', settings, updatedAtMs: NOW_MS + 6 })
        expect(await catalog.streams.get('demo')).toEqual(renamed)
      })

      test('settings that an older version did not store have their defaults', async () => {
        const { inputs, ...older } = DEFAULT_STREAM_SETTINGS
        const settings = { ...older, partMs: 100 } as typeof DEFAULT_STREAM_SETTINGS
        await catalog.streams.create(stream('demo', { settings }), publishKey('demo', 'k1'))
        expect((await catalog.streams.get('demo'))?.settings).toEqual({ ...older, partMs: 100, inputs })
        expect((await catalog.streams.list())[0]?.settings.inputs).toEqual([])
      })

      test('an update of an unknown stream is null', async () => {
        expect(await catalog.streams.update('nobody', { updatedAtMs: NOW_MS })).toBeNull()
      })

      test('a removal takes the keys and events along, and those of no other stream', async () => {
        await catalog.streams.create(stream('a'), publishKey('a', 'ka'))
        await catalog.streams.create(stream('b'), publishKey('b', 'kb'))
        await catalog.events.append([event('a'), event('b'), event(null)])
        expect(await catalog.streams.remove('a')).toBe(true)
        expect(await catalog.streams.get('a')).toBeNull()
        expect((await catalog.publishKeys.list()).map(({ id }) => id)).toEqual(['kb'])
        expect((await catalog.events.list({ limit: 10 })).map(({ streamId }) => streamId)).toEqual([null, 'b'])
        expect(await catalog.streams.remove('a')).toBe(false)
      })

      test('large settings and names in any script survive', async () => {
        const settings = {
          ...DEFAULT_STREAM_SETTINGS,
          note: 'ü🎥\u0000"\\'.repeat(50_000),
          nested: { list: [1.5, null] },
        }
        const name = 'Größe 東京 🎬 \u202e e\u0301'
        await catalog.streams.create(stream('demo', { name, settings }), publishKey('demo', 'k1'))
        expect(await catalog.streams.get('demo')).toEqual(stream('demo', { name, settings }))
      })

      test('text that no database could keep is kept with replacement characters', async () => {
        await catalog.streams.create(stream('demo', { name: 'a\u0000b\ud800c' }), publishKey('demo', 'k1'))
        expect((await catalog.streams.get('demo'))?.name).toBe('a\ufffdb\ufffdc')
        expect(await catalog.streams.get('de\u0000mo')).toBeNull()
      })
    })

    describe('publish keys', () => {
      beforeEach(async () => {
        await catalog.streams.create(stream('a'), publishKey('a', 'a1', 1))
        await catalog.streams.create(stream('b'), publishKey('b', 'b1', 2))
      })

      test('keys are listed newest first, of one stream or of all', async () => {
        await catalog.publishKeys.add(publishKey('a', 'a3', 3))
        await catalog.publishKeys.add(publishKey('a', 'a2', 2))
        await catalog.publishKeys.add(publishKey('a', 'a2-later', 2))
        expect((await catalog.publishKeys.list('a')).map(({ id }) => id)).toEqual(['a3', 'a2-later', 'a2', 'a1'])
        expect((await catalog.publishKeys.list()).map(({ id }) => id)).toEqual(['a3', 'a2-later', 'a2', 'b1', 'a1'])
        expect(await catalog.publishKeys.list('nobody')).toEqual([])
        expect(await catalog.publishKeys.list('')).toEqual([])
      })

      test('a key for an unknown stream is refused by name', async () => {
        await expectError(catalog.publishKeys.add(publishKey('nobody', 'x')), 'stream_not_found')
        await expectError(catalog.publishKeys.rotate(publishKey('nobody', 'x')), 'stream_not_found')
        expect(await catalog.publishKeys.list('nobody')).toEqual([])
      })

      test('a rotation leaves only the new key of its stream', async () => {
        await catalog.publishKeys.add(publishKey('a', 'a2'))
        await catalog.publishKeys.rotate(publishKey('a', 'a3'))
        expect(await catalog.publishKeys.list('a')).toEqual([publishKey('a', 'a3')])
        expect((await catalog.publishKeys.list('b')).map(({ id }) => id)).toEqual(['b1'])
      })

      test('a rotation that is refused changes nothing', async () => {
        await expect(catalog.publishKeys.rotate(publishKey('a', 'b1'))).rejects.toThrow()
        expect((await catalog.publishKeys.list('a')).map(({ id }) => id)).toEqual(['a1'])
      })

      test('after twenty rotations at once exactly one key is left', async () => {
        await Promise.all(range(20).map((n) => catalog.publishKeys.rotate(publishKey('a', `r${n}`))))
        expect(await catalog.publishKeys.list('a')).toHaveLength(1)
      })

      test('a key is removed only through its own stream', async () => {
        expect(await catalog.publishKeys.remove('b', 'a1')).toBe(false)
        expect(await catalog.publishKeys.remove('a', 'a1')).toBe(true)
        expect(await catalog.publishKeys.remove('a', 'a1')).toBe(false)
        expect(await catalog.publishKeys.list('a')).toEqual([])
      })
    })

    describe('users', () => {
      test('a user is found by id and by name without case', async () => {
        await catalog.users.create(user('u1', 'Jürgen'))
        expect(await catalog.users.get('u1')).toEqual(user('u1', 'Jürgen'))
        expect(await catalog.users.findByName('JÜRGEN')).toEqual(user('u1', 'Jürgen'))
        expect(await catalog.users.findByName('Jurgen')).toBeNull()
        expect(await catalog.users.get('u2')).toBeNull()
      })

      test('a name that differs only in case is taken', async () => {
        await catalog.users.create(user('u1', 'Straße'))
        await expectError(catalog.users.create(user('u2', 'STRASSE')), 'invalid_request')
        expect(await catalog.users.list()).toEqual([user('u1', 'Straße')])
      })

      test('of ten users with one name at once exactly one is created', async () => {
        const results = await Promise.allSettled(range(10).map((n) => catalog.users.create(user(`u${n}`, 'Anna'))))
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
        expect(await catalog.users.list()).toHaveLength(1)
      })

      test('an update changes what it names, and refuses a name that is taken', async () => {
        await catalog.users.create(user('u1', 'Anna'))
        await catalog.users.create(user('u2', 'Ben'))
        expect(await catalog.users.update('u1', { passwordHash: 'scrypt$x', role: 'admin' })).toEqual({
          ...user('u1', 'Anna'),
          passwordHash: 'scrypt$x',
          role: 'admin',
        })
        await expectError(catalog.users.update('u2', { name: 'aNNa' }), 'invalid_request')
        expect((await catalog.users.update('u1', { name: 'ANNA' }))?.name).toBe('ANNA')
        expect((await catalog.users.update('u2', { name: 'Carl' }))?.name).toBe('Carl')
        expect(await catalog.users.findByName('ben')).toBeNull()
        expect((await catalog.users.findByName('carl'))?.id).toBe('u2')
      })

      test('an update without a change gives the user as it is, and null when there is none', async () => {
        await catalog.users.create(user('u1', 'Anna'))
        expect(await catalog.users.update('u1', {})).toEqual(user('u1', 'Anna'))
        expect(await catalog.users.update('u2', { role: 'admin' })).toBeNull()
      })

      test('a removed user loses sessions and login links', async () => {
        await catalog.users.create(user('u1', 'Anna'))
        await catalog.sessions.create(session('s1', 'u1'))
        await catalog.sessions.createLink(link('l1', 'u1'))
        expect(await catalog.users.remove('u1')).toBe(true)
        expect(await catalog.users.remove('u1')).toBe(false)
        expect(await catalog.sessions.find('s1', NOW_MS)).toBeNull()
        expect(await catalog.sessions.consumeLink('l1', NOW_MS)).toBeNull()
      })
    })

    describe('API keys', () => {
      test('a key is found by its hash until it is removed', async () => {
        await catalog.apiKeys.create(apiKey('k1'))
        expect(await catalog.apiKeys.findByHash('hash-k1')).toEqual(apiKey('k1'))
        expect(await catalog.apiKeys.findByHash('HASH-K1')).toBeNull()
        expect(await catalog.apiKeys.list()).toEqual([apiKey('k1')])
        expect(await catalog.apiKeys.remove('k1')).toBe(true)
        expect(await catalog.apiKeys.remove('k1')).toBe(false)
        expect(await catalog.apiKeys.findByHash('hash-k1')).toBeNull()
      })

      test('the time of last use only rises', async () => {
        await catalog.apiKeys.create(apiKey('k1'))
        await catalog.apiKeys.touch('k1', NOW_MS + 2)
        await catalog.apiKeys.touch('k1', NOW_MS + 1)
        expect((await catalog.apiKeys.findByHash('hash-k1'))?.lastUsedAtMs).toBe(NOW_MS + 2)
        await catalog.apiKeys.touch('gone', NOW_MS)
      })
    })

    describe('sessions', () => {
      beforeEach(async () => {
        await catalog.users.create(user('u1', 'Anna'))
      })

      test('a session is found until it expires or is removed', async () => {
        await catalog.sessions.create(session('s1', 'u1', NOW_MS + 10))
        expect(await catalog.sessions.find('s1', NOW_MS + 9)).toEqual(session('s1', 'u1', NOW_MS + 10))
        expect(await catalog.sessions.find('s1', NOW_MS + 10)).toBeNull()
        await catalog.sessions.remove('s1')
        await catalog.sessions.remove('s1')
        expect(await catalog.sessions.find('s1', NOW_MS)).toBeNull()
      })

      test('a session of an unknown user is refused', async () => {
        await expectError(catalog.sessions.create(session('s1', 'nobody')), 'unauthorized')
        await expectError(catalog.sessions.createLink(link('l1', 'nobody')), 'unauthorized')
      })

      test('expired sessions and links are swept, living ones stay', async () => {
        await catalog.sessions.create(session('old', 'u1', NOW_MS))
        await catalog.sessions.create(session('new', 'u1', NOW_MS + 1))
        await catalog.sessions.createLink(link('old', 'u1', NOW_MS))
        await catalog.sessions.createLink(link('new', 'u1', NOW_MS + 1))
        await catalog.sessions.removeExpired(NOW_MS)
        expect(await catalog.sessions.find('old', 0)).toBeNull()
        expect(await catalog.sessions.find('new', NOW_MS)).not.toBeNull()
        expect(await catalog.sessions.consumeLink('old', 0)).toBeNull()
        expect(await catalog.sessions.consumeLink('new', NOW_MS)).toEqual(link('new', 'u1', NOW_MS + 1))
      })

      test('of ten callers at once exactly one gets the login link', async () => {
        await catalog.sessions.createLink(link('l1', 'u1'))
        const results = await Promise.all(range(10).map(() => catalog.sessions.consumeLink('l1', NOW_MS)))
        expect(results.filter((result) => result !== null)).toEqual([link('l1', 'u1')])
      })

      test('an expired login link is nobody’s', async () => {
        await catalog.sessions.createLink(link('l1', 'u1', NOW_MS))
        expect(await catalog.sessions.consumeLink('l1', NOW_MS)).toBeNull()
      })
    })

    describe('events', () => {
      test('events come back whole, newest first, in rising sequence', async () => {
        const details = { n: 1.5, ok: true, text: 'ü\u0000"🎬' }
        await catalog.events.append([event('a', { details }), event(null, { code: 'worker_restarted' })])
        await catalog.events.append([event('b', { message: 'garbage: \u0000\u0001é' })])
        const rows = await catalog.events.list({ limit: 10 })
        expect(rows.map(({ seq, ...rest }) => rest)).toEqual([
          event('b', { message: 'garbage: \ufffd\u0001é' }),
          event(null, { code: 'worker_restarted' }),
          event('a', { details }),
        ])
        expect(rows[0]!.seq).toBeGreaterThan(rows[1]!.seq)
        expect(rows[1]!.seq).toBeGreaterThan(rows[2]!.seq)
      })

      test('a cursor walks through all events of a stream without repeating one', async () => {
        await catalog.events.append(range(25).map((n) => event(n % 2 === 0 ? 'even' : 'odd', { message: `${n}` })))
        const seen: string[] = []
        let beforeSeq: number | undefined
        for (;;) {
          const query = { streamId: 'even', limit: 5, ...(beforeSeq === undefined ? {} : { beforeSeq }) }
          const page = await catalog.events.list(query)
          if (page.length === 0) break
          seen.push(...page.map(({ message }) => message))
          beforeSeq = page.at(-1)!.seq
        }
        expect(seen).toEqual(range(13).map((n) => `${24 - 2 * n}`))
      })

      test('each tenant has its own, and who names none is the default one', async () => {
        await catalog.events.append([event(null), event(null, { message: 'theirs', tenantId: 'other' })])
        const messagesOf = async (tenantId: string) =>
          (await catalog.events.list({ tenantId, limit: 10 })).map(({ message }) => message)
        expect(await messagesOf('other')).toEqual(['theirs'])
        expect(await messagesOf('default')).toEqual([event(null).message])
      })

      test('nothing appended is nothing listed', async () => {
        await catalog.events.append([])
        expect(await catalog.events.list({ limit: 10 })).toEqual([])
        expect(await catalog.events.list({ streamId: 'a', beforeSeq: 1, limit: 10 })).toEqual([])
      })

      test('a large batch is kept in its order', async () => {
        await catalog.events.append(range(1201).map((n) => event('a', { message: `${n}` })))
        const rows = await catalog.events.list({ limit: 2000 })
        expect(rows.map(({ message }) => Number(message))).toEqual(range(1201).reverse())
      })

      test('trimming keeps the newest, and sequence numbers are never given twice', async () => {
        await catalog.events.append(range(10).map((n) => event('a', { message: `${n}` })))
        await catalog.events.trim(20)
        expect(await catalog.events.list({ limit: 100 })).toHaveLength(10)
        await catalog.events.trim(3)
        const kept = await catalog.events.list({ limit: 100 })
        expect(kept.map(({ message }) => message)).toEqual(['9', '8', '7'])
        await catalog.events.trim(0)
        expect(await catalog.events.list({ limit: 100 })).toEqual([])
        await catalog.events.append([event('a')])
        expect((await catalog.events.list({ limit: 1 }))[0]!.seq).toBeGreaterThan(kept[0]!.seq)
      })
    })

    describe('ledger', () => {
      const entry = (key: string, change: Partial<LedgerEntry> = {}): LedgerEntry => ({
        ...{ action: 'move', state: 'intent', key, streamId: 'a', from: 'hot', to: 'cold', objects: 1, bytes: 5e9 },
        ...{ sha256: null, jobId: 'j1', attempt: 1, note: null, atMs: NOW_MS },
        ...change,
      })

      test('steps come back whole, newest first, of the keys that were asked for', async () => {
        const steps = [entry('x'), entry('y'), entry('x', { state: 'done', sha256: 'ab', note: 'grüße' })]
        expect(await catalog.ledger.append(steps)).toBe(true)
        expect(await catalog.ledger.append([])).toBe(true)
        await catalog.ledger.append([
          entry('d/', { action: 'delete', from: null, to: null, jobId: null, objects: 1800 }),
        ])
        const rows = await catalog.ledger.history({ keys: ['x', 'd/', 'none'], limit: 10 })
        expect(rows.map(({ seq, ...row }) => row)).toEqual([
          entry('d/', { action: 'delete', from: null, to: null, jobId: null, objects: 1800 }),
          steps[2],
          steps[0],
        ])
        expect(await catalog.ledger.history({ keys: ['x'], limit: 1 })).toHaveLength(1)
        expect(await catalog.ledger.history({ keys: [], limit: 1 })).toEqual([])
      })

      test('what a job has begun and not ended is told, and what it has done', async () => {
        await catalog.ledger.append([entry('x'), entry('y'), entry('z'), entry('other', { jobId: 'j2' })])
        await catalog.ledger.append([entry('x', { state: 'verified' }), entry('y', { state: 'verified' })])
        await catalog.ledger.append([entry('y', { state: 'done' }), entry('z', { state: 'failed' })])
        expect(await catalog.ledger.keysOf('j1', 'open')).toEqual(['x'])
        expect(await catalog.ledger.keysOf('j1', 'done')).toEqual(['y'])
        // A second attempt begins what has failed anew.
        await catalog.ledger.append([entry('z', { attempt: 2 })])
        expect(await catalog.ledger.keysOf('j1', 'open')).toEqual(['x', 'z'])
      })

      test('whoever has lost a job writes nothing', async () => {
        await catalog.jobs.add({ id: 'j', kind: 'object-move', payload: {} }, NOW_MS)
        const by = { kinds: ['object-move'], owner: 'me', leaseMs: 1000 }
        const first = await catalog.jobs.claim({ ...by, nowMs: NOW_MS })
        const claim = { id: 'j', fence: first?.fence ?? 0 }
        expect(await catalog.ledger.append([entry('x', { jobId: 'j' })], claim)).toBe(true)
        await catalog.jobs.claim({ ...by, nowMs: NOW_MS + 2000 })
        expect(await catalog.ledger.append([entry('y', { jobId: 'j' })], claim)).toBe(false)
        expect(await catalog.ledger.keysOf('j', 'open')).toEqual(['x'])
      })

      test('a large batch is kept in its order, and what is old can be removed', async () => {
        await catalog.ledger.append(range(1201).map((n) => entry('x', { note: `${n}`, atMs: NOW_MS + n })))
        const rows = await catalog.ledger.history({ keys: ['x'], limit: 2000 })
        expect(rows.map(({ note }) => Number(note))).toEqual(range(1201).reverse())
        expect(await catalog.ledger.trim(NOW_MS + 1200)).toBe(1200)
        expect(await catalog.ledger.history({ keys: ['x'], limit: 2000 })).toHaveLength(1)
      })
    })

    test('two hundred mixed calls at once are all answered', async () => {
      await Promise.all(
        range(100).flatMap((n) => [
          catalog.streams.create(stream(`s${n}`), publishKey(`s${n}`, `k${n}`)),
          catalog.events.append([event(`s${n}`)]),
        ]),
      )
      expect(await catalog.streams.list()).toHaveLength(100)
      expect(await catalog.events.list({ limit: 1000 })).toHaveLength(100)
    })
  })
}

export function stream(id: string, change: Partial<StreamRow> = {}): StreamRow {
  return {
    id,
    tenantId: 'default',
    name: `Stream ${id}`,
    settings: DEFAULT_STREAM_SETTINGS,
    createdAtMs: NOW_MS,
    updatedAtMs: NOW_MS,
    ...change,
  }
}

export function publishKey(streamId: string, id: string, createdAtMs = NOW_MS): PublishKeyRow {
  return { id, streamId, sealed: `sealed-${id}`, lookup: `lookup-${id}`, createdAtMs }
}

export function event(streamId: string | null, change: Partial<MirrorEvent> = {}): MirrorEvent {
  return {
    type: 'stream.warning',
    severity: 'warning',
    streamId,
    atMs: NOW_MS,
    code: null,
    message: 'something happened',
    details: {},
    ...change,
  }
}

function user(id: string, name: string): UserRow {
  return { id, name, role: 'operator', passwordHash: null, createdAtMs: NOW_MS }
}

function apiKey(id: string): ApiKeyRow {
  return { id, name: `Key ${id}`, role: 'viewer', hash: `hash-${id}`, createdAtMs: NOW_MS, lastUsedAtMs: null }
}

function session(hash: string, userId: string, expiresAtMs = NOW_MS + 1000): SessionRow {
  return { hash, userId, createdAtMs: NOW_MS, expiresAtMs }
}

function link(hash: string, userId: string, expiresAtMs = NOW_MS + 1000): LoginLinkRow {
  return { hash, userId, expiresAtMs }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

async function expectError(result: Promise<unknown>, code: string): Promise<void> {
  await expect(result).rejects.toMatchObject({ name: 'MirrorError', code })
}

export function attachedStore(name: string): StoreRow {
  return {
    ...{ name, place: { kind: 'folder', path: `/srv/${name}` }, sealedCredentials: null, probe: null },
    roles: ['originals', 'renditions'],
    createdAtMs: NOW_MS,
  }
}

function matrix(): CapabilityMatrix {
  const answers = CAPABILITY_IDS.map((id) => [id, { outcome: 'yes', note: 'grüße' }])
  return { version: 1, place: '/srv', probedAtMs: NOW_MS, tookMs: 12.5, answers: Object.fromEntries(answers) }
}

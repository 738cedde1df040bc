import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collect } from '../../storage/collect.ts'
import {
  hourIndexKey,
  hourOf,
  packKey,
  parseObjectKey,
  recordedInitKey,
  recordedSegmentKey,
  streamIndexKey,
} from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import { gapsIn, type HourIndex } from '../hour-index.ts'
import { IndexStore } from '../index-store.ts'
import { checkRecordings, type FsckOptions, type FsckReport } from './fsck.ts'
import { cellAt, INIT, range, record, SEVEN_MS, SOUND, soundOf } from './recorded-store.test-support.ts'

const call = { signal: new AbortController().signal }
const SEVEN = hourOf(SEVEN_MS)
const EIGHT = hourOf(SEVEN_MS + 3_600_000)
const GRACE_MS = 3_600_000

let folder: string
let nowMs: number
let store: ObjectStore
let indexes: IndexStore

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-fsck-'))
  nowMs = SEVEN_MS + 2 * 3_600_000
  store = createMemoryStore({ nowMs: () => nowMs })
  indexes = new IndexStore(store, () => nowMs)
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

async function fsck(change: Partial<FsckOptions> = {}): Promise<FsckReport> {
  return await checkRecordings(
    {
      ...{ store, stream: null, isKnown: () => true, repair: false, graceMs: GRACE_MS },
      ...{ now: () => nowMs, onProgress: () => {}, ...change },
    },
    call,
  )
}

const codes = ({ findings }: FsckReport) => findings.map(({ code, key }) => `${code} ${key}`)

async function seven(): Promise<HourIndex> {
  const index = await indexes.hour(SOUND, SEVEN, call)
  if (index === null) throw new Error('there is no index')
  return index
}

async function overwrite(key: ObjectKey, bytes: Uint8Array): Promise<void> {
  await store.put(key, bytes, { ...call, contentType: 'application/octet-stream' })
}

async function bytesOf(key: ObjectKey): Promise<Buffer> {
  const object = await store.get(key, call)
  if (object === null) throw new Error(`${key} is absent`)
  return Buffer.from(await collect(object.chunks))
}

const segmentKey = (n: number) => recordedSegmentKey(SOUND, SEVEN, `${cellAt(n)}.m4s`)

/** After a repair nothing is wrong any more, and every segment is where the index says. */
async function expectWhole(): Promise<void> {
  const again = await fsck()
  expect(codes(again)).toEqual([])
}

describe.each(['segment', 'pack'] as const)('recordings written as %s', (mode) => {
  beforeEach(async () => {
    await record({ store, folder, mode, packs: [range(0, 10), range(10, 20), range(1800, 1805)], now: () => nowMs })
    nowMs += 2 * GRACE_MS
  })

  test('of which nothing is wrong show nothing', async () => {
    const report = await fsck()
    expect(report).toMatchObject({ streams: 1, hours: 2, counts: { error: 0, warning: 0, info: 0 }, findings: [] })
    expect(await fsck({ stream: SOUND })).toMatchObject({ streams: 1, findings: [] })
  })

  test('an hour index that is gone is made again from the media, as it was', async () => {
    const before = await seven()
    await store.delete([hourIndexKey(SOUND, SEVEN)], call)
    expect(codes(await fsck())).toEqual([`index_missing ${hourIndexKey(SOUND, SEVEN)}`])
    expect(await indexes.hour(SOUND, SEVEN, call)).toBeNull() // Without repair nothing is changed.
    const repaired = await fsck({ repair: true })
    expect(repaired.findings[0]?.repair).toContain('20 from the media')
    expect((await seven()).segments).toEqual(before.segments)
    await expectWhole()
  })

  test('an hour index that was torn is made again from what is left of it and the media', async () => {
    const before = await seven()
    const key = hourIndexKey(SOUND, SEVEN)
    const text = await bytesOf(key)
    await overwrite(key, text.subarray(0, text.length - 1000))
    expect(codes(await fsck())).toEqual([`index_damaged ${key}`])
    await fsck({ repair: true })
    expect(await seven()).toMatchObject({ segments: before.segments, facts: before.facts })
    await expectWhole()
  })

  test('a stream index that is gone or damaged is made again from the hours', async () => {
    const key = streamIndexKey(SOUND)
    const before = await indexes.stream(SOUND, call)
    await store.delete([key], call)
    expect(codes(await fsck())[0]).toBe(`stream_index_missing ${key}`)
    await fsck({ repair: true })
    expect((await indexes.stream(SOUND, call))?.tracks).toEqual(before?.tracks)
    await overwrite(key, Buffer.from('{"format":2,"tenant":"de'))
    expect(codes(await fsck())[0]).toBe(`stream_index_damaged ${key}`)
    await fsck({ repair: true })
    expect((await indexes.stream(SOUND, call))?.tracks).toEqual(before?.tracks)
    await expectWhole()
  })

  test('everything but the media can go at once', async () => {
    const before = await seven()
    await store.delete([streamIndexKey(SOUND), hourIndexKey(SOUND, SEVEN), hourIndexKey(SOUND, EIGHT)], call)
    await fsck({ repair: true })
    expect((await seven()).segments).toEqual(before.segments)
    if (mode === 'segment') return // Nothing says how the track is coded; see the test below.
    expect((await indexes.stream(SOUND, call))?.tracks['a0']?.hours).toEqual([SEVEN, EIGHT])
    await expectWhole()
  })

  test('an hour of which everything is lost is named no more, and is told', async () => {
    const gone: ObjectKey[] = []
    for await (const { key } of store.list('dvr/default/demo/a0/2026/11/21/08/', call)) gone.push(key)
    await store.delete(gone, call)
    expect(codes(await fsck())).toEqual([`hour_lost ${hourIndexKey(SOUND, EIGHT)}`])
    await fsck({ repair: true })
    expect((await indexes.stream(SOUND, call))?.tracks['a0']?.hours).toEqual([SEVEN])
    await expectWhole()
  })

  test('an init segment that is gone is told, with what cannot be played without it', async () => {
    await store.delete([recordedInitKey(SOUND, INIT.name)], call)
    const report = await fsck({ repair: true })
    expect(codes(report)).toEqual([`init_missing ${recordedInitKey(SOUND, INIT.name)}`])
    expect(report.findings[0]?.message).toContain('25 segments')
  })

  test.each(['before', 'after'])('what expires %s its index is read is no fault', async (when) => {
    let isFirst = true
    const raced: ObjectStore = {
      ...store,
      list: async function* (prefix, options) {
        yield* store.list(prefix, options)
      },
      get: async (key, options) => {
        if (!isFirst || key !== hourIndexKey(SOUND, SEVEN)) return await store.get(key, options)
        isFirst = false
        const object = when === 'after' ? await store.get(key, options) : null
        await indexes.changeStream(SOUND, (index) => ({ ...index, tracks: {} }), call)
        const gone: ObjectKey[] = []
        for await (const { key: other } of store.list('dvr/default/demo/a0/2026/11/21/07/', call)) gone.push(other)
        await store.delete(gone, call)
        return object
      },
    }
    const report = await fsck({ store: raced })
    expect(codes(report).filter((code) => code.includes('/07/'))).toEqual([])
  })
})

describe('segments in objects of their own', () => {
  beforeEach(async () => {
    await record({ store, folder, mode: 'segment', packs: [range(0, 10)], now: () => nowMs })
    nowMs += 2 * GRACE_MS
  })

  test('one that is gone becomes an explicit gap', async () => {
    await store.delete([segmentKey(3)], call)
    const report = await fsck({ repair: true })
    expect(codes(report)).toEqual([`media_missing ${segmentKey(3)}`])
    expect(report.findings[0]?.repair).toContain('lost: marked as a gap')
    const { segments } = await seven()
    expect(segments).toHaveLength(10)
    expect(gapsIn(segments)).toEqual([{ fromMs: SEVEN_MS + 6000, toMs: SEVEN_MS + 8000 }])
    await expectWhole()
  })

  test('one of another length is believed if it is whole media, else it becomes a gap', async () => {
    await overwrite(segmentKey(3), soundOf(3, 60))
    await overwrite(segmentKey(4), soundOf(4, 100).subarray(0, 150))
    const report = await fsck({ repair: true })
    expect(codes(report)).toEqual([`media_size ${segmentKey(3)}`, `media_size ${segmentKey(4)}`])
    expect(report.findings.map(({ repair }) => repair)).toEqual([
      expect.stringContaining('named anew'),
      expect.stringContaining('marked as a gap'),
    ])
    const { segments } = await seven()
    expect(segments[3]).toMatchObject({ sizeBytes: soundOf(3, 60).length, placement: { kind: 'object' } })
    expect(segments[4]).toMatchObject({ sizeBytes: 0, placement: null })
    nowMs += 2 * GRACE_MS
    const orphaned = await fsck({ repair: true })
    expect(orphaned.findings).toMatchObject([{ code: 'orphan', repair: expect.stringContaining('deleted') }])
    await expectWhole()
  })

  test('one that nobody names fills the gap it belongs to; but while it is young it is left alone', async () => {
    const change = (index: HourIndex): HourIndex => ({
      ...index,
      segments: index.segments.filter(({ msn }) => msn !== cellAt(5)),
    })
    const { segments: before } = await seven()
    const whole = await seven()
    await indexes.replaceHour(SOUND, SEVEN, () => change(whole), call)
    expect(codes(await fsck({ graceMs: 3 * GRACE_MS, repair: true }))).toEqual([])
    const report = await fsck({ repair: true })
    expect(report.findings).toMatchObject([{ code: 'orphan', severity: 'warning', key: segmentKey(5) }])
    expect((await seven()).segments).toEqual(before)
    await expectWhole()
  })

  test('without any index that says how the track is coded the hour is rebuilt, and the rest is told', async () => {
    await store.delete([streamIndexKey(SOUND), hourIndexKey(SOUND, SEVEN)], call)
    const report = await fsck({ repair: true })
    nowMs += 2 * GRACE_MS
    expect(report.findings[0]).toMatchObject({
      code: 'index_missing',
      repair: expect.stringContaining('10 from the media'),
    })
    const again = await fsck({ repair: true })
    expect(again.findings.find(({ code }) => code === 'hour_unlisted')?.repair).toContain('nothing says how its track')
  })
})

describe('segments in packs', () => {
  let ids: readonly string[]
  beforeEach(async () => {
    ids = await record({ store, folder, mode: 'pack', packs: [range(0, 10), range(10, 20)], now: () => nowMs })
    nowMs += 2 * GRACE_MS
  })
  const keyOf = (n: number) => packKey(SOUND, SEVEN, ids[n] ?? '')

  test('of a pack that was cut only what lies beyond its end becomes a gap', async () => {
    const bytes = await bytesOf(keyOf(0))
    const segmentBytes = soundOf(0, 100).length
    await overwrite(keyOf(0), bytes.subarray(0, segmentBytes * 7 + 5))
    const report = await fsck({ repair: true })
    expect(codes(report)).toEqual([`media_size ${keyOf(0)}`])
    expect(report.findings[0]?.repair).toBe(`segments ${cellAt(7)}–${cellAt(9)} lost: marked as a gap`)
    expect(gapsIn((await seven()).segments)).toEqual([{ fromMs: SEVEN_MS + 14_000, toMs: SEVEN_MS + 20_000 }])
    await expectWhole()
  })

  test('a pack that is gone leaves a gap, unless another has the same segments', async () => {
    await record({ store, folder, mode: 'pack', packs: [range(0, 10)], now: () => nowMs }) // As another origin would.
    nowMs += 2 * GRACE_MS
    expect(codes(await fsck())).toEqual([expect.stringContaining('orphan')])
    await store.delete([keyOf(0), keyOf(1)], call)
    const report = await fsck({ repair: true })
    const repairs = new Map(report.findings.map(({ key, repair }) => [key, repair]))
    expect(repairs.get(keyOf(0))).toBe('10 found in the store and named anew')
    expect(repairs.get(keyOf(1))).toBe(`segments ${cellAt(10)}–${cellAt(19)} lost: marked as a gap`)
    expect(gapsIn((await seven()).segments)).toEqual([{ fromMs: SEVEN_MS + 20_000, toMs: SEVEN_MS + 40_000 }])
    await expectWhole()
  })

  test('a pack whose segments all lie elsewhere is deleted, one that does not say what it holds is kept', async () => {
    await record({ store, folder, mode: 'pack', packs: [range(0, 10)], now: () => nowMs })
    const mute = packKey(SOUND, SEVEN, 'mute')
    await overwrite(mute, Buffer.alloc(500))
    const foreign = parseObjectKey('dvr/default/demo/notes.txt') as ObjectKey
    await overwrite(foreign, Buffer.from('do not touch'))
    nowMs += 2 * GRACE_MS
    const report = await fsck({ repair: true })
    expect(report.counts).toEqual({ error: 0, warning: 2, info: 1 })
    const again = await fsck({ repair: true })
    expect(codes(again).toSorted()).toEqual([`orphan ${mute}`, `unknown_object ${foreign}`])
    expect(again.findings.find(({ key }) => key === mute)?.repair).toContain('kept')
  })

  test('recordings of a stream that is not in the catalog are told and left alone', async () => {
    const report = await fsck({ isKnown: () => false, repair: true })
    expect(report.findings).toMatchObject([{ code: 'unknown_stream', severity: 'info' }])
    expect((await seven()).segments).toHaveLength(20)
  })
})

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MirrorError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { collect } from '../storage/collect.ts'
import { hourOf, recordedSegmentKey } from '../storage/keys.ts'
import { createMemoryStore } from '../storage/memory-store.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Location } from './archive.ts'
import type { WriteMode } from './drainer.ts'
import { DvrService, type DvrTrouble } from './dvr-service.ts'
import { IndexStore } from './index-store.ts'
import { FACTS, HOUR_MS, msnOf, recording, TRACK } from './recordings.test-support.ts'
import type { DeletedHour } from './retention.ts'

const call = { signal: new AbortController().signal }
const LIMITS = { maxBytes: 100_000, packMs: 60_000, packBytes: 500 }

let folder: string
let nowMs: number
let store: ObjectStore
let troubles: DvrTrouble[]
let deleted: DeletedHour[]
/** Before each call of the store; may throw. */
let disturb: (method: string, key: string) => void

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-dvr-'))
  nowMs = HOUR_MS
  troubles = []
  deleted = []
  disturb = () => {}
  const inner = createMemoryStore({ nowMs: () => nowMs })
  store = {
    put: async (key, body, options) => {
      disturb('put', key)
      return await inner.put(key, body, options)
    },
    get: async (key, options) => {
      disturb('get', key)
      return await inner.get(key, options)
    },
    head: inner.head,
    list: inner.list,
    delete: inner.delete,
    [Symbol.asyncDispose]: async () => {},
  }
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

let ids = 0
async function open(mode: WriteMode): Promise<DvrService> {
  return await DvrService.open({
    spoolDir: folder,
    limits: LIMITS,
    store,
    mode,
    now: () => nowMs,
    random: () => 0,
    randomId: () => `id${ids++}`,
    log: silentLog,
    onTrouble: (trouble) => troubles.push(trouble),
    onDeleted: (hour) => deleted.push(hour),
  })
}

async function bytesAt(location: Location | null): Promise<Buffer | null> {
  if (location === null) return null
  const { offset, length } = location
  if (location.kind === 'file') return (await readFile(location.path)).subarray(offset, offset + length)
  const object = await store.get(location.key, { ...call, range: { start: offset, end: offset + length } })
  return object === null ? null : Buffer.from(await collect(object.chunks))
}

async function keys(): Promise<string[]> {
  const found: string[] = []
  for await (const { key } of store.list('', call)) found.push(key)
  return found
}

const all = { fromMs: 0, toMs: HOUR_MS * 2 }

describe.each(['segment', 'pack'] as const)('written as %s', (mode) => {
  test('a segment is found, whole, from its recording on and wherever it goes', async () => {
    await using dvr = await open(mode)
    for (let n = 0; n < 12; n += 1) {
      await dvr.spool.append(recording(n))
      expect(await bytesAt(await dvr.archive.locate(TRACK, msnOf(n), FACTS, call))).toEqual(Buffer.alloc(100, n))
    }
    await expect.poll(() => dvr.spool.usedBytes).toBe(200) // Two packs of 500 bytes have gone to the store.
    for (let n = 0; n < 12; n += 1) {
      const location = await dvr.archive.locate(TRACK, msnOf(n), FACTS, call)
      expect(location?.kind).toBe(n < 10 ? 'object' : 'file')
      expect(await bytesAt(location)).toEqual(Buffer.alloc(100, n))
    }
    const segments = await dvr.archive.segments(TRACK, all, call)
    expect(segments.map(({ msn }) => msn)).toEqual(Array.from({ length: 12 }, (_, n) => msnOf(n)))
    expect(Buffer.from((await dvr.archive.init(TRACK, 'init-1.mp4', call)) ?? []).toString()).toBe('init one')
    expect((await dvr.archive.tracks(TRACK, call)).get('v0')).toEqual({
      facts: FACTS,
      hours: ['2026-11-21T07'],
      expiring: [],
    })
  })

  test('a range gives what any moment of lies in it', async () => {
    await using dvr = await open(mode)
    for (let n = 0; n < 12; n += 1) await dvr.spool.append(recording(n))
    const found = await dvr.archive.segments(TRACK, { fromMs: HOUR_MS + 4500, toMs: HOUR_MS + 8000 }, call)
    expect(found.map(({ msn }) => msn)).toEqual([msnOf(2), msnOf(3)])
  })

  test('what there is of a stream is counted once, wherever it lies', async () => {
    await using dvr = await open(mode)
    for (let n = 0; n < 12; n += 1) await dvr.spool.append(recording(n))
    await expect.poll(() => dvr.spool.usedBytes).toBe(200)
    expect(dvr.stored(TRACK)).toBeNull()
    await dvr.measure(TRACK, call)
    expect(dvr.stored(TRACK)).toEqual([
      { fromMs: HOUR_MS, toMs: HOUR_MS + 20_000, bytes: 1000 },
      { fromMs: HOUR_MS + 20_000, toMs: HOUR_MS + 24_000, bytes: 200 },
    ])
    dvr.forgetStream(TRACK)
    expect(dvr.stored(TRACK)).toBeNull()
  })

  test('a store that is away loses nothing, and is told about once', async () => {
    disturb = (method) => {
      if (method === 'put') throw new MirrorError('store_unavailable', 'away')
    }
    await using dvr = await open(mode)
    for (let n = 0; n < 12; n += 1) await dvr.spool.append(recording(n))
    await expect.poll(() => troubles.length).toBe(1)
    expect(await bytesAt(await dvr.archive.locate(TRACK, msnOf(3), FACTS, call))).toEqual(Buffer.alloc(100, 3))
    disturb = () => {}
    await expect.poll(() => dvr.spool.usedBytes).toBe(200)
    expect(troubles).toEqual([
      { kind: 'store', message: 'away' },
      { kind: 'store', message: null },
    ])
    expect(await dvr.archive.segments(TRACK, all, call)).toHaveLength(12)
  })

  test('whatever the store was doing when the process died, the next one finishes', async () => {
    for (let failAt = 1; failAt <= 8; failAt += 1) {
      let puts = 0
      disturb = (method) => {
        if (method === 'put' && ++puts >= failAt) throw new MirrorError('store_unavailable', 'dying')
      }
      const dying = await open(mode)
      for (let n = failAt * 20; n < failAt * 20 + 6; n += 1) await dying.spool.append(recording(n))
      await expect.poll(() => puts).toBeGreaterThanOrEqual(failAt)
      await dying[Symbol.asyncDispose]()
      disturb = () => {}
    }
    await using dvr = await open(mode)
    await expect.poll(() => dvr.spool.usedBytes).toBe(0)
    const segments = await dvr.archive.segments(TRACK, all, call)
    expect(segments).toHaveLength(8 * 6)
    for (const { msn } of segments) {
      const bytes = await bytesAt(await dvr.archive.locate(TRACK, msn, FACTS, call))
      expect(bytes).toEqual(Buffer.alloc(100, msn - msnOf(0)))
    }
  })

  test('two that record one stream into one store lose nothing of each other', async () => {
    await using one = await open(mode)
    const ownFolder = folder
    folder = await mkdtemp(join(tmpdir(), 'mirror-dvr-'))
    try {
      await using two = await open(mode)
      const half = async (dvr: DvrService, first: number) => {
        for (let n = first; n < 40; n += 2) await dvr.spool.append(recording(n))
      }
      await Promise.all([half(one, 0), half(two, 1)])
      nowMs += LIMITS.packMs
      await expect.poll(() => one.spool.usedBytes + two.spool.usedBytes).toBe(0)
      nowMs += 20_000
      expect(await one.archive.segments(TRACK, all, call)).toHaveLength(40)
    } finally {
      await rm(folder, { recursive: true })
      folder = ownFolder
    }
  })
})

describe.each(['segment', 'pack'] as const)('retention of what was written as %s', (mode) => {
  const HOUR = 3_600_000

  test('an hour goes as a whole, when all of it is too old, and leaves nothing behind', async () => {
    await using dvr = await open(mode)
    for (let hour = 0; hour < 3; hour += 1) {
      for (let n = 0; n < 6; n += 1) await dvr.spool.append(recording(hour * 1800 + n))
    }
    nowMs = HOUR_MS + 3 * HOUR
    await expect.poll(() => dvr.spool.usedBytes).toBe(0)
    expect(await dvr.expire(TRACK, { retentionMs: 2 * HOUR, holds: [] }, call)).toEqual({
      hours: 0,
      segments: 0,
      bytes: 0,
    })
    nowMs += 10 * 60_000
    expect(await dvr.expire(TRACK, { retentionMs: 2 * HOUR, holds: [] }, call)).toEqual({
      hours: 1,
      segments: 6,
      bytes: 600,
    })
    const objects: unknown = mode === 'pack' ? expect.any(Number) : 6
    expect(deleted).toEqual([{ track: TRACK, hour: hourOf(HOUR_MS), objects, bytes: 600 }])
    const left = await dvr.archive.segments(TRACK, { fromMs: 0, toMs: nowMs }, call)
    expect(left).toHaveLength(12)
    expect(await dvr.archive.locate(TRACK, msnOf(0), FACTS, call)).toBeNull()
    expect((await keys()).filter((key) => key.includes('/07/'))).toEqual([])
    expect(await dvr.expire(TRACK, { retentionMs: 2 * HOUR, holds: [] }, call)).toEqual({
      hours: 0,
      segments: 0,
      bytes: 0,
    })
  })

  test('a hold outlives every retention, and only its hours', async () => {
    await using dvr = await open(mode)
    for (let hour = 0; hour < 4; hour += 1) {
      for (let n = 0; n < 6; n += 1) await dvr.spool.append(recording(hour * 1800 + n))
    }
    nowMs = HOUR_MS + 24 * HOUR
    await expect.poll(() => dvr.spool.usedBytes).toBe(0)
    const held = { fromMs: HOUR_MS + HOUR + 5 * 60_000, toMs: HOUR_MS + HOUR + 10 * 60_000 }
    const first = await dvr.expire(TRACK, { retentionMs: HOUR, holds: [held, { ...held, toMs: null }] }, call)
    expect(first).toEqual({ hours: 1, segments: 6, bytes: 600 })
    expect(await dvr.expire(TRACK, { retentionMs: HOUR, holds: [held] }, call)).toMatchObject({ hours: 2 })
    const left = await dvr.archive.segments(TRACK, { fromMs: 0, toMs: nowMs }, call)
    expect(left.map(({ msn }) => msn)).toEqual([0, 1, 2, 3, 4, 5].map((n) => msnOf(1800 + n)))
    expect(await dvr.expire(TRACK, { retentionMs: HOUR, holds: [] }, call)).toMatchObject({ hours: 1 })
  })

  test('a sweep that was cut off is made up for, and no playlist names what it may have removed', async () => {
    await using dvr = await open(mode)
    for (let n = 0; n < 6; n += 1) await dvr.spool.append(recording(n))
    nowMs = HOUR_MS + 5 * HOUR
    await expect.poll(() => dvr.spool.usedBytes).toBe(0)
    disturb = (_method, key) => {
      if (key.includes('/07/')) throw new MirrorError('store_unavailable', 'cut off')
    }
    await expect(dvr.expire(TRACK, { retentionMs: HOUR, holds: [] }, call)).rejects.toThrow('cut off')
    disturb = () => {}
    expect(await dvr.archive.segments(TRACK, { fromMs: 0, toMs: nowMs }, call)).toEqual([])
    expect(await dvr.expire(TRACK, { retentionMs: HOUR, holds: [] }, call)).toEqual({
      hours: 1,
      segments: 6,
      bytes: 600,
    })
    expect((await keys()).filter((key) => !key.endsWith('init-1.mp4'))).toEqual(['dvr/default/demo/index.json'])
  })
})

describe('what was still under way when its hour was emptied', () => {
  const MINUTE = 60_000
  const KEPT = { retentionMs: 3_600_000, holds: [] }
  const late = () => recordedSegmentKey(TRACK, hourOf(HOUR_MS), `${msnOf(2)}.m4s`)

  async function emptied(dvr: DvrService): Promise<void> {
    for (let n = 0; n < 6; n += 1) await dvr.spool.append(recording(n))
    nowMs = HOUR_MS + 5 * 3_600_000
    await expect.poll(() => dvr.spool.usedBytes).toBe(0)
    expect(await dvr.expire(TRACK, KEPT, call)).toMatchObject({ hours: 1 })
    deleted.splice(0)
    await store.put(late(), Buffer.from('late'), { ...call, contentType: 'video/mp4' })
  }

  test('goes half an hour later, and nothing names the hour any more', async () => {
    await using dvr = await open('segment')
    await emptied(dvr)
    nowMs += 29 * MINUTE
    expect(await dvr.expire(TRACK, KEPT, call)).toEqual({ hours: 0, segments: 0, bytes: 0 })
    expect(await keys()).toContain(late())
    nowMs += MINUTE
    expect(await dvr.expire(TRACK, KEPT, call)).toEqual({ hours: 0, segments: 0, bytes: 0 })
    expect((await keys()).filter((key) => !key.endsWith('init-1.mp4'))).toEqual(['dvr/default/demo/index.json'])
    expect(deleted).toEqual([{ track: TRACK, hour: hourOf(HOUR_MS), objects: 1, bytes: 4 }])
    expect((await new IndexStore(store, () => nowMs).stream(TRACK, call))?.tracks).toEqual({})
  })

  test('stays where the hour is to be kept after all', async () => {
    await using dvr = await open('segment')
    await emptied(dvr)
    nowMs += 30 * MINUTE
    const held = { fromMs: HOUR_MS, toMs: HOUR_MS + MINUTE }
    await dvr.expire(TRACK, { ...KEPT, holds: [held] }, call)
    expect(await keys()).toContain(late())
  })

  test('is not taken for what was recorded anew, which is emptied in its own time', async () => {
    await using dvr = await open('segment')
    await emptied(dvr)
    for (let n = 0; n < 6; n += 1) await dvr.spool.append(recording(n))
    nowMs += 10 * MINUTE
    await expect.poll(() => dvr.spool.usedBytes).toBe(0)
    expect(await dvr.expire(TRACK, KEPT, call)).toEqual({ hours: 1, segments: 6, bytes: 600 })
    nowMs += 25 * MINUTE
    await dvr.expire(TRACK, KEPT, call)
    const read = () => new IndexStore(store, () => nowMs).stream(TRACK, call)
    expect((await read())?.tracks['v0']).toMatchObject({ hours: [], expiring: [hourOf(HOUR_MS)] })
    nowMs += 5 * MINUTE
    await dvr.expire(TRACK, KEPT, call)
    expect((await read())?.tracks).toEqual({})
  })
})

test('objects are where the layout says', async () => {
  {
    await using dvr = await open('segment')
    for (let n = 0; n < 6; n += 1) await dvr.spool.append(recording(n))
    await expect.poll(() => dvr.spool.usedBytes).toBe(100)
  }
  const prefix = 'dvr/default/demo/v0/2026/11/21/07/'
  const media = Array.from({ length: 5 }, (_, n) => `${prefix}${msnOf(n)}.m4s`)
  expect(await keys()).toEqual([
    'dvr/default/demo/index.json',
    `${prefix}07.index.json`,
    ...media,
    'dvr/default/demo/v0/init-1.mp4',
  ])
})

test('packs take two objects for each, and their index', async () => {
  await using dvr = await open('pack')
  for (let n = 0; n < 12; n += 1) await dvr.spool.append(recording(n))
  await expect.poll(() => dvr.spool.usedBytes).toBe(200)
  expect((await keys()).filter((key) => key.endsWith('.pack'))).toHaveLength(2)
  expect((await keys()).filter((key) => key.endsWith('.m4s'))).toEqual([])
})

test('a spool that fills is alarmed about at four fifths', async () => {
  disturb = () => {
    throw new MirrorError('store_unavailable', 'away')
  }
  await using dvr = await open('segment')
  await dvr.spool.append(recording(0, { buffers: [Buffer.alloc(80_000)] }))
  await expect
    .poll(() => troubles.find(({ kind }) => kind === 'spool'))
    .toMatchObject({
      message: 'the spool is 80 % full',
    })
})

import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MirrorError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { hourOf, packKey } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import type { FileLocation, ObjectLocation } from '../archive.ts'
import { HOUR_MS, TRACK } from '../recordings.test-support.ts'
import { SegmentCache } from './segment-cache.ts'

const call = { signal: new AbortController().signal }
const KEY = packKey(TRACK, hourOf(HOUR_MS), 'pack-1')
const SEGMENT_BYTES = 100
/** Twenty segments, each of bytes of its own, one behind the other in a pack. */
const PACK = Buffer.concat(Array.from({ length: 20 }, (_, n) => Buffer.alloc(SEGMENT_BYTES, n)))

let folder: string
let reads: { readonly start: number; readonly end: number; readonly signal: AbortSignal }[]
let store: ObjectStore
/** Before each read. */
let disturb: () => Promise<void>
let ids = 0

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-cache-'))
  reads = []
  disturb = async () => {}
  const inner = createMemoryStore({ nowMs: () => HOUR_MS })
  await inner.put(KEY, PACK, { ...call, contentType: 'application/octet-stream' })
  store = {
    ...inner,
    get: async (key, options) => {
      reads.push({ start: options.range?.start ?? 0, end: options.range?.end ?? 0, signal: options.signal })
      await disturb()
      return await inner.get(key, options)
    },
  }
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function open(maxBytes = 100_000): Promise<SegmentCache> {
  const host = { store, now: () => HOUR_MS, randomId: () => `id-${ids++}`, log: silentLog }
  return await SegmentCache.open({ folder, maxBytes }, host)
}

function segment(n: number, change: Partial<ObjectLocation> = {}): ObjectLocation {
  const offset = n * SEGMENT_BYTES
  const sha256 = createHash('sha256')
    .update(PACK.subarray(offset, offset + SEGMENT_BYTES))
    .digest('hex')
  return { kind: 'object', key: KEY, offset, length: SEGMENT_BYTES, sha256, ...change }
}

async function bytesAt(location: FileLocation | ObjectLocation): Promise<Buffer> {
  if (location.kind !== 'file') throw new Error('it was not copied')
  return (await readFile(location.path)).subarray(location.offset, location.offset + location.length)
}

async function files(): Promise<number> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found.filter((entry) => entry.isFile()).length
}

test('a segment of a pack is read once, as a range, and then comes from the disk', async () => {
  await using cache = await open()
  const first = await cache.near(segment(3), call)
  const second = await cache.near(segment(3), call)
  expect(first).toMatchObject({ kind: 'file', from: 'store' })
  expect(second).toMatchObject({ kind: 'file', from: 'cache' })
  expect(await bytesAt(first)).toEqual(Buffer.alloc(SEGMENT_BYTES, 3))
  expect(await bytesAt(second)).toEqual(Buffer.alloc(SEGMENT_BYTES, 3))
  expect(reads).toMatchObject([{ start: 300, end: 400 }])
  expect(cache.report()).toMatchObject({ bytes: 100, segments: 1, filledBytes: 100, requests: { miss: 1, hit: 1 } })
})

test('of many that ask for the same segment at once one reads the store', async () => {
  await using cache = await open()
  const found = await Promise.all(Array.from({ length: 50 }, async () => await cache.near(segment(3), call)))
  expect(reads).toHaveLength(1)
  expect(new Set(found.map((location) => location.kind))).toEqual(new Set(['file']))
  expect(cache.report().requests).toEqual({ hit: 0, miss: 1, shared: 49, bypassed: 0 })
})

test('a read goes on while one of its callers waits, and stops with the last', async () => {
  await using cache = await open()
  const gate = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  disturb = async () => {
    begun.resolve()
    await gate.promise
  }
  const callers = [new AbortController(), new AbortController()]
  const waiting = callers.map(async ({ signal }) => await cache.near(segment(3), { signal }))
  const ends = Promise.allSettled(waiting)
  await begun.promise
  callers[0]?.abort(new Error('gone'))
  await expect(waiting[0]).rejects.toThrow('gone')
  expect(reads[0]?.signal.aborted).toBe(false)
  callers[1]?.abort(new Error('gone, too'))
  await ends
  expect(reads[0]?.signal.aborted).toBe(true)
  gate.resolve()
  disturb = async () => {}
  expect(await cache.near(segment(3), call)).toMatchObject({ kind: 'file', from: 'store' })
  expect(reads).toHaveLength(2)
})

test('a failure is told and not remembered', async () => {
  await using cache = await open()
  disturb = async () => {
    throw new MirrorError('store_unavailable', 'the store is away')
  }
  await expect(cache.near(segment(3), call)).rejects.toMatchObject({ code: 'store_unavailable' })
  disturb = async () => {}
  expect(await cache.near(segment(3), call)).toMatchObject({ kind: 'file' })
})

test('bytes that are not those of the index are refused and leave nothing', async () => {
  await using cache = await open()
  const other = segment(3, { sha256: segment(4).sha256 })
  await expect(cache.near(other, call)).rejects.toMatchObject({ code: 'media_damaged' })
  expect(await files()).toBe(0)
  expect(cache.report().bytes).toBe(0)
})

test('a pack that is gone is gone', async () => {
  await using cache = await open()
  await store.delete([KEY], call)
  await expect(cache.near(segment(3), call)).rejects.toMatchObject({ code: 'media_gone' })
})

test('it never takes more than it may, on the disk either', async () => {
  await using cache = await open(10 * SEGMENT_BYTES)
  for (let n = 0; n < 20; n++) await cache.near(segment(n), call)
  expect(cache.report()).toMatchObject({ bytes: 1000, segments: 10 })
  expect(await files()).toBe(10)
})

test('a segment that is too large for it is left where it is', async () => {
  await using cache = await open(4 * SEGMENT_BYTES)
  expect(await cache.near(segment(3), call)).toEqual(segment(3))
  expect(cache.report().requests.bypassed).toBe(1)
})

test('a name that is no hash never becomes a path', async () => {
  await using cache = await open()
  const odd = segment(3, { sha256: '../../../etc/passwd' })
  expect(await cache.near(odd, call)).toEqual(odd)
})

test('copies outlive the process, but for those that a crash has torn', async () => {
  {
    await using before = await open()
    await before.near(segment(3), call)
    const torn = await before.near(segment(4), call)
    if (torn.kind === 'file') await truncate(torn.path, 50)
  }
  reads = []
  await using cache = await open()
  await cache.settled()
  expect(cache.report()).toMatchObject({ bytes: 200, segments: 2 })
  expect(await cache.near(segment(3), call)).toMatchObject({ kind: 'file', from: 'cache' })
  expect(reads).toHaveLength(0)
  expect(await bytesAt(await cache.near(segment(4), call))).toEqual(Buffer.alloc(SEGMENT_BYTES, 4))
  expect(reads).toHaveLength(1)
})

test('what has gone from the store goes from the disk', async () => {
  await using cache = await open()
  await cache.near(segment(3), call)
  await cache.forget([segment(3).sha256])
  expect(await files()).toBe(0)
  expect(cache.report().bytes).toBe(0)
})

test('a disk that takes no copies keeps nobody from playing', async () => {
  await using cache = await open()
  await rm(folder, { recursive: true })
  expect(await cache.near(segment(3), call)).toEqual(segment(3))
})

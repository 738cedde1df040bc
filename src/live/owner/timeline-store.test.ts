import { stat } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { MirrorError } from '../../core/errors.ts'
import { rational } from '../../core/rational.ts'
import { TIMELINE_EPOCH_MS } from '../../media/timeline/cell.ts'
import type { DriftPoint } from '../../media/timeline/drift.ts'
import type { FirstSight, TimelineEntry } from '../../media/timeline/entry.ts'
import { timelineEntryKey, timelinePrefix } from '../../storage/keys.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import type { ObjectKey, ObjectStore } from '../../storage/object-store.ts'
import { openTimelineStore, type ResolvedEntry } from './timeline-store.ts'

const NOW_MS = Date.UTC(2026, 10, 21)
const stream = { tenantId: 'default', id: 'one' }
const never = new AbortController().signal

function sight(changed: Partial<FirstSight> = {}): FirstSight {
  return {
    clock: 'rtmp',
    configHash: 'h264',
    trackId: 'v0',
    timestamp: 0,
    ticksPerSec: 1000,
    arrivedAtMs: NOW_MS,
    ...changed,
  }
}

function entryFor(seen: FirstSight) {
  return (newest: TimelineEntry | null, dsn: number): TimelineEntry => ({
    version: 1,
    dsn,
    cell: newest?.cell ?? rational(2, 1),
    clock: seen.clock,
    epochUs: seen.arrivedAtMs * 1000,
    configHash: seen.configHash,
    tracks: [
      {
        id: seen.trackId,
        ticksPerSec: seen.ticksPerSec,
        firstTimestamp: seen.timestamp,
        timescale: 90_000,
        frameTicks: 3000,
        rate: rational(30, 1),
      },
    ],
    createdAtMs: seen.arrivedAtMs,
  })
}

function memory(): ObjectStore {
  return createMemoryStore({ nowMs: () => NOW_MS })
}

function resolve(
  timeline: ReturnType<typeof openTimelineStore>,
  seen = sight(),
  signal: AbortSignal = never,
): Promise<ResolvedEntry> {
  return timeline.resolve(stream, seen, entryFor(seen), signal)
}

/** A store that can be switched off: nothing is answered and signals are ignored, as by a dead network file system. */
function hanging(store: ObjectStore) {
  const state = { isAway: false }
  const guard =
    <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      state.isAway ? new Promise(() => {}) : call(...args)
  const wrapped: ObjectStore = {
    ...store,
    put: guard(store.put),
    get: guard(store.get),
    head: guard(store.head),
    async *list(prefix, call) {
      if (state.isAway) await new Promise(() => {})
      yield* store.list(prefix, call)
    },
  }
  return { state, store: wrapped }
}

/** Timeouts that happen when the test says so. */
function manualTimeouts() {
  const asked: number[] = []
  let current = new AbortController()
  return {
    asked,
    after(ms: number) {
      asked.push(ms)
      current = new AbortController()
      return current.signal
    },
    expire: () => current.abort(new DOMException('too late', 'TimeoutError')),
  }
}

test('the first input of a stream makes entry 0, one that continues adopts it, one that does not makes the next', async () => {
  const timeline = openTimelineStore(memory())
  const first = await resolve(timeline)
  expect(first).toMatchObject({ isAdopted: false, isConfirmed: true, entry: { dsn: 0 } })
  const later = await resolve(timeline, sight({ timestamp: 60_000, arrivedAtMs: NOW_MS + 61_000 }))
  expect(later).toEqual({ entry: first.entry, point: null, isAdopted: true, isConfirmed: true })
  const restarted = await resolve(timeline, sight({ arrivedAtMs: NOW_MS + 61_000 }))
  expect(restarted).toMatchObject({ isAdopted: false, entry: { dsn: 1 } })
  const other = await resolve(timeline, sight({ configHash: 'hevc', arrivedAtMs: NOW_MS + 61_000 }))
  expect(other).toMatchObject({ isAdopted: false, entry: { dsn: 2 } })
})

test('what one origin made another finds', async () => {
  const store = memory()
  const { entry } = await resolve(openTimelineStore(store))
  const found = await resolve(openTimelineStore(store), sight({ timestamp: 500, arrivedAtMs: NOW_MS + 600 }))
  expect(found).toEqual({ entry, point: null, isAdopted: true, isConfirmed: true })
})

test('of several origins that create at once one wins, and the others adopt', async () => {
  const store = memory()
  const results = await Promise.all(
    Array.from({ length: 5 }, (_, origin) =>
      resolve(openTimelineStore(store), sight({ arrivedAtMs: NOW_MS + origin * 10 })),
    ),
  )
  expect(results.filter(({ isAdopted }) => !isAdopted)).toHaveLength(1)
  for (const { entry } of results) expect(entry).toEqual(results[0]!.entry)
})

test('origins whose inputs have nothing to do with each other get different numbers', async () => {
  const store = memory()
  const results = await Promise.all(
    Array.from({ length: 5 }, (_, origin) => resolve(openTimelineStore(store), sight({ configHash: `c${origin}` }))),
  )
  expect(results.map(({ entry }) => entry.dsn).toSorted()).toEqual([0, 1, 2, 3, 4])
})

test('entry 10 is newer than entry 9', async () => {
  const store = memory()
  for (let n = 0; n < 11; n++) await resolve(openTimelineStore(store), sight({ configHash: `c${n}` }))
  const { entry, isAdopted } = await resolve(openTimelineStore(store), sight({ configHash: 'c10' }))
  expect([entry.dsn, isAdopted]).toEqual([10, true])
})

test('a damaged entry maps nothing, but its number stays used', async () => {
  const store = memory()
  const call = { signal: never, contentType: 'application/json' }
  await store.put(timelineEntryKey('default', 'one', 0), new TextEncoder().encode('{"version":1'), call)
  expect(await resolve(openTimelineStore(store))).toMatchObject({ isAdopted: false, entry: { dsn: 1 } })
  await store.put(timelineEntryKey('default', 'one', 1), new Uint8Array(100_000), call)
  expect(await resolve(openTimelineStore(store))).toMatchObject({ isAdopted: false, entry: { dsn: 2 } })
})

test('a store that hangs is waited for one second; the entry is then known to this process alone', async () => {
  const { store, state } = hanging(memory())
  const timeouts = manualTimeouts()
  const timeline = openTimelineStore(store, timeouts.after)
  state.isAway = true
  const waiting = resolve(timeline)
  timeouts.expire()
  expect(await waiting).toMatchObject({ isAdopted: false, isConfirmed: false, entry: { dsn: 0 } })
  expect(timeouts.asked).toEqual([1000])
})

test('a store that answered while Mirror stood still did answer', async () => {
  const held = memory()
  const store: ObjectStore = {
    ...held,
    put: async (key, body, options) => {
      await stat('.') // Read by the event loop, as every answer of a real store.
      return await held.put(key, body, options)
    },
  }
  const waiting = resolve(openTimelineStore(store))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200)
  expect(await waiting).toMatchObject({ isConfirmed: true, entry: { dsn: 0 } })
})

test('a store that refuses is waited for no longer, and what it says is passed on', async () => {
  const store: ObjectStore = {
    ...memory(),
    put: () => Promise.reject(new MirrorError('store_cannot', 's3: it ignores conditional writes')),
  }
  expect(await resolve(openTimelineStore(store))).toMatchObject({
    isConfirmed: false,
    refusal: 's3: it ignores conditional writes',
  })
})

test('while the store hangs an input that continues keeps its entry', async () => {
  const { store, state } = hanging(memory())
  const timeouts = manualTimeouts()
  const timeline = openTimelineStore(store, timeouts.after)
  const first = await resolve(timeline)
  state.isAway = true
  const waiting = resolve(timeline, sight({ timestamp: 5000, arrivedAtMs: NOW_MS + 5000 }))
  timeouts.expire()
  expect(await waiting).toEqual({ entry: first.entry, point: null, isAdopted: true, isConfirmed: false })
})

test('an entry made while the store was away is never mistaken for another of the same number', async () => {
  const { store, state } = hanging(memory())
  const timeouts = manualTimeouts()
  const timeline = openTimelineStore(store, timeouts.after)
  state.isAway = true
  const waiting = resolve(timeline)
  timeouts.expire()
  const local = await waiting
  state.isAway = false
  // The encoder reconnects with its clock at 0: the playlist needs a discontinuity.
  const next = await resolve(timeline, sight({ arrivedAtMs: NOW_MS + 30_000 }))
  expect(next).toMatchObject({ isAdopted: false, isConfirmed: true })
  expect(next.entry.dsn).toBeGreaterThan(local.entry.dsn)
})

test('an entry made while the store was away is stored when the input continues on it', async () => {
  const inner = memory()
  const { store, state } = hanging(inner)
  const timeouts = manualTimeouts()
  const timeline = openTimelineStore(store, timeouts.after)
  state.isAway = true
  const waiting = resolve(timeline)
  timeouts.expire()
  const local = await waiting
  state.isAway = false
  const again = sight({ timestamp: 5000, arrivedAtMs: NOW_MS + 5000 })
  expect(await resolve(timeline, again)).toEqual({
    entry: local.entry,
    point: null,
    isAdopted: true,
    isConfirmed: true,
  })
  expect((await resolve(openTimelineStore(inner), again)).entry).toEqual(local.entry)
})

test('a number that another origin gave to another map meanwhile is left to it', async () => {
  const inner = memory()
  const { store, state } = hanging(inner)
  const timeouts = manualTimeouts()
  const timeline = openTimelineStore(store, timeouts.after)
  state.isAway = true
  const waiting = resolve(timeline)
  timeouts.expire()
  await waiting
  state.isAway = false
  const theirs = await resolve(openTimelineStore(inner), sight({ arrivedAtMs: NOW_MS + 500 }))
  expect(theirs.entry.dsn).toBe(0)
  const ours = await resolve(timeline, sight({ timestamp: 5000, arrivedAtMs: NOW_MS + 5000 }))
  expect(ours).toMatchObject({ isAdopted: false, isConfirmed: true, entry: { dsn: 1 } })
})

test('years of entries are not listed again on every reconnect', async () => {
  const store = memory()
  let listings = 0
  const counted: ObjectStore = {
    ...store,
    list(prefix, call) {
      if (prefix === timelinePrefix(stream.tenantId, stream.id)) listings++
      return store.list(prefix, call)
    },
  }
  const timeline = openTimelineStore(counted)
  for (let n = 0; n < 20; n++) await resolve(timeline, sight({ arrivedAtMs: NOW_MS + n * 60_000 }))
  expect(listings).toBe(1)
})

function point(n: number, changed: Partial<DriftPoint['pieces'][number]> = {}): DriftPoint {
  return { version: 1, n, pieces: [{ fromMsn: 10, offsetUs: 100_000 * n, ppm: 0, ...changed }], createdAtMs: NOW_MS }
}

test('of several origins that append a drift point one wins, and the others get the winner’s', async () => {
  const store = memory()
  const origins = Array.from({ length: 4 }, () => openTimelineStore(store))
  const { entry } = await resolve(openTimelineStore(store))
  expect(await origins[0]?.newestPoint(stream, entry, never)).toBeNull()
  for (const n of [1, 2]) {
    const taken = await Promise.all(
      origins.map((origin, index) => origin.appendPoint(stream, entry, point(n, { ppm: index }), never)),
    )
    expect(new Set(taken.map((each) => JSON.stringify(each))).size).toBe(1)
    expect(taken[0]?.n).toBe(n)
  }
  // One that has missed the last point learns of it by losing.
  const stale = await openTimelineStore(store).appendPoint(stream, entry, point(1, { ppm: 99 }), never)
  expect(stale).toEqual(await openTimelineStore(store).newestPoint(stream, entry, never))
  expect(stale?.n).toBe(2)
})

test('the newest of many points is found, a damaged one is passed over', async () => {
  const store = memory()
  const timeline = openTimelineStore(store)
  const { entry } = await resolve(timeline)
  for (let n = 1; n <= 12; n++) await timeline.appendPoint(stream, entry, point(n), never)
  expect((await timeline.newestPoint(stream, entry, never))?.n).toBe(12)
  const keys = []
  for await (const { key } of store.list('timeline-points/', { signal: never })) keys.push(key)
  expect(keys).toHaveLength(12)
  await store.put(keys[0] as ObjectKey, Buffer.from('{'), { signal: never, contentType: 'application/json' })
  expect((await timeline.newestPoint(stream, entry, never))?.n).toBe(11)
})

test('an encoder that comes back is adopted where its drifted clock puts it', async () => {
  const store = memory()
  const { entry } = await resolve(openTimelineStore(store))
  // 200 ppm slow for three hours and a half: 2.52 s.
  const elapsedMs = 12_600_000
  const back = sight({ timestamp: elapsedMs - 2520, arrivedAtMs: NOW_MS + elapsedMs })
  const fresh = memory()
  await resolve(openTimelineStore(fresh))
  expect(await resolve(openTimelineStore(fresh), back)).toMatchObject({ isAdopted: false, entry: { dsn: 1 } })
  const drifted = point(1, { fromMsn: (NOW_MS - TIMELINE_EPOCH_MS) / 2000, offsetUs: 0, ppm: 200 })
  await openTimelineStore(store).appendPoint(stream, entry, drifted, never)
  expect(await resolve(openTimelineStore(store), back)).toEqual({
    entry,
    point: drifted,
    isAdopted: true,
    isConfirmed: true,
  })
})

test('while the store hangs, the points that were known hold on', async () => {
  const { store, state } = hanging(memory())
  const timeouts = manualTimeouts()
  const timeline = openTimelineStore(store, timeouts.after)
  const { entry } = await resolve(timeline)
  await timeline.appendPoint(stream, entry, point(1), never)
  state.isAway = true
  const waiting = resolve(timeline, sight({ timestamp: 5000, arrivedAtMs: NOW_MS + 5000 }))
  timeouts.expire()
  expect(await waiting).toEqual({ entry, point: point(1), isAdopted: true, isConfirmed: false })
  const asking = timeline.newestPoint(stream, entry, never)
  timeouts.expire()
  await expect(asking).rejects.toThrow('too late')
})

test('whoever asks no longer gets no entry', async () => {
  const { store, state } = hanging(memory())
  state.isAway = true
  const abort = new AbortController()
  const waiting = resolve(openTimelineStore(store), sight(), abort.signal)
  abort.abort(new Error('the publisher has gone'))
  await expect(waiting).rejects.toThrow('the publisher has gone')
})

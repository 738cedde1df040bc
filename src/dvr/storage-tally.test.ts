import { expect, test } from 'vitest'
import type { Hour } from '../storage/keys.ts'
import { createMemoryStore } from '../storage/memory-store.ts'
import { IndexStore } from './index-store.ts'
import { FACTS, GAP, HOUR_MS, indexed, TRACK } from './recordings.test-support.ts'
import { StorageTally } from './storage-tally.ts'

const call = { signal: new AbortController().signal }
const HOUR = '2026-11-21T07' as Hour
const LATER = '2026-11-21T08' as Hour

function setUp() {
  let nowMs = HOUR_MS + 600_000
  const store = createMemoryStore({ nowMs: () => nowMs })
  const indexes = new IndexStore(store, () => nowMs)
  const hoursRead: string[] = []
  const counted = {
    stream: (...args: Parameters<IndexStore['stream']>) => indexes.stream(...args),
    hour: (...args: Parameters<IndexStore['hour']>) => {
      hoursRead.push(args[1])
      return indexes.hour(...args)
    },
  }
  const record = async (hour: Hour, ns: readonly number[]) => {
    const index = await indexes.addSegments(TRACK, hour, FACTS, [...ns.map((n) => indexed(n)), indexed(900, GAP)], call)
    await indexes.addHour(TRACK, FACTS, hour, call)
    return index
  }
  const tally = new StorageTally(counted, () => nowMs)
  return {
    tally,
    indexes,
    record,
    hoursRead,
    goTo: (ms: number) => {
      nowMs = ms
    },
  }
}

test('nothing is told before all that lies there was read', async () => {
  const { tally, record } = setUp()
  tally.learn(await record(HOUR, [0, 1, 2]))
  expect(tally.bytes(TRACK)).toBeNull()
  await tally.read(TRACK, call)
  expect(tally.bytes(TRACK)).toBe(300)
  expect(tally.spans(TRACK)).toEqual([{ fromMs: HOUR_MS, toMs: HOUR_MS + 901 * 2000, bytes: 300 }])
})

test('a stream without recordings has none', async () => {
  const { tally } = setUp()
  await tally.read(TRACK, call)
  expect(tally.bytes(TRACK)).toBe(0)
})

test('what is drained and expired is known at once', async () => {
  const { tally, record } = setUp()
  await tally.read(TRACK, call)
  tally.learn(await record(HOUR, [0, 1]))
  tally.learn(await record(LATER, [1800]))
  expect(tally.bytes(TRACK)).toBe(300)
  tally.forget(TRACK, HOUR)
  expect(tally.bytes(TRACK)).toBe(100)
})

test('an hour that may still grow is read again, one that is settled is not', async () => {
  const { tally, record, hoursRead, goTo } = setUp()
  await record(HOUR, [0])
  await tally.read(TRACK, call)
  await record(HOUR, [1])
  await tally.read(TRACK, call)
  expect(tally.bytes(TRACK)).toBe(200)
  goTo(HOUR_MS + 4 * 3_600_000)
  await tally.read(TRACK, call)
  expect(hoursRead).toEqual([HOUR, HOUR])
})

test('what another origin has expired is not counted any more', async () => {
  const { tally, record, indexes, goTo } = setUp()
  await record(HOUR, [0])
  await tally.read(TRACK, call)
  goTo(HOUR_MS + 24 * 3_600_000)
  await indexes.changeStream(TRACK, (index) => ({ ...index, tracks: {} }), call)
  await tally.read(TRACK, call)
  expect(tally.bytes(TRACK)).toBe(0)
})

// Two origins make the first entry of a stream in the same moment: held in a proxy until both have seen that there is
// none, then let through in a chosen order. Whoever loses names everything as the winner does.
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EventView } from '../../src/api/event-contract.ts'
import { type TimelineEntry, timelineEntrySchema } from '../../src/media/timeline/entry.ts'
import { timelineEntryKey, timelinePrefix } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { openPostgresStore } from '../../src/storage/postgres-store.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import { notRun } from '../not-run.ts'
import { pictureArgs } from '../support/encoder.ts'
import { FaultProxy, type HeldMessage, seededRandom } from '../support/fault-proxy.ts'
import { OriginPair, onDatabase, onS3 } from '../support/origin-pair.ts'
import { OriginRecord } from '../support/origin-record.ts'
import { TRACKS, unlike } from '../support/origin-scenario.ts'
import { startPostgres } from '../support/postgres.ts'
import { Relay } from '../support/relay.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

const signal = new AbortController().signal
const put = { signal, contentType: 'application/json' }
/** On a busy machine an origin may come too late for the other to be held that long: live waits a second at most. */
const TRIES = 8
const BOTH_WITHIN_MS = 800
const LIVE_WITHIN_MS = 20_000
/** Segments of 2 s that both are to list. */
const SEGMENTS = 3

const OUTCOMES = ['the first wins', 'the second wins', 'both lose'] as const
type Outcome = (typeof OUTCOMES)[number]

interface Arena {
  readonly pair: OriginPair
  readonly proxies: readonly [FaultProxy, FaultProxy]
  /** The arbiter itself, past the proxies. */
  readonly store: ObjectStore
  /** What a conditional create of an entry of this stream has in it on the wire. */
  readonly creates: (streamId: string) => string
}

const streamId = (outcome: Outcome, attempt: number) => `${outcome.replaceAll(' ', '-')}-${attempt}`
const IDS = OUTCOMES.flatMap((outcome) => Array.from({ length: TRIES }, (_, attempt) => streamId(outcome, attempt)))

async function startProxies(upstream: string): Promise<readonly [FaultProxy, FaultProxy]> {
  const start = async () => opened.use(await FaultProxy.start(upstream, seededRandom(1)))
  return [await start(), await start()]
}

const ARBITERS = [
  {
    name: 'a bucket',
    missing: rgwMissing(),
    async start(): Promise<Arena> {
      const bucket = await createTestBucket('rgw')
      const proxies = await startProxies(bucket.endpoint ?? '')
      const [first, second] = [onS3(bucket, proxies[0].port), onS3(bucket, proxies[1].port)]
      const store = opened.use(openS3Store(bucket, { randomId: () => 'race', nowMs: Date.now }))
      const creates = (id: string) => `PUT /${bucket.bucket}/${timelinePrefix('default', id)}0.json`
      return { pair: opened.use(await OriginPair.start([first, second], IDS, false)), proxies, store, creates }
    },
  },
  {
    name: 'one database',
    missing: null,
    async start(): Promise<Arena> {
      const postgres = opened.use(await startPostgres())
      const url = await postgres.createDatabase()
      const proxies = await startProxies(url)
      const [first, second] = [onDatabase(url, proxies[0].port), onDatabase(url, proxies[1].port)]
      const store = opened.use(openPostgresStore(url, { nowMs: Date.now }))
      const creates = () => 'insert into small_objects'
      return { pair: opened.use(await OriginPair.start([first, second], IDS, true)), proxies, store, creates }
    },
  },
] as const

/** A race that took place, and what came of it. */
interface Race {
  readonly records: readonly [OriginRecord, OriginRecord]
  /** Of whoever was let through first. */
  readonly won: TimelineEntry
  readonly stored: readonly TimelineEntry[]
}

const opened = new AsyncDisposableStack()
const races = new Map<string, Race>()

beforeAll(async () => {
  const present = ARBITERS.filter(({ missing }) => missing === null)
  await Promise.all(
    present.map(async ({ name, start }) => {
      const arena = await start()
      // The first conditional put of a store finds out whether it may make any.
      await arena.store.put(timelineEntryKey('default', 'warm-up', 0), new Uint8Array(1), { ...put, ifAbsent: true })
      for (const outcome of OUTCOMES) races.set(`${name} ${outcome}`, await raceUntilMet(arena, outcome))
    }),
  )
  const records = [...races.values()].flatMap((race) => race.records)
  await until('segments', LIVE_WITHIN_MS, () => records.every(({ segments }) => segments.size >= SEGMENTS))
}, 180_000)

afterAll(() => opened.disposeAsync(), 30_000)

for (const { name, missing } of ARBITERS) {
  if (missing !== null) notRun(`races for entries in ${name}`, missing)
  describe.skipIf(missing !== null)(`a race for an entry in ${name}`, () => {
    test.each(OUTCOMES)('%s, and both name everything as the winner does', (outcome) => {
      const { records, won, stored } = races.get(`${name} ${outcome}`) ?? {}
      if (records === undefined) throw new Error('did not run')
      const [first, second] = records
      expect(stored).toEqual([won])
      expect(first.contradictions).toEqual([])
      expect(second.contradictions).toEqual([])
      expect(first.msns.filter((msn) => second.segments.has(msn)).length).toBeGreaterThan(1)
      expect(unlike(first, second)).toEqual([])
      expect([...first.hashes.keys()].filter((uri) => second.hashes.has(uri)).length).toBeGreaterThan(10)
    })
  })
}

async function raceUntilMet(arena: Arena, outcome: Outcome): Promise<Race> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const race = await runRace(arena, outcome, streamId(outcome, attempt))
    if (race !== null) return race
  }
  throw new Error(`the two never met within ${BOTH_WITHIN_MS} ms`)
}

/** Null when the two did not meet in the time that live waits for the store. */
async function runRace({ pair, proxies, store, creates }: Arena, outcome: Outcome, id: string): Promise<Race | null> {
  await using parts = new AsyncDisposableStack()
  const held = [proxies[0].holdNext(creates(id)), proxies[1].holdNext(creates(id))] as const
  const views = await Promise.all([pair.stream(0, id), pair.stream(1, id)])
  const relay = parts.use(new Relay('flv', pictureArgs({ seconds: 120, size: '320x180', rate: '25', gop: 50 })))
  await Promise.all(views.map(({ ingest }) => relay.connect(ingest?.rtmp ?? '')))
  await Promise.race(held.map(({ arrived }) => arrived))
  const isMet = await Promise.race([
    Promise.all(held.map(({ arrived }) => arrived)).then(() => true),
    delay(BOTH_WITHIN_MS).then(() => false),
  ])
  if (!isMet) {
    await Promise.all(held.map((message) => message.release()))
    return null
  }
  const [winner, loser] = outcome === 'the second wins' ? [held[1], held[0]] : held
  const won = outcome === 'both lose' ? await createThird(store, id, winner) : await entryIn(winner)
  await winner.release()
  await loser.release()
  const records = [
    parts.use(new OriginRecord(() => trackUrl(views[0].playback.hls))),
    parts.use(new OriginRecord(() => trackUrl(views[1].playback.hls))),
  ] as const
  await until('a segment', LIVE_WITHIN_MS, () => records.every(({ segments }) => segments.size > 0))
  // Its start is told after what was wrong with it.
  const isStart = ({ type, streamId }: EventView) => type === 'stream.started' && streamId === id
  await Promise.all(pair.origins.map((mirror) => mirror.waitForEvent(isStart)))
  const events = await Promise.all(pair.origins.map((mirror) => mirror.events(id)))
  // Held for longer than live waits.
  if (events.flat().some(({ code }) => code === 'timeline_unconfirmed')) return null
  opened.use(parts.move())
  return { records, won, stored: await entries(store, id) }
}

async function until(what: string, timeoutMs: number, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`no ${what} within ${timeoutMs} ms`)
    await delay(50)
  }
}

/** As if another origin had been faster still, with a clock that is a little off. */
async function createThird(store: ObjectStore, id: string, like: HeldMessage): Promise<TimelineEntry> {
  const entry = await entryIn(like)
  const third = { ...entry, epochUs: entry.epochUs + 40_000 }
  const body = new TextEncoder().encode(JSON.stringify(third))
  expect(await store.put(timelineEntryKey('default', id, 0), body, { ...put, ifAbsent: true })).not.toBeNull()
  return third
}

/** The head of a request may come before its body. */
async function entryIn(message: HeldMessage): Promise<TimelineEntry> {
  for (;;) {
    const [json] = /\{"version":1.*\}/s.exec(message.bytes.toString('latin1')) ?? []
    if (json !== undefined) return timelineEntrySchema.parse(JSON.parse(json))
    await delay(1)
  }
}

async function entries(store: ObjectStore, id: string): Promise<readonly TimelineEntry[]> {
  const found: TimelineEntry[] = []
  for await (const { key } of store.list(timelinePrefix('default', id), { signal })) {
    await using body = await store.get(key, { signal })
    const chunks: Uint8Array[] = []
    for await (const chunk of body?.chunks ?? []) chunks.push(chunk)
    found.push(timelineEntrySchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8'))))
  }
  return found
}

function trackUrl(playlist: string): string {
  return playlist.replace('playlist.m3u8', `${TRACKS[0]}/playlist.m3u8`)
}

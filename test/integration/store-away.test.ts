// What origins agree through is away as a publisher comes: live goes on without it, and joins what it finds afterwards.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { describe, test } from 'vitest'
import { timelineEntryKey } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { openPostgresStore } from '../../src/storage/postgres-store.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import { notRun } from '../not-run.ts'
import { pictureArgs } from '../support/encoder.ts'
import { FAST_DISK } from '../support/fast-disk.ts'
import { FaultProxy, type Faults, seededRandom } from '../support/fault-proxy.ts'
import type { MirrorProcess } from '../support/mirror-process.ts'
import { type OriginSetup, onDatabase, onS3, startMirror } from '../support/origin-pair.ts'
import { PartFollower } from '../support/part-follower.ts'
import { startPostgres } from '../support/postgres.ts'
import { Relay } from '../support/relay.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

const run = promisify(execFile)
const signal = new AbortController().signal
const STREAM = 'away'
/** Whoever waits for the store shows nothing for that long. */
const AWAY_MS = 5000
/** A store that is there again may still need longer than the second that live waits for it, where a disk is slow. */
const CONNECTIONS = 3

/** Servers start one after the other: all at once they would only wait for each other. */
let lastTurn: Promise<unknown> = Promise.resolve()
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = lastTurn.then(work)
  lastTurn = turn.catch(() => {})
  return turn
}

/** What Mirror stands on, and how to take it away and give it back. */
interface Ground {
  readonly setup: OriginSetup
  takeAway(dataDir: string): Promise<void>
  giveBack(dataDir: string): Promise<void>
  readEntry(dataDir: string, dsn: number): Promise<string | null>
}

const timelineFolder = (dataDir: string) => join(dataDir, 'store', 'hot', 'timeline')

function folderGround(takeAway: (folder: string) => Promise<unknown>): () => Promise<Ground> {
  return async () => ({
    setup: { yaml: '', env: {} },
    async takeAway(dataDir) {
      await rm(timelineFolder(dataDir), { recursive: true, force: true })
      await takeAway(timelineFolder(dataDir))
    },
    giveBack: (dataDir) => rm(timelineFolder(dataDir), { recursive: true, force: true }),
    readEntry: (dataDir, dsn) =>
      readFile(join(timelineFolder(dataDir), 'default', STREAM, `${dsn}.json`), 'utf8').catch(() => null),
  })
}

function s3Ground(dead: Faults['dead']) {
  return async (opened: AsyncDisposableStack): Promise<Ground> => {
    const bucket = await createTestBucket('rgw')
    const store = opened.use(openS3Store(bucket, { randomId: () => 'away', nowMs: Date.now }))
    const proxy = opened.use(await FaultProxy.start(bucket.endpoint ?? '', seededRandom(1)))
    return proxied(proxy, dead, onS3(bucket, proxy.port), store)
  }
}

function databaseGround(dead: Faults['dead']) {
  return async (opened: AsyncDisposableStack): Promise<Ground> => {
    const postgres = opened.use(await startPostgres())
    const url = await postgres.createDatabase()
    const store = opened.use(openPostgresStore(url, { nowMs: Date.now }))
    const proxy = opened.use(await FaultProxy.start(url, seededRandom(1)))
    return proxied(proxy, dead, onDatabase(url, proxy.port), store)
  }
}

function proxied(proxy: FaultProxy, dead: Faults['dead'], setup: OriginSetup, store: ObjectStore): Ground {
  return {
    setup,
    takeAway: () => proxy.turn(dead === undefined ? {} : { dead }),
    giveBack: () => proxy.turn({}),
    async readEntry(_, dsn) {
      await using body = await store.get(timelineEntryKey('default', STREAM, dsn), { signal })
      if (body === null) return null
      const chunks: Uint8Array[] = []
      for await (const chunk of body.chunks) chunks.push(chunk)
      return Buffer.concat(chunks).toString('utf8')
    },
  }
}

const CASES = [
  // A plain file in the place of the folder: every access fails at once.
  { what: 'a folder that fails', missing: null, open: folderGround((folder) => writeFile(folder, '')) },
  // A pipe in the place of an entry: it is not listed, yet nothing can be made under its name.
  {
    what: 'a folder that contradicts itself',
    missing: null,
    open: folderGround(async (folder) => {
      await mkdir(join(folder, 'default', STREAM), { recursive: true })
      await run('mkfifo', [join(folder, 'default', STREAM, '0.json')])
    }),
  },
  { what: 'a bucket that refuses', missing: rgwMissing(), open: s3Ground('refuse') },
  { what: 'a bucket that hangs', missing: rgwMissing(), open: s3Ground('hang') },
  { what: 'a database that refuses', missing: null, open: databaseGround('refuse') },
  { what: 'a database that hangs', missing: null, open: databaseGround('hang') },
] as const

for (const { what, missing } of CASES) if (missing !== null) notRun(`live on ${what} for five seconds`, missing)

describe.concurrent('away for the first five seconds', () => {
  test.for(CASES.filter(({ missing }) => missing === null))(
    '$what costs an event, not the stream',
    async ({ what, open }, { expect: expectHere }) => {
      await using opened = new AsyncDisposableStack()
      const dataDir = await mkdtemp(join(FAST_DISK, 'mirror-test-'))
      opened.defer(() => rm(dataDir, { recursive: true, force: true }))
      const { ground, mirror } = await inTurn(async () => {
        const ground = await open(opened)
        return { ground, mirror: opened.use(await startMirror(ground.setup, dataDir)) }
      })
      const { ingest, playback } = await mirror.createStream(STREAM)
      const relay = opened.use(new Relay('flv', pictureArgs({ seconds: 120, size: '320x180', rate: '25', gop: 50 })))

      await ground.takeAway(dataDir)
      const connectedAtMs = performance.now()
      let connection = await relay.connect(ingest?.rtmp ?? '')
      // A player has its first part while the store is away.
      const follower = opened.use(await PartFollower.start(playback.hls.replace('playlist.m3u8', 'v0/playlist.m3u8')))
      const firstPartMs = (follower.arrivals[0]?.atMs ?? Number.POSITIVE_INFINITY) - connectedAtMs
      // The log, not the API: the events' own database may be what is away.
      await mirror.waitForOutput('timeline_unconfirmed')
      const startedAtMs = performance.now()
      await delay(AWAY_MS)
      await ground.giveBack(dataDir)
      await follower.waitForArrivals(5, 15_000)
      expectHere(follower.longestPauseMs(startedAtMs, performance.now())).toBeLessThan(AWAY_MS)

      expectHere(follower.failures).toEqual([])
      expectHere(await unconfirmed(mirror)).toBe(1)

      // The next connection finds the store there again and the stream on the entry that it had.
      let connections = 1
      do {
        connections += 1
        await connection.end()
        connection = await relay.connect(ingest?.rtmp ?? '')
        await follower.waitForArrivals(20, 20_000)
      } while (connections < CONNECTIONS && (await unconfirmed(mirror)) === connections)
      console.log(`${what}: ${Math.round(firstPartMs)} ms to the first part, ${connections} connections`)
      // Where more is missing between the two than a part has room for, the part that was hinted at never comes.
      expectHere(follower.failures.filter((failure) => !/\/p0-\d+\.m4s → 404/.test(failure))).toEqual([])
      const dsns = new Set(follower.arrivals.map(({ uri }) => /^p(\d+)-/.exec(uri)?.[1]))
      expectHere(dsns).toEqual(new Set(['0']))
      expectHere(JSON.parse((await ground.readEntry(dataDir, 0)) ?? 'null')).toMatchObject({ dsn: 0 })
      expectHere(await ground.readEntry(dataDir, 1)).toBeNull()
      expectHere(await unconfirmed(mirror)).toBe(connections - 1)
    },
  )
})

/** Events about it, once the database has those that waited. */
async function unconfirmed(mirror: MirrorProcess): Promise<number> {
  await mirror.waitForEvent(({ code }) => code === 'timeline_unconfirmed')
  return (await mirror.events()).filter(({ code }) => code === 'timeline_unconfirmed').length
}

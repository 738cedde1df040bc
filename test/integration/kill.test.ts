// Processes that are killed again and again while they record, drain and expire: what was said to be safe is there.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Catalog } from '../../src/catalog/types.ts'
import { silentLog } from '../../src/core/log.ts'
import { checkRecordings } from '../../src/dvr/care/fsck.ts'
import { DvrService } from '../../src/dvr/dvr-service.ts'
import { expiredHours } from '../../src/dvr/retention.ts'
import { MOVE_JOB } from '../../src/lifecycle/move-job.ts'
import { collect } from '../../src/storage/collect.ts'
import { hourOf, parseHour } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { openStore, type StoreLocation } from '../../src/storage/open-store.ts'
import { TIERS, type Tier } from '../../src/storage/tiers.ts'
import { Moving, type MovingOrder } from '../support/moving.ts'
import {
  CELL_MS,
  type ChildOrder,
  FIRST_MSN,
  facts,
  LIMITS,
  pathOf,
  RETENTION,
  segmentBytes,
  startsAtMs,
} from '../support/recorded-bytes.ts'
import { RGW_COLD_CLASS } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

const isLong = process.env['TEST_LONG'] === '1'
const CHILD = fileURLToPath(new URL('../support/recording-child.ts', import.meta.url))
const TRACKS = ['v0', 'a0'] as const
/** Long enough to reach the store now and then. */
const LIFE_MS_MAX = { folder: 500, s3: 1500 }
const call = { signal: new AbortController().signal }

test.for([
  [
    'a folder',
    'segment',
    isLong ? 300 : 25,
    async (path: string): Promise<Place> => {
      const [warm, cold, archive] = [join(path, 'warm'), join(path, 'cold'), join(path, 'archive')]
      const tiers = { warm, cold, archive, restoreDelayMs: 0 }
      return { location: { kind: 'folder', path: join(path, 'hot'), tiers }, tiers: ['warm', 'cold', 'hot'] }
    },
  ],
  [
    'packs on S3',
    'pack',
    isLong ? 300 : 5,
    async (): Promise<Place> => {
      const settings = { ...(await createTestBucket('rgw')), tierClasses: { warm: RGW_COLD_CLASS } }
      return { location: { kind: 's3', settings }, tiers: ['warm', 'hot'] }
    },
  ],
] as const)(
  'on %s nothing that was safe is lost to kill -9',
  { timeout: 1_800_000 },
  async ([, mode, kills, place]) => {
    const folder = await mkdtemp(join(tmpdir(), 'mirror-kill-'))
    await using away = new AsyncDisposableStack()
    away.defer(() => rm(folder, { recursive: true, force: true }))
    const { location, tiers } = await place(join(folder, 'store'))
    const moving: MovingOrder = { ...pathOf('v0'), catalogPath: join(folder, 'catalog.sqlite'), tiers }
    const spoolDir = join(folder, 'spool')
    const safe = new Map<string, Set<number>>(TRACKS.map((track) => [track, new Set<number>()]))
    const troubles: string[] = []
    let jobsDone = 0
    const counts = () => TRACKS.map((track) => safe.get(track)?.size ?? 0)
    // On a slow disk it takes more lives to record as much.
    const isEnough = () => Math.min(...counts()) > kills
    for (let life = 0; life < kills || (!isEnough() && life < 10 * kills); life += 1) {
      const next = Object.fromEntries(
        TRACKS.map((track) => [track, Math.max(FIRST_MSN - 1, ...(safe.get(track) ?? [])) + 1]),
      )
      const order = { spoolDir, store: location, mode, next, moving }
      for (const line of await liveAndDie(order, Math.random() * LIFE_MS_MAX[location.kind])) {
        const [word, track = '', msn = ''] = line.split(' ')
        if (word === 'safe') safe.get(track)?.add(Number(msn))
        else if (word === 'trouble') troubles.push(line)
        else if (word === 'moved') jobsDone += 1
      }
    }
    // It did record between the kills, through several hours.
    expect(Math.min(...counts())).toBeGreaterThan(kills)
    expect(troubles).toEqual([])

    const store = away.use(await openStore(location))
    const newestMsn = Math.max(...TRACKS.flatMap((track) => [...(safe.get(track) ?? [])]))
    const nowMs = startsAtMs(newestMsn) + CELL_MS
    const dvr = away.use(await openService(spoolDir, store, mode, nowMs))
    await expect.poll(() => dvr.spool.usedBytes, { timeout: 240_000 }).toBe(0)
    await dvr.expire(pathOf('v0'), RETENTION, call)
    // What a killed put brought back after an hour was emptied goes when nothing can come any more.
    await dvr.expire(pathOf('v0'), RETENTION, call)
    // Later, so that every hour is over.
    const mover = away.use(await Moving.open(moving, store, () => nowMs + 2 * 3_600_000))
    // What the last life began, and one more that nobody disturbs.
    await mover.finishJob(call.signal)
    await mover.addJob('warm')
    await mover.finishJob(call.signal)
    const moved = await expectLedger(mover.catalog)
    await expectWhole(store, nowMs)
    if (location.kind === 'folder') await expectOneTier(join(folder, 'store'))
    for (const track of TRACKS) {
      const kept = [...(safe.get(track) ?? [])].filter((msn) => !isExpired(msn, nowMs))
      expect(kept.length).toBeGreaterThan(0)
      const missing: number[] = []
      for (const msn of kept) if (!(await isWhole(dvr, store, track, msn))) missing.push(msn)
      expect(missing, `${track} of ${kept.length}`).toEqual([])
      // And nothing else is listed but what is whole, whether it had been said to be safe or not.
      const listed = await dvr.archive.segments(pathOf(track), { fromMs: 0, toMs: nowMs }, call)
      for (const { msn } of listed) expect(await isWhole(dvr, store, track, msn), `${track} ${msn}`).toBe(true)
    }
    console.log(
      `${kills} kills, ${counts().join(' and ')} segments safe, ${moved.objects} moves by ${moved.attempts} attempts, ${jobsDone} jobs done in time`,
    )
  },
)

interface Place {
  readonly location: StoreLocation
  readonly tiers: readonly Tier[]
}

/** Each step has the one before, and none that began is open. Gives how many objects were moved, and in how many attempts. */
async function expectLedger(catalog: Catalog): Promise<{ readonly objects: number; readonly attempts: number }> {
  let objects = 0
  let attempts = 0
  for (const { id, attempt, state } of await catalog.jobs.list({ kind: MOVE_JOB, limit: 10_000 })) {
    expect([state, attempt > 0]).toEqual(['done', true])
    expect(await catalog.ledger.keysOf(id, 'open'), id).toEqual([])
    const keys = await catalog.ledger.keysOf(id, 'done')
    objects += keys.length
    attempts += attempt
    for (const key of keys.slice(0, 20)) {
      const rows = (await catalog.ledger.history({ keys: [key], limit: 1000 })).filter(({ jobId }) => jobId === id)
      // Newest first: done once, right after it was found whole.
      expect(rows.slice(0, 3).map((row) => row.state)).toEqual(['done', 'verified', 'intent'])
      expect(rows.filter((row) => row.state === 'done')).toHaveLength(1)
    }
  }
  expect(objects).toBeGreaterThan(0)
  return { objects, attempts }
}

/** What is stored is named, and what is named is stored. */
async function expectWhole(store: ObjectStore, nowMs: number): Promise<void> {
  const { tenantId, streamId } = pathOf('v0')
  const options = { store, stream: { tenantId, streamId }, isKnown: () => true, repair: false, graceMs: 0 }
  const { findings, objects } = await checkRecordings({ ...options, now: () => nowMs, onProgress: () => {} }, call)
  expect(objects).toBeGreaterThan(0)
  expect(findings).toEqual([])
}

/** Nothing that a kill left in two tiers is still there. */
async function expectOneTier(root: string): Promise<void> {
  const seen = new Map<string, string>()
  for (const tier of TIERS) {
    for (const entry of await readdir(join(root, tier), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.parentPath.includes('/.')) continue
      const key = join(entry.parentPath, entry.name).slice(join(root, tier).length)
      expect(seen.get(key), `${key} in ${tier}`).toBeUndefined()
      seen.set(key, tier)
    }
  }
  expect(new Set(seen.values()).size).toBeGreaterThan(1)
}

/** What it said until it was killed; the clock starts when it is ready. */
async function liveAndDie(order: ChildOrder, lifeMs: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said: string[] = []
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString()
  })
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line)
    if (line === 'open') setTimeout(() => child.kill('SIGKILL'), lifeMs)
  }
  if (child.exitCode !== null) throw new Error(`it ended by itself: ${complaint}`)
  return said
}

async function openService(spoolDir: string, store: ObjectStore, mode: 'pack' | 'segment', nowMs: number) {
  return await DvrService.open({
    ...{ spoolDir, limits: LIMITS, store, mode, now: () => nowMs, random: Math.random, randomId: randomUUID },
    log: silentLog,
    lateWritesMs: 0,
    onTrouble: () => {},
  })
}

async function isWhole(dvr: DvrService, store: ObjectStore, track: string, msn: number): Promise<boolean> {
  const location = await dvr.archive.locate(pathOf(track), msn, facts(track), call)
  if (location === null) return false
  const { offset, length } = location
  const expected = segmentBytes(track, msn)
  if (location.kind === 'file')
    return (await readFile(location.path)).subarray(offset, offset + length).equals(expected)
  const object = await store.get(location.key, { ...call, range: { start: offset, end: offset + length } })
  if (object === null) return false
  await using body = object
  return Buffer.from(await collect(body.chunks)).equals(expected)
}

function isExpired(msn: number, nowMs: number): boolean {
  const hour = parseHour(hourOf(startsAtMs(msn)))
  return hour !== null && expiredHours([hour], RETENTION, nowMs).length > 0
}

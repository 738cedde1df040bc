// The store fails, breaks off uploads, slows down and dies while a stream is recorded: live does not notice, and nothing is
// lost. A few seconds of each; with TEST_LONG ten minutes without a store, and one of everything else.
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { DvrOverviewView, DvrView } from '../../src/api/dvr-contract.ts'
import type { JobView, StartJobBody } from '../../src/api/job-contract.ts'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { notRun } from '../not-run.ts'
import { Encoder, pictureArgs } from '../support/encoder.ts'
import { FaultProxy, type Faults, seededRandom } from '../support/fault-proxy.ts'
import { mediaPlaylist } from '../support/hls.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { type Arrival, PartFollower } from '../support/part-follower.ts'
import { rgwMissing } from '../support/rgw.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

const isLong = process.env['TEST_LONG'] === '1'
const missing = rgwMissing()
if (missing !== null) notRun('recording while the store is away', missing)

/** Whoever waited for the store would pause for the five seconds that it is late at least, and for all that it is dead. */
const PAUSE_WITHIN_MS = 4500
/** Of a machine that is busy with other things at one time more than at another. */
const MEDIAN_GROWS_BY_MS = 250

interface Phase {
  readonly name: string
  readonly faults: Faults
  readonly sec: number
}

/** Dead last: whoever waits for a dead store waits longer from time to time, and would hardly meet what comes then. */
const PHASES: readonly Phase[] = [
  { name: 'well', faults: {}, sec: isLong ? 60 : 4 },
  { name: 'one error in five', faults: { errorPercent: 20 }, sec: isLong ? 60 : 5 },
  { name: 'half of the uploads cut off', faults: { cutPercent: 50, cutAfterBytes: 4000 }, sec: isLong ? 60 : 5 },
  { name: '5 s late', faults: { latencyMs: 5000 }, sec: isLong ? 60 : 6 },
  { name: 'dead', faults: { dead: 'refuse' }, sec: isLong ? 600 : 12 },
]

test.skipIf(missing !== null)(
  'a store that is dead, full of errors, slow or breaks off costs no segment and no viewer any time',
  { timeout: isLong ? 1_800_000 : 150_000 },
  async () => {
    const bucket = await createTestBucket('rgw')
    await using proxy = await FaultProxy.start(bucket.endpoint ?? '', seededRandom(4))
    await using mirror = await MirrorProcess.start({
      env: {
        S3_ENDPOINT: `http://127.0.0.1:${proxy.port}`,
        S3_REGION: bucket.region,
        S3_BUCKET: bucket.bucket,
        S3_ACCESS_KEY: bucket.credentials?.accessKey ?? '',
        S3_SECRET_KEY: bucket.credentials?.secretKey ?? '',
        S3_FORCE_PATH_STYLE: 'true',
        MIRROR_DVR_FLUSH: '2s',
      },
    })
    const stream = await mirror.api<StreamView>('POST', '/streams', {
      id: 'storm',
      settings: { segment: '1s', part: '200ms', window: '10s' },
      dvr: { enabled: true, rewind: '1h', retention: '2h' },
    })
    const picture = pictureArgs({ seconds: 3600, size: '160x90', rate: '25', gop: 25 })
    await using encoder = new Encoder([...picture, '-f', 'flv', stream.ingest?.rtmp ?? ''])
    const live = await mirror.waitForStatus('storm', 'live')
    await using follower = await PartFollower.start(live.playback.hls.replace('playlist.m3u8', 'v0/playlist.m3u8'))

    const seen: (Phase & { readonly latency: Latency; readonly pauseMs: number; readonly spooled: number })[] = []
    for (const phase of PHASES) {
      await proxy.turn(phase.faults)
      const [from, startedAtMs] = [follower.arrivals.length, performance.now()]
      await delay(phase.sec * 1000)
      seen.push({
        ...phase,
        latency: latencyOf(follower.arrivals.slice(from)),
        pauseMs: follower.longestPauseMs(startedAtMs, performance.now()),
        spooled: await spooledBytes(mirror),
      })
    }
    const failures = [...follower.failures]
    await proxy.turn({})
    await encoder.stop()
    const stoppedAtMs = performance.now()
    // Else gaps would be recorded for as long as the encoder may still come back.
    await mirror.api('PATCH', '/streams/storm', { settings: { grace: '0s' } })
    await mirror.waitForStatus('storm', 'ended')
    const [endedAtMs, ends] = [Date.now(), await endsOf(mirror)]
    for (const { name, sec, latency, pauseMs, spooled } of seen) {
      const { p50, p99, count } = latency
      console.log(
        `${name}, ${sec} s: ${count} parts, ${p50} ms p50 and ${p99} ms p99 behind its dates, longest pause ${Math.round(pauseMs)} ms, spool ${spooled} bytes`,
      )
    }
    await expect
      .poll(() => unsaved(mirror, ends, endedAtMs), { timeout: isLong ? 600_000 : 60_000, interval: 500 })
      .toEqual({ notRecorded: [], notCounted: 0, lost: 0, spooledBytes: 0, oldestUnsavedAt: null })
    console.log(`the spool was empty ${Math.round(performance.now() - stoppedAtMs)} ms after the end`)
    const [well, ...stormy] = seen
    for (const { name, latency, pauseMs } of stormy) {
      expect(latency.count, name).toBeGreaterThan(0)
      expect(pauseMs, name).toBeLessThan(PAUSE_WITHIN_MS)
      expect(latency.p50, name).toBeLessThan((well?.latency.p50 ?? 0) + MEDIAN_GROWS_BY_MS)
    }
    expect(failures).toEqual([])
    expect(proxy.done.errors + proxy.done.cuts).toBeGreaterThan(0)
    // The spool did hold what the store did not take.
    expect(seen.at(-1)?.spooled).toBeGreaterThan(seen[0]?.spooled ?? 0)
    await expectNothingLost(mirror, follower)
  },
)

/** The last number of each playlist, once it has ended. */
async function endsOf(mirror: MirrorProcess): Promise<ReadonlyMap<string, number>> {
  const ends = new Map<string, number>()
  for (const track of ['v0', 'a0']) {
    const url = `${mirror.mediaUrl}/stream/storm/${track}/playlist.m3u8`
    await expect.poll(async () => (await mediaPlaylist(url)).endlist).toBe(true)
    ends.set(url, (await mediaPlaylist(url)).segments.at(-1)?.mediaSequenceNumber ?? -1)
  }
  return ends
}

/**
 * What is still on its way from the playlist, which has ended, into the store. Counts and spool are of one report, which
 * is up to a second old: one that counts all there is was made after all of it had come.
 */
async function unsaved(mirror: MirrorProcess, ends: ReadonlyMap<string, number>, endedAtMs: number) {
  const notRecorded: string[] = []
  for (const [url, last] of ends) {
    const { segments } = await mediaPlaylist(`${url}?start=${endedAtMs - 60_000}&end=${endedAtMs}`)
    const kept = numberIn(segments.at(-1)?.uri)
    if (kept !== last) notRecorded.push(`${url} up to ${kept}, not ${last}`)
  }
  const { segments, recordedSegments, lostSegments, spool } = await recorded(mirror)
  return {
    ...{ notRecorded, notCounted: segments - recordedSegments, lost: lostSegments },
    ...{ spooledBytes: spool.bytes, oldestUnsavedAt: spool.oldestUnsavedAt },
  }
}

function numberIn(uri = ''): number {
  return Number(/(\d+)\.m4s/.exec(uri)?.[1])
}

/** Whatever a player was shown is in the store, in numbers without a hole, each byte as it was recorded. */
async function expectNothingLost(mirror: MirrorProcess, follower: PartFollower): Promise<void> {
  const shown = await recorded(mirror)
  console.log(`${shown.recordedSegments} segments recorded, ${shown.lostSegments} lost`)
  expect(shown).toMatchObject({ lostSegments: 0, recordedSegments: shown.segments })
  expect(shown.ranges).toHaveLength(1)
  const [fromMs, toMs] = [Date.parse(shown.ranges[0]?.from ?? ''), Date.parse(shown.ranges[0]?.to ?? '')]
  const url = `${mirror.mediaUrl}/stream/storm/v0/playlist.m3u8?start=${fromMs}&end=${toMs}`
  const { segments } = await mediaPlaylist(url)
  const numbers = segments.map(({ uri }) => numberIn(uri))
  // Of the newest only the announcement may have been seen.
  const watched = [...new Set(follower.arrivals.map(({ msn }) => msn))].slice(0, -1)
  expect(watched.filter((msn) => !numbers.includes(msn))).toEqual([])
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index))
  expect(segments.filter((segment) => segment.gap === true)).toEqual([])
  for (const { uri } of segments) expect((await fetch(new URL(uri, url))).status, uri).toBe(200)
  expect(await resultOf(mirror, { kind: 'fsck', grace: '0s' })).toMatchObject({ streams: 1, findings: [] })
  expect(await resultOf(mirror, { kind: 'scrub', bytesPerSec: 2 ** 30 })).toMatchObject({ streams: 1, findings: [] })
}

interface Latency {
  readonly p50: number
  readonly p99: number
  readonly count: number
}

function latencyOf(arrivals: readonly Arrival[]): Latency {
  const sorted = arrivals.map(({ latencyMs }) => latencyMs ?? Number.NaN).toSorted((left, right) => left - right)
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN)
  return { p50: at(0.5), p99: at(0.99), count: sorted.length }
}

async function recorded(mirror: MirrorProcess): Promise<DvrView> {
  return await mirror.api<DvrView>('GET', '/streams/storm/dvr')
}

/** Which no store is asked for. */
async function spooledBytes(mirror: MirrorProcess): Promise<number> {
  return (await mirror.api<DvrOverviewView>('GET', '/dvr')).spool.bytes
}

async function resultOf(mirror: MirrorProcess, job: StartJobBody): Promise<JobView['result']> {
  const { id } = await mirror.api<JobView>('POST', '/jobs', job)
  const read = async () => await mirror.api<JobView>('GET', `/jobs/${id}`)
  await expect.poll(async () => (await read()).state, { timeout: isLong ? 600_000 : 60_000 }).toBe('done')
  return (await read()).result
}

// Recording, and playing what was recorded, against real Mirror processes; on a folder, and on a real S3 server in packs.
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type ExpectStatic, test } from 'vitest'
import type { DvrOverviewView, DvrView } from '../../src/api/dvr-contract.ts'
import type { JobView, StartJobBody } from '../../src/api/job-contract.ts'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { IndexStore } from '../../src/dvr/index-store.ts'
import { renderReport } from '../../src/lint/report.ts'
import { watchPresentation } from '../../src/lint/watcher.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { hourIndexKey } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { MIN_PART_BYTES, type S3Settings } from '../../src/storage/s3-settings.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import { Encoder, pictureArgs } from '../support/encoder.ts'
import { mediaPlaylist, probeHls } from '../support/hls.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { createTestBucket } from '../support/s3-bucket.ts'

const run = promisify(execFile)
/** Rules that measure how fast something came: what stands still for a while breaks them. */
const BY_THE_CLOCK = ['part-in-time', 'segment-in-time', 'hint-full-speed', 'probe-far-ahead', 'hold-limit']
const PICTURE = { size: '160x90', rate: '25', gop: 25 } as const
/** Short enough that media leaves memory while the test waits. */
const SETTINGS = { segment: '1s', part: '200ms', window: '10s' }

interface Place {
  readonly name: string
  readonly env: () => Promise<Readonly<Record<string, string>>>
}

const PLACES: readonly Place[] = [
  { name: 'a folder', env: async () => ({}) },
  {
    name: 'packs on S3',
    env: async () => {
      const { endpoint, region, bucket, credentials } = await createTestBucket('rgw')
      return {
        S3_ENDPOINT: endpoint ?? '',
        S3_REGION: region,
        S3_BUCKET: bucket,
        S3_ACCESS_KEY: credentials?.accessKey ?? '',
        S3_SECRET_KEY: credentials?.secretKey ?? '',
        S3_FORCE_PATH_STYLE: 'true',
      }
    },
  },
]

test.concurrent.for(PLACES)(
  'what was live is played again from $name, also after kill -9',
  { timeout: 240_000 },
  async ({ env }, { expect }) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'mirror-test-'))
    await using away = new AsyncDisposableStack()
    away.defer(() => rm(dataDir, { recursive: true, force: true }))
    const flush: Readonly<Record<string, string>> = { MIRROR_DVR_FLUSH: '4s', ...(await env()) }
    const mirror = away.use(await MirrorProcess.start({ dataDir, env: flush }))
    const stream = await mirror.api<StreamView>('POST', '/streams', {
      id: 'tape',
      settings: SETTINGS,
      dvr: { enabled: true, rewind: '1h', retention: '2h' },
    })
    expect(stream.dvr).toEqual({ enabled: true, rewind: '1h', retention: '2h' })
    const encoder = away.use(
      new Encoder([...pictureArgs({ seconds: 120, ...PICTURE }), '-f', 'flv', stream.ingest?.rtmp ?? '']),
    )
    await mirror.waitForStatus('tape', 'live')
    // The window holds ten seconds and as much again for late readers.
    await expect.poll(async () => (await recordings(mirror)).durationSec, { timeout: 90_000 }).toBeGreaterThan(26)

    const { ranges, gaps } = await recordings(mirror)
    expect(gaps).toEqual([])
    expect(ranges).toHaveLength(1)
    const startMs = Date.parse(ranges[0]?.from ?? '')
    await expectRewound(expect, mirror)
    await expectMeasured(expect, mirror)
    await expectPlayable(expect, mirror, startMs, startMs + 6000)

    // Killed while it records: what was acknowledged before is there afterwards, whether it had reached the store or not.
    const acknowledged = await recordings(mirror)
    const acknowledgedMs = Date.parse(acknowledged.ranges.at(-1)?.to ?? '')
    const listed = (await listing(mirror)).filter((segment) => endsAtMs(segment) < acknowledgedMs + 10)
    await mirror.kill()
    await encoder.stop('SIGKILL')
    await mirror.start()
    await expect
      .poll(async () => (await recordings(mirror)).segments, { timeout: 30_000 })
      .toBeGreaterThanOrEqual(acknowledged.segments)
    // Not what the API tells: before the first report after a start it knows of no bytes.
    await expect.poll(() => filesOf(join(dataDir, 'spool')), { timeout: 60_000 }).toEqual([])
    await expectPlayable(expect, mirror, startMs, startMs + 6000)
    await expectCounted(expect, mirror, flush['S3_BUCKET'] !== undefined)
    await expectWhole(expect, mirror)
    await expectMended(expect, mirror, away.use(await storeOf(dataDir, flush)))
    const lastMs = Date.parse((await recordings(mirror)).ranges.at(-1)?.to ?? '')
    await expectPlayable(expect, mirror, lastMs - 4000, lastMs)
    const { ingest } = await mirror.stream('tape')
    away.use(new Encoder([...pictureArgs({ seconds: 120, ...PICTURE }), '-f', 'flv', ingest?.rtmp ?? '']))
    await mirror.waitForStatus('tape', 'live')
    await expectWholePast(expect, mirror, listed)
    expect(await bodyOf(`${mirror.mediaUrl}/stream/tape/playlist.m3u8?start=2026-01-01&end=2026-01-02`)).toMatchObject({
      status: 404,
      code: 'recording_not_found',
    })
    expect(await bodyOf(`${mirror.mediaUrl}/stream/tape/playlist.m3u8?start=soon`)).toMatchObject({
      status: 400,
      code: 'invalid_request',
    })
  },
)

/** Everything that is stored is named, all of it is there, and every byte is as it was recorded. */
async function expectWhole(expect: ExpectStatic, mirror: MirrorProcess): Promise<void> {
  expect((await done(expect, mirror, { kind: 'fsck', grace: '0s' })).result).toMatchObject({ streams: 1, findings: [] })
  const { result } = await done(expect, mirror, { kind: 'scrub', bytesPerSec: 2 ** 30 })
  expect(result).toMatchObject({ streams: 1, findings: [], next: null })
  expect(result?.['bytes']).toBeGreaterThan(100_000)
}

/** Without any index the media tells enough of itself to make the index anew. */
async function expectMended(expect: ExpectStatic, mirror: MirrorProcess, store: ObjectStore): Promise<void> {
  const indexes = new IndexStore(store, Date.now)
  const track = { tenantId: 'default', streamId: 'tape', trackId: 'v0' }
  const hours = (await indexes.stream(track, CALL))?.tracks['v0']?.hours ?? []
  const read = async () => {
    const rows = []
    for (const hour of hours) rows.push(...((await indexes.hour(track, hour, CALL))?.segments ?? []))
    return rows.filter(({ sizeBytes }) => sizeBytes > 0)
  }
  const before = await read()
  expect(before.length).toBeGreaterThan(20)
  await store.delete(
    hours.map((hour) => hourIndexKey(track, hour)),
    CALL,
  )
  const { result } = await done(expect, mirror, { kind: 'fsck', grace: '0s', repair: true })
  expect(result).toMatchObject({ counts: { error: hours.length, warning: 0 } })
  const after = await read()
  expect(after.map((row) => ({ ...row, startsAtMs: 0 }))).toEqual(before.map((row) => ({ ...row, startsAtMs: 0 })))
  // A lone segment tells its time to the tick, but not what its encoder's clock had drifted by then.
  const strayMs = after.map((row, index) => Math.abs(row.startsAtMs - (before[index]?.startsAtMs ?? 0)))
  expect(Math.max(...strayMs)).toBeLessThan(200)
  await expectWhole(expect, mirror)
}

const CALL = { signal: new AbortController().signal }

async function done(expect: ExpectStatic, mirror: MirrorProcess, job: StartJobBody): Promise<JobView> {
  const { id } = await mirror.api<JobView>('POST', '/jobs', job)
  await expect
    .poll(async () => (await mirror.api<JobView>('GET', `/jobs/${id}`)).state, { timeout: 30_000 })
    .toBe('done')
  return await mirror.api<JobView>('GET', `/jobs/${id}`)
}

async function storeOf(dataDir: string, env: Readonly<Record<string, string>>): Promise<ObjectStore> {
  if (env['S3_BUCKET'] === undefined) {
    return await openFolderStore(join(dataDir, 'store', 'hot'), { randomId: randomUUID })
  }
  const settings: S3Settings = {
    endpoint: env['S3_ENDPOINT'] ?? null,
    region: env['S3_REGION'] ?? '',
    bucket: env['S3_BUCKET'],
    prefix: '',
    credentials: { accessKey: env['S3_ACCESS_KEY'] ?? '', secretKey: env['S3_SECRET_KEY'] ?? '' },
    pathStyle: true,
    storageClass: null,
    partBytes: MIN_PART_BYTES,
    uploadConcurrency: 8,
  }
  return openS3Store(settings, { randomId: randomUUID, nowMs: Date.now })
}

/** The live playlist lists what has left memory, in numbers without a hole, and all of it can be had. */
async function expectRewound(expect: ExpectStatic, mirror: MirrorProcess): Promise<void> {
  const url = videoUrl(mirror)
  const complete = await listing(mirror)
  expect(complete.length).toBeGreaterThan(22)
  expect(complete.map(({ mediaSequenceNumber }) => mediaSequenceNumber)).toEqual(
    complete.map((_, index) => (complete[0]?.mediaSequenceNumber ?? 0) + index),
  )
  const [oldest] = complete
  expect(oldest?.parts).toEqual([])
  for (const uri of [oldest?.uri ?? '', oldest?.map?.uri ?? '']) {
    const response = await fetch(new URL(uri, url))
    expect([response.status, response.headers.get('cache-control')]).toEqual([
      200,
      'public, max-age=31536000, immutable',
    ])
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(100)
  }
}

/** Another encoder is live in another process, and the playlist reaches back as before; the time between is a gap. */
async function expectWholePast(expect: ExpectStatic, mirror: MirrorProcess, before: Listing): Promise<void> {
  const linted = await watchPresentation({
    url: `${mirror.mediaUrl}/stream/tape/playlist.m3u8`,
    seconds: 8,
    media: 'sample',
    maxRenditions: 2,
    fetch,
    now: Date.now,
    signal: AbortSignal.timeout(40_000),
  })
  const found = linted.findings.filter(({ rule }) => !BY_THE_CLOCK.includes(rule))
  expect(found, renderReport(linted)).toEqual([])
  const after = await listing(mirror)
  expect(before.length).toBeGreaterThan(20)
  expect(after[0]?.mediaSequenceNumber).toBe(before[0]?.mediaSequenceNumber)
  expect(after.map(({ mediaSequenceNumber }) => mediaSequenceNumber)).toEqual(
    after.map((_, index) => (after[0]?.mediaSequenceNumber ?? 0) + index),
  )
  const isGap = (segment: Listing[number]) => 'gap' in segment && segment.gap === true
  expect(after.filter(isGap).length).toBeGreaterThan(0)
  expect(after.slice(0, before.length).filter(isGap)).toEqual([])
  const statuses = await Promise.all(
    after
      .filter((segment) => !isGap(segment))
      .map(async ({ uri }) => (await fetch(new URL(uri, videoUrl(mirror)))).status),
  )
  expect(statuses.filter((status) => status !== 200)).toEqual([])
}

function endsAtMs({ programDateTime, duration }: Listing[number]): number {
  return (programDateTime?.getTime() ?? Number.NaN) + duration * 1000
}

type Listing = Awaited<ReturnType<typeof mediaPlaylist>>['segments']

/** The complete segments of the picture. */
async function listing(mirror: MirrorProcess): Promise<Listing> {
  return (await mediaPlaylist(videoUrl(mirror))).segments.filter(({ uri }) => uri !== '')
}

function videoUrl(mirror: MirrorProcess): string {
  return `${mirror.mediaUrl}/stream/tape/v0/playlist.m3u8`
}

/** Stream, overview and metrics tell the same of what is kept. */
async function expectMeasured(expect: ExpectStatic, mirror: MirrorProcess): Promise<void> {
  await expect
    .poll(
      async () => {
        const shown = await recordings(mirror)
        return Math.abs((shown.storedBytes ?? 0) / shown.bytes - 1)
      },
      { timeout: 20_000 },
    )
    .toBeLessThan(0.2)
  const overview = await mirror.api<DvrOverviewView>('GET', '/dvr')
  expect(overview).toMatchObject({ recordedStreams: 1, rpoSec: 4, streams: [{ id: 'tape', lostSegments: 0 }] })
  const text = await (await fetch(`${mirror.consoleUrl}/metrics`)).text()
  expect(Number(/^dvr_storage_bytes\{stream_id="tape"\} (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(
    (overview.storedBytes ?? 0) * 0.8,
  )
  expect(text).toContain('\ndvr_rpo_seconds 4\n')
}

/** All that was played lies in the store, and was played before: a bucket is read once. */
async function expectCounted(expect: ExpectStatic, mirror: MirrorProcess, isBucket: boolean): Promise<void> {
  const value = async (name: string) => {
    const text = await (await fetch(`${mirror.consoleUrl}/metrics`)).text()
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
  }
  const from = async (source: string) => await value(`dvr_playback_requests_total\\{source="${source}"\\}`)
  // Copies outlive the kill: of a bucket nothing need be read any more.
  await expect.poll(async () => await from(isBucket ? 'cache' : 'store')).toBeGreaterThan(5)
  if (!isBucket) return expect(await from('cache')).toBe(0)
  await expect.poll(async () => await value('dvr_cache_bytes')).toBeGreaterThan(10_000)
}

/** As ffmpeg reads it: the time that was asked for to within a segment at each end, and no error. */
async function expectPlayable(
  expect: ExpectStatic,
  mirror: MirrorProcess,
  fromMs: number,
  toMs: number,
): Promise<void> {
  const url = `${mirror.mediaUrl}/stream/tape/playlist.m3u8?start=${fromMs}&end=${toMs}`
  expect((await probeHls(url)).toSorted()).toEqual(['audio aac', 'video h264'])
  const { stdout, stderr } = await run('ffprobe', [
    ...['-v', 'error', '-count_frames', '-select_streams', 'v', '-of', 'json'],
    ...['-show_entries', 'stream=nb_read_frames:format=duration', url],
  ])
  const { streams, format } = JSON.parse(stdout) as {
    readonly streams: readonly { readonly nb_read_frames: string }[]
    readonly format: { readonly duration: string }
  }
  expect(stderr).toBe('')
  const wantedSec = (toMs - fromMs) / 1000
  expect(Number(format.duration)).toBeGreaterThan(wantedSec - 0.1)
  expect(Number(format.duration)).toBeLessThan(wantedSec + 2.1)
  expect(Number(streams[0]?.nb_read_frames)).toBe(Math.round(Number(format.duration) * 25))
}

async function recordings(mirror: MirrorProcess): Promise<DvrView> {
  return await mirror.api<DvrView>('GET', '/streams/tape/dvr')
}

async function bodyOf(url: string): Promise<unknown> {
  const response = await fetch(url)
  return { status: response.status, ...((await response.json()) as object) }
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
}

// Videos made by MediaConvert, against a server that answers as its documentation says: nothing here has asked AWS.
import { execFile, spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import type { Catalog } from '../../src/catalog/types.ts'
import { silentLog } from '../../src/core/log.ts'
import { JobService } from '../../src/jobs/job-service.ts'
import type { AssetRow } from '../../src/library/assets/asset.ts'
import { assetJobs, cancelConversionWithJob, failWithJob, VIDEO_JOB } from '../../src/library/assets/asset-job.ts'
import { AssetNews } from '../../src/library/assets/asset-news.ts'
import { AssetShelf } from '../../src/library/assets/asset-shelf.ts'
import { openConverter } from '../../src/library/processing/mediaconvert/video-converter.ts'
import { collect } from '../../src/storage/collect.ts'
import { openFolderStore } from '../../src/storage/folder-store.ts'
import { assetOriginalKey, parseObjectKey } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { FakeMediaConvert, jobId, type Word } from '../support/mediaconvert.ts'

const run = promisify(execFile)
const { signal } = new AbortController()
const BUCKET = { bucket: 'media', prefix: 'mirror/' }
const ROLE = 'arn:aws:iam::111122223333:role/mirror'
const POLL_MS = 40
/** The id of the first job. */
const FIRST = jobId(0)

let folder: string
let catalog: Catalog
let store: ObjectStore
let aws: FakeMediaConvert
let opened: AsyncDisposableStack
/** Shares that were told of the step `mp4`. */
let percents: number[]

beforeEach(async () => {
  opened = new AsyncDisposableStack()
  folder = await mkdtemp(join(tmpdir(), 'mirror-convert-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'catalog.sqlite')
  catalog = opened.use(await openCatalog({ kind: 'sqlite', path }, { log: silentLog, signal }))
  store = opened.use(await openFolderStore(join(folder, 'store'), { randomId: randomUUID }))
  aws = opened.use(await FakeMediaConvert.open({ ...BUCKET, store }))
  percents = []
})
afterEach(() => opened.disposeAsync())

interface Running extends AsyncDisposable {
  readonly jobs: JobService
  readonly shelf: AssetShelf
}

/** What a Mirror does with videos; `isIdle`: it runs no jobs. */
async function startMirror({ isIdle = false, stepMs = 600_000 } = {}): Promise<Running> {
  const credentials = { accessKey: 'AKIDEXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
  const order = { roleArn: ROLE, region: 'eu-central-1', endpoint: aws.url, queue: null }
  const converter = await openConverter(order, { ...BUCKET, credentials })
  // Its clock runs fast, so that the share that is done is written down as soon as it is told.
  let skippedMs = 0
  const hasty = () => {
    skippedMs += 3000
    return Date.now() + skippedMs
  }
  const news = new AssetNews()
  news.on((_, { step }) => step?.name === 'mp4' && step.percent !== undefined && percents.push(step.percent))
  const host = { assets: catalog.assets, store, news, now: hasty, converter: { ...converter, pollMs: POLL_MS } }
  const jobs: JobService = new JobService({
    ...{ jobs: catalog.jobs, schedules: [], owner: 'me', now: Date.now, random: () => 0, randomId: randomUUID },
    log: silentLog,
    kinds: assetJobs({
      ...host,
      ...{ spawn, log: silentLog, ffmpegPath: 'ffmpeg', scratchDir: join(folder, 'scratch') },
      disk: { freeBytes: async () => 2 ** 40, keepFreeBytes: 0, copies: 1 },
      media: { maxDurationSec: 60, stepMs, threads: 1 },
    }),
  })
  jobs.onChange((job) => void failWithJob(host, job))
  jobs.onChange((job) => void cancelConversionWithJob(host, job))
  if (!isIdle) await jobs.start({ isAlone: true })
  const shelf = new AssetShelf({ assets: catalog.assets, store, jobs: () => jobs, news, now: Date.now })
  return {
    ...{ jobs, shelf },
    async [Symbol.asyncDispose]() {
      await jobs[Symbol.asyncDispose]()
      await converter[Symbol.asyncDispose]()
    },
  }
}

const TONES = ['-f', 'lavfi', '-i', 'sine=f=440:r=44100:d=3', '-f', 'lavfi', '-i', 'sine=f=880:r=48000:d=3']
const SMALL = ['-f', 'lavfi', '-i', 'testsrc=s=160x120:d=1:r=10', '-pix_fmt', 'yuv420p']

async function upload({ shelf }: Running, args: readonly string[]): Promise<string> {
  const path = join(folder, 'upload.mkv')
  await run('ffmpeg', ['-v', 'error', '-y', ...args, '-preset', 'ultrafast', path])
  const bytes = await readFile(path)
  const id = randomUUID()
  await store.put(assetOriginalKey('default', id), bytes, { signal, contentType: 'video/x-matroska' })
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const intake = { sizeBytes: bytes.length, sha256, head: bytes.subarray(0, 4096) }
  const made = await shelf.create({
    id,
    tenantId: 'default',
    name: 'a.mkv',
    folder: '',
    tags: [],
    metadata: {},
    intake,
  })
  return made.asset.id
}

const current = async (id: string): Promise<AssetRow> => (await catalog.assets.get('default', id)) ?? expect.fail(id)
const status = (id: string) => async () => (await current(id)).status
const PATIENT = { timeout: 60_000 }
const jobOf = async (id: string) => {
  const jobs = await catalog.jobs.list({ kind: VIDEO_JOB, limit: 10 })
  return jobs.find(({ payload }) => payload['asset'] === id) ?? expect.fail(id)
}
const words = (...script: Word[]) => script
async function keys(): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { key } of store.list('assets/', { signal })) found.push(key)
  return found
}

test('what MediaConvert makes becomes renditions as if ffmpeg had made it, and poster, storyboard and HLS follow', async () => {
  aws.scripts = [words('SUBMITTED', 500, 'PROGRESSING 20', 'PROGRESSING 70', 'COMPLETE')]
  await using mirror = await startMirror()
  const picture = ['-f', 'lavfi', '-i', 'testsrc=s=960x720:d=3:r=25', ...TONES, '-pix_fmt', 'yuv420p']
  const id = await upload(mirror, [...picture, '-map', '0', '-map', '1', '-map', '2', '-disposition:a:1', 'default'])
  await expect.poll(status(id), PATIENT).toBe('ready')
  expect(aws.unsigned).toEqual([])
  expect(aws.requests).toHaveLength(1)
  const [job] = aws.jobs
  const mirrorJob = await jobOf(id)
  expect(job?.wish).toMatchObject({
    clientRequestToken: expect.stringMatching(/^[0-9a-f]{32}$/),
    role: ROLE,
    userMetadata: { application: 'mirror', tenant: 'default', asset: id, job: mirrorJob.id },
  })
  expect(percents).toEqual(expect.arrayContaining([20, 70]))
  const renditions = await catalog.assets.renditions('default', [id])
  expect(renditions.map(({ name }) => name)).toEqual([
    ...['hls', 'mp4-480p', 'mp4-720p', 'poster', 'storyboard', 'storyboard-image'],
  ])
  for (const [name, width, height, tracks] of [
    ['mp4-720p', 960, 720, 2],
    ['mp4-480p', 640, 480, 1],
  ] as const) {
    const row = renditions.find((one) => one.name === name) ?? expect.fail(name)
    expect(row).toMatchObject({ width, height, contentType: 'video/mp4' })
    expect(row.objectKey).toBe(`assets/default/${id}/${name}-${row.sha256.slice(0, 12)}/${name}.mp4`)
    const body = await store.get(parseObjectKey(row.objectKey) ?? expect.fail(name), { signal })
    const bytes = await collect(body?.chunks ?? expect.fail(name))
    expect([createHash('sha256').update(bytes).digest('hex'), bytes.length]).toEqual([row.sha256, row.sizeBytes])
    const path = join(folder, 'store', row.objectKey)
    const asked = ['-v', 'error', '-show_entries', 'stream=codec_name,channels', '-of', 'json', path]
    const { streams } = JSON.parse((await run('ffprobe', asked)).stdout)
    expect(streams).toEqual([
      { codec_name: 'h264' },
      ...Array.from({ length: tracks }, () => ({ codec_name: 'aac', channels: 2 })),
    ])
  }
  expect((await keys()).filter((key) => key.includes('converted-'))).toEqual([])
  expect((await current(id)).facts).toMatchObject({
    mediaConvert: { jobId: job?.id },
    durationSec: expect.closeTo(3, 0),
  })
  expect(await readdir(join(folder, 'scratch'))).toEqual([])
})

test('a Mirror that stops leaves the job alone, and the next one goes on with it', async () => {
  aws.scripts = [words('PROGRESSING 10')]
  const first = await startMirror()
  const id = await upload(first, SMALL)
  await expect.poll(() => aws.jobs[0]?.asked ?? 0, PATIENT).toBeGreaterThan(1)
  await first[Symbol.asyncDispose]()
  expect(aws.cancelled).toEqual([])
  expect((await current(id)).status).toBe('processing')
  const [job] = aws.jobs
  if (job !== undefined) job.words = ['PROGRESSING 80', 'COMPLETE']
  await using _second = await startMirror()
  await expect.poll(status(id), PATIENT).toBe('ready')
  expect(aws.requests).toHaveLength(1)
})

test('an answer that is lost begins no second job: the request comes again with its token', async () => {
  aws.cuts = 1
  await using mirror = await startMirror()
  const id = await upload(mirror, SMALL)
  await expect.poll(status(id), PATIENT).toBe('ready')
  expect(aws.requests).toHaveLength(2)
  expect(aws.requests[1]).toBe(aws.requests[0])
  expect(aws.jobs).toHaveLength(1)
})

test('a job that is cancelled at Mirror is cancelled at AWS, also while no Mirror works on it', async () => {
  aws.scripts = [words('PROGRESSING 10')]
  const first = await startMirror()
  const id = await upload(first, SMALL)
  await expect.poll(() => aws.jobs[0]?.asked ?? 0, PATIENT).toBeGreaterThan(1)
  await first.jobs.cancel('default', (await jobOf(id)).id)
  await expect.poll(() => aws.cancelled).toEqual([FIRST])
  await expect.poll(status(id)).toBe('failed')
  expect((await current(id)).failure).toMatchObject({ step: 'mp4', code: 'job_ended' })

  await first.shelf.process('default', id, { fromStart: false })
  await expect.poll(() => aws.jobs[1]?.asked ?? 0, PATIENT).toBeGreaterThan(1)
  await first[Symbol.asyncDispose]()
  await using idle = await startMirror({ isIdle: true })
  await idle.jobs.cancel('default', (await jobOf(id)).id)
  await expect.poll(() => aws.cancelled).toEqual(aws.jobs.map((job) => job.id))
})

test('a job that fails is the failure of its step in the words of AWS, and is tried again as another job', async () => {
  const error = { errorCode: 1404, errorMessage: 'Unable to open input file.' }
  aws.scripts = [words('PROGRESSING 5', error), words('CANCELED'), words('COMPLETE')]
  await using mirror = await startMirror()
  const id = await upload(mirror, SMALL)
  await expect
    .poll(async () => (await current(id)).failure, PATIENT)
    .toEqual({
      ...{ step: 'mp4', code: 'mediaconvert_failed' },
      message: `Job ${FIRST}: Unable to open input file. (error 1404)`,
    })
  await expect.poll(status(id), PATIENT).toBe('ready')
  expect(new Set(aws.jobs.map(({ wish }) => wish.clientRequestToken)).size).toBe(3)
})

test('what AWS refuses is the failure of the step, and nothing is asked twice in one attempt', async () => {
  aws.refusal = { status: 403, type: 'ForbiddenException', message: 'User is not authorized to perform: iam:PassRole' }
  await using mirror = await startMirror()
  const id = await upload(mirror, SMALL)
  await expect
    .poll(async () => (await current(id)).failure, PATIENT)
    .toEqual({
      ...{ step: 'mp4', code: 'mediaconvert_refused' },
      message: 'MediaConvert: User is not authorized to perform: iam:PassRole',
    })
  expect(aws.requests).toHaveLength(1)
})

test('a file that is not what was asked for is not taken, and the next attempt is another job', async () => {
  aws.isSloppy = true
  await using mirror = await startMirror()
  const id = await upload(mirror, SMALL)
  await expect
    .poll(async () => (await current(id)).failure?.message, PATIENT)
    .toBe(`Job ${FIRST}: mp4-120p is 320×240, not 160×120`)
  expect(await catalog.assets.renditions('default', [id])).toEqual([])
  aws.isSloppy = false
  await expect.poll(status(id), PATIENT).toBe('ready')
  expect(aws.jobs).toHaveLength(2)
})

test('a job that takes longer than is allowed is cancelled', async () => {
  aws.scripts = [words('PROGRESSING 1'), words('COMPLETE')]
  await using mirror = await startMirror({ stepMs: 3000 })
  const id = await upload(mirror, SMALL)
  await expect
    .poll(async () => (await current(id)).failure, PATIENT)
    .toMatchObject({
      ...{ step: 'mp4', code: 'processing_timeout' },
      message: `MediaConvert job ${FIRST} was not done within 3 s (processing.maxTime)`,
    })
  expect(aws.cancelled).toEqual([FIRST])
})

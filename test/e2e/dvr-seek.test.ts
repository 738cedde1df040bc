// Going back in time in a real browser: from live into what lies in memory, in packs of the last minutes and an hour ago on
// an S3 server, and back to live. The hour is made in seconds from what the same stream has just recorded.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { openS3Store } from '../../src/storage/s3-store.ts'
import type { PlayerStats } from '../../web/src/player/player-state.ts'
import { launchChromium } from '../support/chromium.ts'
import { Encoder, pictureArgs } from '../support/encoder.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { createTestBucket } from '../support/s3-bucket.ts'
import { movementOf, watchMovement } from '../support/stand-still.ts'
import { putHistory, readSample, type SampleTrack } from '../support/synthetic-history.ts'
import { WatchPage } from '../support/watch-page.ts'

const STREAM = { tenantId: 'default', streamId: 'tape' }
const HISTORY_CELLS = 70 * 30
const PLAYED_SEC = 3
const STAND_STILL_MS_MAX = 2000
/** From the press to the moving picture, on a machine that encodes and decodes at the same time. */
const SEEK_MS_MAX = 8000

let mirror: MirrorProcess
let browser: Browser
const opened = new AsyncDisposableStack()

beforeAll(async () => {
  if (process.env['TEST_LONG'] === undefined) return
  const dataDir = await mkdtemp(join(tmpdir(), 'mirror-test-'))
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const settings = await createTestBucket('rgw')
  const { endpoint, region, bucket, credentials } = settings
  const env = {
    MIRROR_DVR_FLUSH: '3s',
    S3_ENDPOINT: endpoint ?? '',
    S3_REGION: region,
    S3_BUCKET: bucket,
    S3_ACCESS_KEY: credentials?.accessKey ?? '',
    S3_SECRET_KEY: credentials?.secretKey ?? '',
    S3_FORCE_PATH_STYLE: 'true',
  }
  mirror = opened.use(await MirrorProcess.start({ dataDir, env }))
  const dvr = { enabled: true, rewind: '4h', retention: '24h' }
  await mirror.api<StreamView>('POST', '/streams', { id: STREAM.streamId, dvr })
  const store = opened.use(openS3Store(settings, { randomId: randomUUID, nowMs: Date.now }))
  const signal = AbortSignal.timeout(100_000)
  const sample = await recordSample(async () => await readSample(store, STREAM, signal), signal)
  await mirror.stop()
  await Promise.all(sample.map((track) => putHistory(store, track, { count: HISTORY_CELLS, signal })))
  await mirror.start()
  opened.use(await encode())
  await mirror.waitForStatus(STREAM.streamId, 'live')
  browser = await launchChromium()
  opened.defer(() => browser.close())
})

afterAll(() => opened.disposeAsync())

async function encode(): Promise<Encoder> {
  const { ingest } = await mirror.stream(STREAM.streamId)
  const picture = pictureArgs({ seconds: 600, size: '256x144', rate: '25', gop: 50 })
  return new Encoder([
    ...picture,
    '-b:v',
    '80k',
    '-maxrate',
    '120k',
    '-bufsize',
    '120k',
    '-f',
    'flv',
    ingest?.rtmp ?? '',
  ])
}

async function recordSample(
  read: () => Promise<readonly SampleTrack[] | null>,
  signal: AbortSignal,
): Promise<readonly SampleTrack[]> {
  await using _encoder = await encode()
  while (true) {
    const sample = await read()
    if (sample !== null) return sample
    await delay(300, undefined, { signal })
  }
}

// Behind `npm run test:long` for its 80 s alone: the whole of CI is to stay below 40 minutes.
test.runIf(process.env['TEST_LONG'] !== undefined)(
  'from live back half a minute, five minutes and an hour, and to live again, without a stall',
  async () => {
    await using watch = await WatchPage.open(browser, `${mirror.mediaUrl}/watch/${STREAM.streamId}`)
    const { page } = watch
    const begun = await watch.waitFor(({ state, atLiveEdge }) => state === 'playing' && atLiveEdge, 30_000)
    const begunAtMs = Date.now()
    await watchMovement(page)
    const slider = page.getByRole('slider', { name: 'Recorded and live' })

    // An hour: somewhere on the bar.
    await playsAfter(watch, 3600, async () => {
      const box = await slider.boundingBox()
      const [minSec, maxSec] = [await slider.getAttribute('aria-valuemin'), await slider.getAttribute('aria-valuemax')]
      const reachSec = Number(maxSec) - Number(minSec)
      expect(reachSec).toBeGreaterThan(3700)
      if (box !== null) await page.mouse.click(box.x + box.width * (1 - 3600 / reachSec), box.y + box.height / 2)
    })
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/, (?:59 minutes|1 hour).* behind live$/)
    await playsAfter(watch, 0, async () => await page.getByRole('button', { name: /^Go live/ }).click())

    // Five minutes: five presses, each before the one before has been answered.
    await playsAfter(watch, 300, async () => {
      await slider.focus()
      for (let press = 0; press < 5; press++) await page.keyboard.press('Shift+ArrowLeft')
    })
    await playsAfter(watch, 0, async () => await page.keyboard.press('End'))

    // Half a minute: as soon as this viewer has been there for so long.
    await delay(Math.max(0, begunAtMs + 32_000 - Date.now()))
    await playsAfter(watch, 30, async () => await page.getByRole('button', { name: 'Back 30 seconds' }).click())
    await playsAfter(watch, 0, async () => await page.keyboard.press('l'))

    const { fatalErrors, reloads, mediaRecoveries, errors } = await watch.stats()
    expect({ fatalErrors, reloads, mediaRecoveries }, JSON.stringify(errors)).toEqual({
      fatalErrors: begun.fatalErrors,
      reloads: begun.reloads,
      mediaRecoveries: begun.mediaRecoveries,
    })
    expect(watch.pageErrors).toEqual([])
  },
)

/** After `press` the picture of that time comes soon, is not taken to live again, and moves on. */
async function playsAfter(watch: WatchPage, behindSec: number, press: () => Promise<void>): Promise<void> {
  const before = await watch.stats()
  const pressedAtMs = Date.now()
  await press()
  const isThere = ({ latencySec, atLiveEdge }: PlayerStats) =>
    behindSec === 0 ? atLiveEdge : latencySec !== null && Math.abs(latencySec - behindSec) < 15
  const begun = await watch.waitFor(
    (stats) => isThere(stats) && stats.state === 'playing' && stats.decodedFrames > before.decodedFrames + 12,
    20_000,
  )
  const playsAtMs = Date.now()
  const seen = await watch.observe(PLAYED_SEC)
  const what = `${behindSec} s back, playing after ${playsAtMs - pressedAtMs} ms`
  expect(playsAtMs - pressedAtMs, what).toBeLessThan(SEEK_MS_MAX)
  for (const stats of seen) expect(isThere(stats), `${what}; ${JSON.stringify(stats)}`).toBe(true)
  const last = seen.at(-1)
  expect(last?.decodedFrames, what).toBeGreaterThan(begun.decodedFrames + PLAYED_SEC * 12)
  const stood = (await movementOf(watch.page)).standStills.filter(
    ({ atMs, lastedMs }) =>
      atMs + lastedMs > playsAtMs && lastedMs - Math.max(0, playsAtMs - atMs) > STAND_STILL_MS_MAX,
  )
  expect(stood, what).toEqual([])
}

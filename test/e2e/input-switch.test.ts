// Real encoders that fall silent, die and change, before a player that never asks for another address.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { InputListView } from '../../src/api/input-contract.ts'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { renderReport } from '../../src/lint/report.ts'
import { watchPresentation } from '../../src/lint/watcher.ts'
import { launchChromium } from '../support/chromium.ts'
import { Encoder, type PictureOptions, pictureArgs } from '../support/encoder.ts'
import { FAST_DISK } from '../support/fast-disk.ts'
import { mediaPlaylist, multivariantPlaylist } from '../support/hls.ts'
import { BY_THE_CLOCK } from '../support/lint-rules.ts'
import { decodeErrors } from '../support/live-media.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { isSameListing, OriginRecord } from '../support/origin-record.ts'
import { Relay } from '../support/relay.ts'
import { RunningClock } from '../support/running-clock.ts'
import { movementOf, watchMovement } from '../support/stand-still.ts'
import { WatchPage } from '../support/watch-page.ts'

/**
 * A second of silence, a tick, the rest of the open cell (less than another second), and the way to a keyframe of a GOP of
 * half a second, less what the player had in its buffer: 2.3 s at most were seen. As much again for a busy machine.
 */
const STANDS_STILL_MS = 4500
const CELL_MS = 2000
const LINT_SEC = 12
const PICTURE: PictureOptions = { seconds: 600, size: '160x90', rate: '30', gop: 15 }

const suite = new AsyncDisposableStack()
let mirror: MirrorProcess
let browser: Browser

beforeAll(async () => {
  mirror = suite.use(await MirrorProcess.start())
  browser = await launchChromium()
  suite.defer(() => browser.close())
}, 60_000)

afterAll(() => suite.disposeAsync())

function outputTo(protocol: 'rtmp' | 'srt', { ingest }: StreamView): readonly string[] {
  return protocol === 'rtmp' ? ['-f', 'flv', ingest?.rtmp ?? ''] : ['-f', 'mpegts', ingest?.srt ?? '']
}

async function waitForRoles(id: string, roles: Readonly<Record<string, string>>, timeoutMs = 15_000): Promise<void> {
  const now = async () => {
    const { inputs } = await mirror.api<InputListView>('GET', `/streams/${id}/inputs`)
    return Object.fromEntries(inputs.map((input) => [input.id, `${input.role} ${input.health}`]))
  }
  await expect.poll(now, { timeout: timeoutMs }).toMatchObject(roles)
}

async function playing(stream: StreamView): Promise<WatchPage> {
  const watch = await WatchPage.open(browser, stream.playback.watch)
  await watch.waitFor(({ state, positionSec }) => state === 'playing' && positionSec > 3, 30_000)
  await watchMovement(watch.page)
  return watch
}

/** The player goes on by itself. */
async function expectPlaysOn(watch: WatchPage, widthPx: number): Promise<void> {
  const before = await watch.stats()
  const after = await watch.waitFor(
    (stats) =>
      stats.state === 'playing' && stats.widthPx === widthPx && stats.decodedFrames > before.decodedFrames + 90,
    25_000,
  )
  expect(after.fatalErrors, JSON.stringify(after.errors)).toBe(0)
  expect([after.reloads, watch.loads]).toEqual([0, 1])
}

/** What the whole machine stood still for, no player can make good. */
async function expectSoonPlaysOn(watch: WatchPage, widthPx: number, runningClock: RunningClock): Promise<void> {
  await expectPlaysOn(watch, widthPx)
  const stoodMs = runningClock.stoodMs(0)
  const movement = await movementOf(watch.page)
  const longestMs = Math.max(0, ...movement.standStills.map(({ lastedMs }) => lastedMs))
  const { errors } = await watch.stats()
  expect(longestMs, JSON.stringify({ movement, errors, stoodMs }, null, 1)).toBeLessThan(STANDS_STILL_MS + stoodMs)
}

test.each([
  ['rtmp', 'SIGSTOP', 'input_silent'],
  ['rtmp', 'SIGKILL', 'input_lost'],
  ['srt', 'SIGKILL', 'input_silent'],
] as const)(
  'a player plays on when the %s encoder on air gets %s',
  async (protocol, signal, code) => {
    await using opened = new AsyncDisposableStack()
    const id = `${protocol}-${signal.toLowerCase()}`
    const stream = await mirror.createStream(id, { onBusy: 'standby' })
    const primary = opened.use(new Encoder([...pictureArgs(PICTURE), ...outputTo(protocol, stream)]))
    await mirror.waitForStatus(id, 'live', 15_000)
    opened.use(new Encoder([...pictureArgs({ ...PICTURE, size: '192x108' }), ...outputTo(protocol, stream)]))
    await waitForRoles(id, { 'push-1': 'active healthy', 'push-2': 'standby healthy' })
    const watch = opened.use(await playing(stream))
    using runningClock = new RunningClock()
    const linting = watchPresentation({
      ...{ url: stream.playback.hls, seconds: LINT_SEC, media: 'sample', maxRenditions: 4 },
      ...{ fetch, now: Date.now, signal: AbortSignal.timeout(4000 * LINT_SEC) },
    })

    // Soon after a border of cells sound has begun the next one, and picture has not.
    await delay(CELL_MS - (Date.now() % CELL_MS) + 225)
    primary.child.kill(signal)
    const event = await mirror.waitForEvent(({ type, streamId }) => type === 'stream.input_switched' && streamId === id)
    expect(event).toMatchObject({ code, details: { from: 'push-1', to: 'push-2', seamless: false } })
    await expectSoonPlaysOn(watch, 192, runningClock)
    await waitForRoles(id, { 'push-2': 'active healthy' })

    if (signal === 'SIGSTOP') {
      primary.child.kill('SIGCONT')
      await waitForRoles(id, { 'push-1': 'standby healthy' })
      await mirror.api('POST', `/streams/${id}/inputs/push-1/activate`)
      await expectSoonPlaysOn(watch, 160, runningClock)
    }
    const report = await linting
    // No part came while the input was silent, and what was said of bit rates before knows nothing of the other's keyframes.
    const found = report.findings.filter(
      ({ rule, severity }) => severity === 'must' && !BY_THE_CLOCK.has(rule) && rule !== 'iframe-bandwidth',
    )
    expect(found, renderReport(report)).toEqual([])
  },
  90_000,
)

test('of two outputs of one encoder one ends, and every byte is that of an origin whose input went on', async () => {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(FAST_DISK, 'mirror-shared-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const config = join(folder, 'mirror.yml')
  await writeFile(config, `store: { path: ${join(folder, 'store')} }\n`)
  const [pair, lone] = [0, 1].map(() => MirrorProcess.start({ env: { MIRROR_CONFIG: config } }))
  const origins = [opened.use(await pair!), opened.use(await lone!)] as const
  const relay = opened.use(new Relay('ts', pictureArgs({ ...PICTURE, gop: 60, bFrames: true })))
  const streams = await Promise.all(origins.map((origin) => origin.createStream('studio', { onBusy: 'standby' })))
  const url = (index: number) => streams[index]?.ingest?.srt ?? ''
  const primary = await relay.connect(url(0))
  await relay.connect(url(1))
  for (const origin of origins) await origin.waitForStatus('studio', 'live', 20_000)
  await relay.connect(url(0))
  const records = streams.map(({ playback }) =>
    opened.use(new OriginRecord(() => playback.hls.replace('playlist.m3u8', 'v0/playlist.m3u8'))),
  )
  await expect
    .poll(async () => (await origins[0].stream('studio')).live.inputs.map(({ sameFeed }) => sameFeed), {
      timeout: 15_000,
    })
    .toEqual([null, true])
  await delay(3000)
  await primary.end()
  const event = await origins[0].waitForEvent(({ type }) => type === 'stream.input_switched')
  expect(event).toMatchObject({ details: { from: 'push-1', to: 'push-2', seamless: true } })
  // What both list of the time after the switch, too, and all of it with its bytes.
  const [switchMsn = 0] = records.map(({ msns }) => msns.at(-1) ?? 0)
  const newestOfBoth = () => Math.min(...records.map(({ msns }) => msns.at(-1) ?? 0))
  await expect.poll(newestOfBoth, { timeout: 30_000 }).toBeGreaterThan(switchMsn + 3)
  await Promise.all(records.map((record) => record.finish()))

  const [switched, reference] = records
  const common = (switched?.msns ?? []).filter((msn) => reference?.segments.has(msn))
  expect(common.length).toBeGreaterThan(4)
  expect(new Set([...(switched?.segments.values() ?? [])].map(({ dsn, isGap }) => `${dsn} ${isGap}`)).size).toBe(1)
  for (const msn of common) {
    const [mine, theirs] = [switched?.segments.get(msn), reference?.segments.get(msn)]
    if (mine === undefined || theirs === undefined) throw new Error('not common')
    expect(isSameListing(mine, theirs), `${JSON.stringify(mine)} ${JSON.stringify(theirs)}`).toBe(true)
    expect(switched?.hashes.get(mine.uri), mine.uri).toBe(reference?.hashes.get(theirs.uri))
  }
  // Whichever is noticed first: that it ended, or that nothing came.
  const { drops, switches } = (await origins[0].stream('studio')).live
  expect({ drops, switches: Object.values(switches) }).toEqual({ drops: {}, switches: [1] })
}, 120_000)

test('the same address plays on through a restart of the encoder, another resolution and another codec', async () => {
  await using opened = new AsyncDisposableStack()
  const stream = await mirror.createStream('changes')
  const publish = (change: Partial<PictureOptions>, protocol: 'rtmp' | 'srt' = 'rtmp') =>
    opened.use(new Encoder([...pictureArgs({ ...PICTURE, ...change }), ...outputTo(protocol, stream)]))
  let encoder = publish({})
  await mirror.waitForStatus('changes', 'live', 15_000)
  const watch = opened.use(await playing(stream))

  await encoder.stop()
  encoder = publish({})
  await expectPlaysOn(watch, 160)
  await encoder.stop()
  encoder = publish({ size: '320x180' })
  await expectPlaysOn(watch, 320)
  await encoder.stop()
  opened.use(publish({ codec: 'libx265' }, 'srt'))

  // Chromium here decodes no HEVC: ffmpeg judges what follows.
  const newCodec = async () => (await multivariantPlaylist(stream.playback.hls)).variants[0]?.codecs ?? ''
  await expect.poll(newCodec, { timeout: 20_000 }).toMatch(/^hvc1/)
  const video = () => mediaPlaylist(stream.playback.hls.replace('playlist.m3u8', 'v0/playlist.m3u8'))
  // ffmpeg, which takes no new codec in mid-play, begins three segments before the end.
  const sinceCut = async () => {
    const { segments } = await video()
    return segments.length - segments.findLastIndex(({ discontinuity }) => discontinuity)
  }
  await expect.poll(sinceCut, { timeout: 30_000 }).toBeGreaterThan(5)
  const { segments, discontinuitySequenceBase = 0 } = await video()
  expect(discontinuitySequenceBase + segments.filter(({ discontinuity }) => discontinuity).length).toBe(3)
  expect(new Set(segments.flatMap(({ map }) => map?.uri ?? [])).size).toBeGreaterThan(1)
  expect(await decodeErrors(stream.playback.hls, 4)).toBe('')
}, 120_000)

test('the console lists inputs with their health, puts another on air, and takes a slate', async () => {
  await using opened = new AsyncDisposableStack()
  const stream = await mirror.createStream('desk', { onBusy: 'standby' })
  opened.use(new Encoder([...pictureArgs(PICTURE), ...outputTo('rtmp', stream)]))
  await mirror.waitForStatus('desk', 'live', 15_000)
  opened.use(new Encoder([...pictureArgs(PICTURE), ...outputTo('srt', stream)]))
  await waitForRoles('desk', { 'push-1': 'active healthy', 'push-2': 'standby healthy' })

  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } })
  opened.defer(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  await page.goto(/\S+\/login-link\?token=\S+/.exec(mirror.output)?.[0] ?? '')
  await page.getByLabel('New password').waitFor()
  await page.goto(`${mirror.consoleUrl}/streams/desk?tab=settings`)
  const list = page.getByRole('list', { name: 'Inputs of this stream' })
  await list.getByText('RTMP encoder').waitFor()
  await list.getByText(/standing by · healthy/).waitFor()
  await list.getByRole('button', { name: 'Put on air' }).click()
  await waitForRoles('desk', { 'push-1': 'standby healthy', 'push-2': 'active healthy' })
  await list.getByText(/on air · healthy · chosen by hand/).waitFor()

  const picture = await page.screenshot({ type: 'png' })
  await page.getByLabel('Slate file').setInputFiles({ name: 'slate.png', mimeType: 'image/png', buffer: picture })
  await page.getByText(/^PNG, .*Ready\.$/).waitFor({ timeout: 30_000 })
  if (process.env['MIRROR_SHOTS'] !== undefined) {
    await page.screenshot({ path: join(process.env['MIRROR_SHOTS'], 'inputs.png'), fullPage: true })
  }
}, 90_000)

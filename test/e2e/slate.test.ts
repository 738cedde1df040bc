// A stream that is always on: its encoder dies, viewers see the slate, and then the encoder again.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { renderReport } from '../../src/lint/report.ts'
import { watchPresentation } from '../../src/lint/watcher.ts'
import { launchChromium } from '../support/chromium.ts'
import { Encoder, pictureArgs } from '../support/encoder.ts'
import { mediaPlaylist } from '../support/hls.ts'
import { BY_THE_CLOCK } from '../support/lint-rules.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { movementOf, watchMovement } from '../support/stand-still.ts'
import { WatchPage } from '../support/watch-page.ts'

const run = promisify(execFile)
const PICTURE = { seconds: 600, size: '320x180', rate: '30', gop: 30 }
/** Four seconds of silence before the slate; then hls.js comes back at its own pace, which on a busy machine took 3 s. */
const STANDS_STILL_MS = 10_000
/** From before the encoder dies until after it is back. */
const LINT_SEC = 30
/** When a person would have chosen this red, no encoder of ffmpeg's test picture would have. */
const SLATE_RED = { red: 200, other: 60 }

/** The colour in the middle of what the page shows. */
async function middleOf(watch: WatchPage): Promise<readonly number[]> {
  const script = `(() => {
    const video = document.querySelector('video')
    const canvas = document.createElement('canvas')
    canvas.width = 8; canvas.height = 8
    const context = canvas.getContext('2d')
    context.drawImage(video, 0, 0, 8, 8)
    return [...context.getImageData(4, 4, 1, 1).data].slice(0, 3)
  })()`
  return await watch.page.evaluate<number[]>(script)
}

test('viewers of a stream whose encoder dies see its slate, and the encoder again when it is back', async () => {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'mirror-slate-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'slate.png')
  await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'color=c=0xE01010:s=640x480', '-frames:v', '1', file])
  const mirror = opened.use(await MirrorProcess.start())
  const stream = await mirror.createStream('always')
  const uploaded = await mirror.upload<StreamView>('/streams/always/slate', await readFile(file))
  expect(uploaded).toMatchObject({ slate: { kind: 'png' }, live: { slate: null } })
  await expect(mirror.upload('/streams/always/slate', Buffer.from('#EXTM3U'))).rejects.toThrow(/400.*slate_unreadable/)

  const args = [...pictureArgs(PICTURE), '-f', 'flv', stream.ingest?.rtmp ?? '']
  const encoder = opened.use(new Encoder(args))
  await mirror.waitForStatus('always', 'live', 15_000)
  const slate = async () => (await mirror.stream('always')).live.slate?.state
  await expect.poll(slate, { timeout: 30_000 }).toBe('ready')
  const linting = watchPresentation({
    url: stream.playback.hls,
    seconds: LINT_SEC,
    media: 'sample',
    maxRenditions: 4,
    fetch,
    now: Date.now,
    signal: AbortSignal.timeout(4000 * LINT_SEC),
  })
  const browser = await launchChromium()
  opened.defer(() => browser.close())
  const watch = opened.use(await WatchPage.open(browser, stream.playback.watch))
  await watch.waitFor(({ state, positionSec }) => state === 'playing' && positionSec > 3, 30_000)
  await watchMovement(watch.page)

  await encoder.stop('SIGKILL')
  await expect.poll(slate, { timeout: 15_000 }).toBe('on_air')
  const isRed = async () => {
    const [red = 0, green = 0, blue = 0] = await middleOf(watch)
    return red > SLATE_RED.red && green < SLATE_RED.other && blue < SLATE_RED.other
  }
  await expect.poll(isRed, { timeout: 20_000 }).toBe(true)
  const shown = await watch.stats()
  // It runs: the picture stands, the frames go on, and the player keeps its distance to the live edge.
  const later = await watch.waitFor(({ decodedFrames }) => decodedFrames - shown.decodedFrames > 240, 30_000)
  expect(later.latencySec ?? 99).toBeLessThan(8)
  const video = await mediaPlaylist(stream.playback.hls.replace('playlist.m3u8', 'v0/playlist.m3u8'))
  const audio = await mediaPlaylist(stream.playback.hls.replace('playlist.m3u8', 'a0/playlist.m3u8'))
  const cuts = ({ segments }: typeof video) =>
    segments.filter(({ discontinuity }) => discontinuity).map(({ mediaSequenceNumber }) => mediaSequenceNumber)
  expect(cuts(video)).toEqual(cuts(audio))
  // Where the encoder died between the borders of its tracks' cells, one of them lacks the rest of a cell; no more.
  const gaps = [...video.segments, ...audio.segments].filter((segment) => 'gap' in segment && segment.gap)
  expect(gaps.length).toBeLessThanOrEqual(1)
  expect(gaps.every(({ discontinuitySequence }) => discontinuitySequence === 0)).toBe(true)
  if (process.env['MIRROR_SHOTS'] !== undefined) {
    await watch.page.screenshot({ path: join(process.env['MIRROR_SHOTS'], 'slate.png') })
  }

  opened.use(new Encoder(args))
  await mirror.waitForStatus('always', 'live', 15_000)
  await expect.poll(isRed, { timeout: 20_000 }).toBe(false)
  await delay(4000)
  const after = await watch.stats()
  expect(after.fatalErrors, JSON.stringify(after.errors)).toBe(0)
  expect([after.reloads, watch.loads]).toEqual([0, 1])
  const { standStills } = await movementOf(watch.page)
  expect(Math.max(0, ...standStills.map(({ lastedMs }) => lastedMs))).toBeLessThan(STANDS_STILL_MS)
  const report = await linting
  // No part came in the four seconds of silence, nor from the encoder before its first keyframe, so nothing is judged by
  // the clock; and what was said of bit rates before the slate came knows nothing of its keyframes. All else is kept.
  const found = report.findings.filter(({ rule }) => !BY_THE_CLOCK.has(rule) && rule !== 'iframe-bandwidth')
  expect(found, renderReport(report)).toEqual([])

  await mirror.api('DELETE', '/streams/always/slate')
  expect(await mirror.stream('always')).toMatchObject({ slate: null })
}, 150_000)

// Missing media in front of real players: a part of a segment, then whole cells, whose parts are GAP=YES.
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { pictureArgs } from '../support/encoder.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { Relay } from '../support/relay.ts'
import { ShakaPage } from '../support/shaka-page.ts'
import { WatchPage } from '../support/watch-page.ts'

const LOSS_MS = 900
const SILENCE_MS = 9000
/** The next keyframe after the loss, and what a player needs to notice; on a machine that is short of breath longer. */
const RESUME_MS = 30_000

test('hls.js and Shaka play over a hole within a segment and over gap cells, without an error that ends playback', async () => {
  await using opened = new AsyncDisposableStack()
  const mirror = opened.use(await MirrorProcess.start())
  const { ingest, playback } = await mirror.createStream('holes')
  const picture = { seconds: 600, size: '320x180', rate: '30', gop: 60, bFrames: true } as const
  const relay = opened.use(new Relay('flv', pictureArgs(picture)))
  await relay.connect(ingest?.rtmp ?? '')
  await mirror.waitForStatus('holes', 'live')
  const playlist = playback.hls.replace('playlist.m3u8', 'v0/playlist.m3u8')
  const fetchText = async () => await (await fetch(playlist)).text()

  const browser = await launchChromium()
  opened.defer(() => browser.close())
  await using hls = await WatchPage.open(browser, playback.watch)
  await expect
    .poll(async () => (await fetchText()).match(/#EXTINF/g)?.length ?? 0, { timeout: 20_000 })
    .toBeGreaterThan(4)
  await using shaka = await ShakaPage.open(browser, playback.hls)
  // Shaka 5.2 gives up for good at a gap that is the newest segment (SEGMENT_MISSING), unless the page tells it to go on.
  await shaka.page.evaluate(
    'window.__shaka.player.configure("streaming.failureCallback", () => window.__shaka.player.retryStreaming(0.5))',
  )
  await hls.waitFor(({ state, positionSec }) => state === 'playing' && positionSec > 3, 20_000)
  await shaka.waitFor(({ decodedFrames }) => decodedFrames > 60, 20_000)

  for (const [missingMs, listed] of [
    [LOSS_MS, /EXTINF/],
    [SILENCE_MS, /#EXT-X-PART:.*GAP=YES/],
  ] as const) {
    const resume = relay.loseMedia()
    await delay(missingMs)
    resume()
    await expect.poll(fetchText, { timeout: 15_000 }).toMatch(listed)
    const before = await hls.stats()
    const shakaBefore = await shaka.stats()
    await hls.waitFor((now) => now.state === 'playing' && now.decodedFrames > before.decodedFrames + 90, RESUME_MS)
    await shaka.waitFor((now) => now.decodedFrames > shakaBefore.decodedFrames + 90, RESUME_MS)
  }
  const after = await hls.stats()
  expect(after.fatalErrors).toBe(0)
  expect(after.reloads).toBe(0)
  expect(hls.pageErrors).toEqual([])
  // A hinted part that never came is 404 (1001), a gap as the newest segment is SEGMENT_MISSING (1011): it goes on after both.
  expect((await shaka.stats()).errors.filter(({ code }) => code !== 1001 && code !== 1011)).toEqual([])
})

// Two origins of one stream behind a proxy that changes its mind: the player goes on without an error. It may stall for a
// moment when the other origin is a part behind, so what is bounded is the time that it stands still.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { PlayerStats } from '../../web/src/player/player-state.ts'
import { launchChromium } from '../support/chromium.ts'
import { pictureArgs } from '../support/encoder.ts'
import { FlipProxy } from '../support/flip-proxy.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { Relay } from '../support/relay.ts'
import { WatchPage } from '../support/watch-page.ts'

const FLIPS = 6
const FLIP_SEC = 10
/** Share of the time that the player may stand still. */
const STALLED_MAX_SHARE = 0.2
const FRAMES_PER_SEC = 30

test('hls.js plays on while a proxy turns from one origin to the other every ten seconds', async () => {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'mirror-shared-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const config = join(folder, 'mirror.yml')
  await writeFile(config, `store: { path: ${join(folder, 'store')} }\n`)
  const start = () => MirrorProcess.start({ env: { MIRROR_CONFIG: config } })
  const origins = [opened.use(await start()), opened.use(await start())] as const
  const picture = { seconds: 600, size: '320x180', rate: '30', gop: 60, bFrames: true } as const
  const relay = opened.use(new Relay('ts', pictureArgs(picture)))
  for (const origin of origins) {
    const { ingest } = await origin.createStream('studio')
    await relay.connect(ingest?.srt ?? '')
  }
  for (const origin of origins) await origin.waitForStatus('studio', 'live')

  const proxy = opened.use(await FlipProxy.start(origins[0].mediaUrl))
  const browser = await launchChromium()
  opened.defer(() => browser.close())
  await using watch = await WatchPage.open(browser, `${proxy.url}/watch/studio`)
  const before = await watch.waitFor(({ state, positionSec }) => state === 'playing' && positionSec > 4, 20_000)
  proxy.answered.clear()

  const seen: PlayerStats[] = [before]
  const flippedAtMs: number[] = []
  for (let flip = 0; flip < FLIPS; flip++) {
    proxy.turnTo(origins[(flip + 1) % 2 === 0 ? 0 : 1].mediaUrl)
    flippedAtMs.push(Date.now())
    seen.push(...(await watch.observe(FLIP_SEC)))
  }

  const after = seen.at(-1) ?? before
  const told = JSON.stringify({ errors: after.errors, failures: proxy.failures, flippedAtMs }, null, 1)
  expect(after.fatalErrors, told).toBe(0)
  expect(after.errors.filter(({ details }) => /parsing/i.test(details))).toEqual([])
  expect(after.reloads).toBe(0)
  expect(after.mediaRecoveries).toBe(0)
  const watchedSec = FLIPS * FLIP_SEC
  expect((after.stalledMs - before.stalledMs) / 1000, told).toBeLessThan(watchedSec * STALLED_MAX_SHARE)
  expect(after.decodedFrames - before.decodedFrames).toBeGreaterThan(
    watchedSec * FRAMES_PER_SEC * (1 - STALLED_MAX_SHARE),
  )
  expect(proxy.failures).toEqual([])
  expect(watch.pageErrors).toEqual([])
  // Both did serve: it was no proxy to one origin.
  for (const { mediaUrl } of origins) expect(proxy.answered.get(mediaUrl)).toBeGreaterThan(50)
})

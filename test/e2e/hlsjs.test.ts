import { setTimeout as delay } from 'node:timers/promises'
import { parse } from 'hls-parser'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PlayerStats } from '../../web/src/player/player-state.ts'
import { launchChromium } from '../support/chromium.ts'
import { Encoder, pictureArgs } from '../support/encoder.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { RunningClock } from '../support/running-clock.ts'
import { WatchPage } from '../support/watch-page.ts'

const MAX_LATENCY_SEC = 2
/** hls.js adds a second to its target for every stall, and an outage is one or more. */
const MAX_LATENCY_AFTER_OUTAGE_SEC = 5
const OUTAGE_MS = 40_000
const FRAMES_PER_SEC = 30
/** A stand-still of the whole machine that a player may notice; hls.js keeps a second more from the live edge after it. */
const STALL_MIN_MS = 300
const AFTER_STALL_SEC = 1

let mirror: MirrorProcess
let browser: Browser
let runningClock: RunningClock
const opened = new AsyncDisposableStack()

beforeAll(async () => {
  runningClock = opened.use(new RunningClock())
  mirror = opened.use(await MirrorProcess.start())
  browser = await launchChromium()
  opened.defer(() => browser.close())
})

afterAll(() => opened.disposeAsync())

test('an RTMP stream plays for a minute, rides out 40 s without its encoder, and the test source plays beside it', async () => {
  const { ingest, playback } = await mirror.createStream('studio')
  const encode = () =>
    new Encoder([
      ...pictureArgs({ seconds: 600, size: '640x360', rate: '30', gop: 60, bFrames: true }),
      ...['-f', 'flv', ingest?.rtmp ?? ''],
    ])
  const encoder = encode()
  opened.use(encoder)
  await mirror.waitForStatus('studio', 'live')
  await using studio = await WatchPage.open(browser, playback.watch)
  await studio.waitFor(({ state }) => state === 'playing', 30_000)
  await expectFlawless(studio, 60)

  await encoder.stop('SIGKILL')
  const outage = new Promise<void>((resolve) => setTimeout(resolve, OUTAGE_MS))
  const before = await studio.stats()

  const demo = await mirror.createStream('demo')
  await mirror.api('POST', '/streams/demo/test-source')
  await mirror.waitForStatus('demo', 'live')
  {
    await using tester = await WatchPage.open(browser, demo.playback.watch)
    await tester.waitFor(({ state }) => state === 'playing', 30_000)
    await Promise.all([expectFlawless(tester, 45), outage.then(() => opened.use(encode()))])
    expect(tester.pageErrors).toEqual([])
  }
  await mirror.api('DELETE', '/streams/demo/test-source')

  // It may have been live again for less than that when the other one is through.
  const leastFrames = before.decodedFrames + 5 * FRAMES_PER_SEC
  const after = await studio.waitFor((stats) => isLive(stats) && stats.decodedFrames > leastFrames, 30_000)
  expect(after.fatalErrors).toBe(0)
  expect(after.reloads).toBe(0)
  expect(studio.loads).toBe(1)
  expect(studio.pageErrors).toEqual([])
  const startMs = performance.now()
  const again = await studio.observe(10)
  const { stalls, stoodSec } = stoodSince(startMs)
  expect((again.at(-1)?.stalls ?? 0) - after.stalls).toBeLessThanOrEqual(stalls)
  const latencyMaxSec = MAX_LATENCY_AFTER_OUTAGE_SEC + stoodSec + stalls * AFTER_STALL_SEC
  expect(Math.max(...again.map(latencyOf))).toBeLessThan(latencyMaxSec)
})

describe('blocking reload', () => {
  let playlistUrl = ''

  beforeAll(async () => {
    const { playback } = await mirror.createStream('reload')
    await mirror.api('POST', '/streams/reload/test-source')
    await mirror.waitForStatus('reload', 'live')
    playlistUrl = playback.hls.replace('playlist.m3u8', 'v0/playlist.m3u8')
    while ((await look()).complete < 2) await delay(100)
  })

  const look = async (query = '') => {
    const response = await fetch(playlistUrl + query)
    if (!response.ok) throw new Error(`${query} → ${response.status}`)
    const playlist = parse(await response.text())
    if (playlist.isMasterPlaylist) throw new Error('not a media playlist')
    const open = playlist.segments.at(-1)
    const parts = playlist.segments.flatMap((segment) => segment.parts)
    return {
      complete: playlist.segments.filter(({ uri }) => uri).length,
      openMsn: open?.mediaSequenceNumber ?? 0,
      openParts: open?.parts.filter(({ hint }) => !hint).length ?? 0,
      hint: parts.find(({ hint }) => hint)?.uri ?? '',
      parts: parts.filter(({ hint }) => !hint).map(({ uri }) => uri),
      cacheControl: response.headers.get('cache-control'),
    }
  }

  test('a request for the next part is held until it is there and answered with it', async () => {
    for (let turn = 0; turn < 15; turn++) {
      const before = await look()
      const after = await look(`?_HLS_msn=${before.openMsn}&_HLS_part=${before.openParts}`)
      const hasPart = after.openMsn > before.openMsn || after.openParts > before.openParts
      expect({ hasPart, parts: after.parts.includes(before.hint) }).toEqual({ hasPart: true, parts: true })
    }
  })

  test('a request for the next segment is held until that segment is complete', async () => {
    const before = await look()
    const startedAtMs = performance.now()
    const after = await look(`?_HLS_msn=${before.openMsn}`)
    expect(after.openMsn).toBeGreaterThan(before.openMsn)
    expect(runningClock.runMs(startedAtMs)).toBeLessThan(2500)
  })

  test('what is too far ahead, or means nothing, is refused at once; what is long past is answered in full', async () => {
    const statusOf = async (query: string) => (await fetch(playlistUrl + query)).status
    /** While the segment that was open stays so: later the same request means something else. */
    const statusWhileOpen = async (queryOf: (openMsn: number) => string): Promise<number> => {
      while (true) {
        const { openMsn } = await look()
        const status = await statusOf(queryOf(openMsn))
        if ((await look()).openMsn === openMsn) return status
      }
    }
    expect(await statusWhileOpen((openMsn) => `?_HLS_msn=${openMsn + 3}`)).toBe(400)
    expect(await statusWhileOpen((openMsn) => `?_HLS_msn=${openMsn}&_HLS_part=60`)).toBe(400)
    const { openMsn } = await look()
    expect(await statusOf(`?_HLS_msn=${openMsn + 100}&_HLS_part=0`)).toBe(400)
    expect(await statusOf('?_HLS_part=1')).toBe(400)
    expect(await statusOf('?_HLS_msn=next')).toBe(400)
    expect(await statusOf(`?_HLS_msn=${openMsn - 100_000}&_HLS_part=3`)).toBe(200)
  })

  test('every hinted part is held, comes whole, and becomes the part that the playlist lists', async () => {
    const hinted: string[] = []
    const listed = new Set<string>()
    for (let turn = 0; turn < 30; turn++) {
      const { hint, openMsn, openParts } = await look()
      hinted.push(hint)
      const [part, after] = await Promise.all([
        fetch(new URL(hint, playlistUrl)).then(async (response) => ({
          status: response.status,
          announced: Number(response.headers.get('content-length')),
          bytes: (await response.arrayBuffer()).byteLength,
        })),
        look(`?_HLS_msn=${openMsn}&_HLS_part=${openParts}`),
      ])
      expect(part).toEqual({ status: 200, announced: part.bytes, bytes: part.bytes })
      expect(part.bytes).toBeGreaterThan(0)
      for (const uri of after.parts) listed.add(uri)
    }
    expect(hinted.filter((uri) => !listed.has(uri))).toEqual([])
    expect(new Set(hinted).size).toBe(hinted.length)
  })

  test('a part that was never hinted does not exist', async () => {
    const { hint } = await look()
    const [name = '', ticks = ''] = /^(p0-)(\d+)/.exec(hint)?.slice(1) ?? []
    expect((await fetch(new URL(`${name}${Number(ticks) + 1}.m4s`, playlistUrl))).status).toBe(404)
  })
})

function isLive(stats: PlayerStats): boolean {
  return stats.state === 'playing' && stats.atLiveEdge && latencyOf(stats) < MAX_LATENCY_AFTER_OUTAGE_SEC
}

function latencyOf({ latencySec }: PlayerStats): number {
  return latencySec ?? Number.POSITIVE_INFINITY
}

/** What the whole machine stood still for, no player can make good. */
function stoodSince(startMs: number): { readonly stalls: number; readonly stoodSec: number } {
  return { stalls: runningClock.countOver(STALL_MIN_MS, startMs), stoodSec: runningClock.stoodMs(startMs) / 1000 }
}

async function expectFlawless(watch: WatchPage, seconds: number): Promise<void> {
  const startMs = performance.now()
  const seen = await watch.observe(seconds)
  const { stalls, stoodSec } = stoodSince(startMs)
  const first = seen[0]!
  const last = seen.at(-1)!
  const told = JSON.stringify({ stalls, stoodSec, last }, null, 1)
  // Before the first frame, on a machine that is short of breath, hls.js may nudge the start; from then on nothing.
  // What a stand-still does to the buffer, and what hls.js then gives up and our player jumps over, the bounds below judge.
  const isOfStall = (details: string) => stalls > 0 && /^(buffer|holeJumped$|aborted$)/.test(details)
  const errors = last.errors.slice(first.errors.length).filter(({ details }) => !isOfStall(details))
  expect(errors, told).toEqual([])
  expect(
    last.errors.filter(({ details }) => /pars/i.test(details)),
    told,
  ).toEqual([])
  expect(last.fatalErrors, told).toBe(0)
  expect(last.stalls, told).toBeLessThanOrEqual(stalls)
  const latencyMaxSec = MAX_LATENCY_SEC + stoodSec + stalls * AFTER_STALL_SEC
  expect(Math.max(...seen.map(latencyOf)), told).toBeLessThan(latencyMaxSec)
  expect(last.mediaRecoveries + last.reloads, told).toBe(0)
  const leastSec = seen.length - 2 - stoodSec - stalls * AFTER_STALL_SEC
  expect(last.decodedFrames - first.decodedFrames, told).toBeGreaterThan(leastSec * FRAMES_PER_SEC)
  expect(last.positionSec - first.positionSec, told).toBeGreaterThan(leastSec)
}

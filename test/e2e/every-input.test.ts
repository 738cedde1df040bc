// Every way in at the same time, watched by hls-lint and by judges that are not Mirror's own code.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LintReport } from '../../src/lint/report.ts'
import { renderReport } from '../../src/lint/report.ts'
import { watchPresentation } from '../../src/lint/watcher.ts'
import { notRun } from '../not-run.ts'
import { launchChromium } from '../support/chromium.ts'
import { INPUT_NAMES, type OpenInput, openEveryInput, prepareEveryInput } from '../support/every-input.ts'
import { gstreamerMissing, playWithGstreamer } from '../support/gstreamer-player.ts'
import { runLintCommand } from '../support/lint-command.ts'
import { BY_THE_CLOCK } from '../support/lint-rules.ts'
import { decodeErrors, decodeErrorsFromKeyframe } from '../support/live-media.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { readWithMp4box } from '../support/mp4box-reader.ts'
import { PlaylistJudge } from '../support/playlist-judge.ts'
import { RunningClock } from '../support/running-clock.ts'
import { ShakaPage } from '../support/shaka-page.ts'
import { movementOf, watchMovement } from '../support/stand-still.ts'

const isLong = process.env['TEST_LONG'] === '1'
const LINT_SEC = isLong ? 600 : 60
const PLAY_SEC = 20
const GSTREAMER_SEC = 12
const SHAKA_SEC = 60
/** Beyond the judges: until everything is live, and what a busy machine takes longer. */
const SPARE_SEC = 120
const PUBLISH_SEC = LINT_SEC + PLAY_SEC + 2 * GSTREAMER_SEC + SHAKA_SEC + SPARE_SEC
const FRAMES_PER_SEC = 30

/** What an encoder or a source does that Mirror can only pass on. */
const OF_THE_SOURCE: Readonly<Record<string, readonly string[]>> = {
  // No keyframe for eight seconds: there are segments without one, and Mirror advises the same.
  'rtmp-rare-keyframes': ['segment-keyframe'],
}

/** A few may be late, and nothing else may be found. */
const LATE_MAX_SHARE = 0.05
/** Shaka holds three parts and a bit; without parts it would be three segments. */
const SHAKA_LATENCY_MAX_SEC = 4
/** A stand-still of the machine that a player may notice. */
const STALL_MIN_MS = 300
/** A machine that is short of breath makes any player stand for a moment. */
const STANDING_MAX_SHARE = 0.05

const opened = new AsyncDisposableStack()
let mirror: MirrorProcess
let inputs: readonly OpenInput[] = []

beforeAll(
  async () => {
    await prepareEveryInput(PUBLISH_SEC)
    mirror = opened.use(await MirrorProcess.start())
    inputs = await openEveryInput({ mirror, opened, seconds: PUBLISH_SEC })
  },
  300_000 + 2000 * LINT_SEC,
)

afterAll(() => opened.disposeAsync())

test(
  'hls-lint finds nothing in what Mirror serves, whichever way media comes in',
  async () => {
    // One as a user runs it; the others in this process: a dozen processes that start at once are a load of their own.
    const [first, ...others] = inputs
    const [command, ...watched] = await Promise.all([
      runLintCommand(first?.playback.hls ?? '', LINT_SEC),
      ...others.map(({ playback }) => watch(playback.hls)),
    ])
    const reports = [command.report, ...watched]
    expect(command.exitCode).toBe(command.report.counts.must > 0 ? 1 : 0)
    const text = reports.map((report, at) => `${inputs[at]?.name}\n${renderReport(report)}`).join('\n')
    const found = inputs.map(({ name }, at) => {
      const rules = new Set(reports[at]?.findings.map(({ rule }) => rule))
      return [name, [...rules].filter((rule) => !BY_THE_CLOCK.has(rule) && !OF_THE_SOURCE[name]?.includes(rule))]
    })
    expect(Object.fromEntries(found), text).toEqual(Object.fromEntries(INPUT_NAMES.map((name) => [name, []])))
    for (const report of reports) {
      expect(lateShare(report), text).toBeLessThan(LATE_MAX_SHARE)
      // It did look: held reloads and parts of both renditions, and media of some.
      const whole = report.renditions.filter(({ name }) => /^[av]0\/playlist\.m3u8$/.test(name))
      expect(whole, text).toHaveLength(2)
      for (const { held, parts, mediaFetched } of whole) {
        expect(Math.min(held, parts, mediaFetched), text).toBeGreaterThan(LINT_SEC)
      }
    }
  },
  2 * LINT_SEC * 1000,
)

test(
  'GStreamer plays every input at its pace and throws no picture away',
  async () => {
    const missing = gstreamerMissing()
    if (missing !== null) return notRun('playing with GStreamer', missing)
    // Decoders enough for two cores at a time.
    using runningClock = new RunningClock()
    const play = async ({ playback }: OpenInput) => {
      const startMs = performance.now()
      const played = await playWithGstreamer(playback.hls, GSTREAMER_SEC)
      return { ...played, stoodSec: runningClock.stoodMs(startMs) / 1000 }
    }
    const half = Math.ceil(inputs.length / 2)
    const plays = [
      ...(await Promise.all(inputs.slice(0, half).map(play))),
      ...(await Promise.all(inputs.slice(half).map(play))),
    ]
    const told = JSON.stringify(Object.fromEntries(plays.map((play, at) => [inputs[at]?.name, play])), null, 1)
    for (const { rendered, dropped, seconds, heardSec, problems, stoodSec } of plays) {
      expect(problems, told).toEqual([])
      expect(heardSec, told).toBeGreaterThan(0.9 * GSTREAMER_SEC - stoodSec)
      expect(seconds, told).toBeGreaterThan(0.9 * GSTREAMER_SEC - stoodSec)
      // What the machine stood still for is missing, or was made good while the pictures were counted.
      expect(rendered, told).toBeGreaterThan(0.95 * FRAMES_PER_SEC * (seconds - stoodSec))
      expect(rendered, told).toBeLessThan(1.05 * FRAMES_PER_SEC * (seconds + stoodSec))
      expect(dropped / rendered, told).toBeLessThan(LATE_MAX_SHARE)
    }
  },
  4 * GSTREAMER_SEC * 1000 + 60_000,
)

test(
  'ffmpeg decodes, hls-parser and m3u8-parser read every playlist, mp4box every part and segment',
  async () => {
    await Promise.all(inputs.map(expectReadable))
  },
  3 * PLAY_SEC * 1000 + 60_000,
)

async function expectReadable({ name, playback }: OpenInput): Promise<void> {
  const judge = new PlaylistJudge(playback.hls)
  const over = new AbortController()
  const judging = judge.watch(over.signal)
  // Where some segments have no keyframe, a player that begins with one of those has to wait for the next.
  const decode = OF_THE_SOURCE[name]?.includes('segment-keyframe') ? decodeErrorsFromKeyframe : decodeErrors
  expect(await decode(playback.hls, PLAY_SEC), name).toBe('')
  over.abort()
  await judging
  expect(judge.problems, `${name}\n${judge.evidence}`).toEqual([])
  expect([...judge.tracks.keys()].toSorted(), name).toEqual(['a0', 'v0'])
  for (const [trackId, { url, segments }] of judge.tracks) {
    expect(segments.size, `${name} ${trackId}`).toBeGreaterThan(PLAY_SEC / 2 - 3)
    const read = await readWithMp4box(url)
    expect(read.problems, `${name} ${trackId}`).toEqual([])
    expect(read.segments, `${name} ${trackId}`).toBeGreaterThan(1)
    expect(read.samples, `${name} ${trackId}`).toBeGreaterThan(FRAMES_PER_SEC)
    expect(read.codec).toMatch(trackId === 'v0' ? /^(avc1|hvc1)\./ : /^mp4a\.40\.2$/)
  }
}

test(
  'Shaka Player plays for a minute with low latency, without an error, and keeps going',
  async () => {
    const browser = opened.adopt(await launchChromium(), (one) => one.close())
    const url = inputs.find(({ name }) => name === 'rtmp')?.playback.hls ?? ''
    await using shaka = await ShakaPage.open(browser, url, { streaming: { lowLatencyMode: true } })
    // It finds its place in the first seconds.
    const before = await shaka.waitFor(({ decodedFrames }) => decodedFrames > 5 * FRAMES_PER_SEC, 30_000)
    using runningClock = new RunningClock()
    const startMs = performance.now()
    await watchMovement(shaka.page)
    const seen = await shaka.observe(SHAKA_SEC)
    // What the whole machine stood still for, no player can make good.
    const stoodSec = runningClock.stoodMs(startMs) / 1000
    const stalls = runningClock.countOver(STALL_MIN_MS, startMs)
    const after = seen.at(-1) ?? before
    const movement = await movementOf(shaka.page)
    const told = JSON.stringify({ before, after, movement, stoodSec, stalls }, null, 1)
    expect(after.errors, told).toEqual([])
    const stoodMs = movement.standStills.reduce((sum, { lastedMs }) => sum + lastedMs, 0)
    expect(stoodMs, told).toBeLessThan(STANDING_MAX_SHARE * 1000 * SHAKA_SEC)
    expect(after.stallsDetected - before.stallsDetected, told).toBeLessThanOrEqual(stalls)
    expect(after.gapsJumped - before.gapsJumped, told).toBe(0)
    const runSec = SHAKA_SEC - stoodSec
    expect(after.decodedFrames - before.decodedFrames, told).toBeGreaterThan(0.9 * FRAMES_PER_SEC * runSec)
    expect(after.positionSec - before.positionSec, told).toBeGreaterThan(0.95 * runSec)
    expect(after.widthPx).toBe(320)
    expect(Math.max(...seen.map(({ latencySec }) => latencySec ?? Number.POSITIVE_INFINITY)), told).toBeLessThan(
      SHAKA_LATENCY_MAX_SEC + stoodSec,
    )
    expect(shaka.pageErrors).toEqual([])
  },
  SHAKA_SEC * 1000 + 60_000,
)

async function watch(url: string): Promise<LintReport> {
  const signal = AbortSignal.timeout(2000 * LINT_SEC)
  const options = { url, seconds: LINT_SEC, media: 'sample', maxRenditions: 8, fetch, now: Date.now, signal } as const
  return await watchPresentation(options)
}

/** Findings by the clock per part that was seen. */
function lateShare({ findings, renditions }: LintReport): number {
  const late = findings.filter(({ rule }) => BY_THE_CLOCK.has(rule)).length
  return late / renditions.reduce((sum, { parts }) => sum + parts, 0)
}

import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Encoder } from '../support/encoder.ts'
import { decodeErrors, play, playedSpan } from '../support/live-media.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { PlaylistJudge } from '../support/playlist-judge.ts'

const SECONDS = 20
const TICK_SEC = 0.000_02
const SEGMENT_SEC = 2

interface Setting {
  readonly name: string
  /** `ffmpeg -r`; null: no picture. */
  readonly rate: string | null
  readonly frameSec: number | null
  /** `-g` and what belongs to it; empty: what x264 does by itself, 250 frames. */
  readonly gop: readonly string[]
  readonly audioRate: number | null
  /** RTMP, of which the clock counts milliseconds, or SRT. */
  readonly protocol: 'rtmp' | 'srt'
}

const gopOf = (frames: number) => ['-g', String(frames), '-keyint_min', String(frames), '-sc_threshold', '0']

const SETTINGS: readonly Setting[] = [
  { name: 'long-gop', rate: '30', frameSec: 1 / 30, gop: [], audioRate: 48_000, protocol: 'rtmp' },
  { name: 'long-gop-srt', rate: '30', frameSec: 1 / 30, gop: [], audioRate: 48_000, protocol: 'srt' },
  {
    name: 'fps-29-97',
    rate: '30000/1001',
    frameSec: 1001 / 30_000,
    gop: gopOf(60),
    audioRate: 48_000,
    protocol: 'rtmp',
  },
  { name: 'fps-29-97-long', rate: '30000/1001', frameSec: 1001 / 30_000, gop: [], audioRate: 48_000, protocol: 'srt' },
  { name: 'fps-60', rate: '60', frameSec: 1 / 60, gop: gopOf(120), audioRate: 48_000, protocol: 'rtmp' },
  {
    name: 'fps-23-976',
    rate: '24000/1001',
    frameSec: 1001 / 24_000,
    gop: gopOf(48),
    audioRate: 48_000,
    protocol: 'srt',
  },
  { name: 'audio-44-1', rate: '30', frameSec: 1 / 30, gop: gopOf(60), audioRate: 44_100, protocol: 'rtmp' },
  { name: 'audio-only', rate: null, frameSec: null, gop: [], audioRate: 48_000, protocol: 'rtmp' },
  { name: 'video-only', rate: '30', frameSec: 1 / 30, gop: gopOf(60), audioRate: null, protocol: 'rtmp' },
]

let mirror: MirrorProcess
const opened = new AsyncDisposableStack()

beforeAll(async () => {
  mirror = opened.use(await MirrorProcess.start())
})

afterAll(() => opened.disposeAsync())

test.concurrent.each(SETTINGS)('$name plays, and the judges find nothing wrong', async (setting) => {
  const { name, rate, frameSec, audioRate, protocol } = setting
  const { ingest, playback } = await mirror.createStream(name)
  const output = protocol === 'rtmp' ? ['-f', 'flv', ingest?.rtmp ?? ''] : ['-f', 'mpegts', ingest?.srt ?? '']
  await using _encoder = new Encoder([...encoderArgs(setting), ...output])
  await mirror.waitForStatus(name, 'live', 15_000)

  const judge = new PlaylistJudge(playback.hls)
  const over = new AbortController()
  const judging = judge.watch(over.signal)
  const [errors, streams] = await Promise.all([decodeErrors(playback.hls, SECONDS), play(playback.hls, SECONDS)])
  // A long GOP ends a segment without a keyframe: long enough for several of them.
  await delay(1000)
  over.abort()
  await judging

  expect(errors).toBe('')
  expect(streams.map(({ kind }) => kind).toSorted()).toEqual([
    ...(audioRate === null ? [] : ['audio']),
    ...(rate === null ? [] : ['video']),
  ])
  for (const stream of streams) {
    const { kind, shortestSec, longestSec, sampleRateHz } = stream
    const nominalSec = kind === 'video' ? frameSec! : 1024 / audioRate!
    if (kind === 'audio') expect(sampleRateHz).toBe(audioRate)
    const { fromSec, toSec } = playedSpan(stream, streams)
    expect(fromSec, kind).toBeLessThan(SEGMENT_SEC + 1)
    expect(toSec, kind).toBeGreaterThan(SECONDS - 1 - nominalSec)
    expect(shortestSec, kind).toBeGreaterThan(nominalSec - TICK_SEC)
    expect(longestSec, kind).toBeLessThan(nominalSec + TICK_SEC)
  }

  expect(judge.problems, judge.evidence).toEqual([])
  expect(judge.tracks.size).toBe(streams.length)
  for (const track of judge.tracks.values()) {
    const numbers = [...track.segments.keys()].toSorted((a, b) => a - b)
    expect(numbers.length).toBeGreaterThan(SECONDS / 2 - 2)
    expect(numbers.at(-1)! - numbers[0]! + 1).toBe(numbers.length)
    expect([...track.segments.values()].filter(({ isGap }) => isGap)).toEqual([])
  }

  const { status, live } = await mirror.stream(name)
  expect(status).toBe('live')
  const isLong = rate !== null && setting.gop.length === 0
  expect(live.advice).toEqual(isLong ? [expect.stringContaining('Keyframes come every 8.3 s')] : [])
})

function encoderArgs({ rate, gop, audioRate }: Setting): string[] {
  const args = ['-hide_banner', '-loglevel', 'warning', '-nostdin']
  if (rate !== null) args.push('-re', '-f', 'lavfi', '-i', `testsrc2=s=160x90:r=${rate}`)
  if (audioRate !== null) args.push('-re', '-f', 'lavfi', '-i', `sine=f=440:r=${audioRate}`)
  // Not ultrafast: that one has no B-frames, and x264's defaults are what is asked for.
  if (rate !== null) args.push('-c:v', 'libx264', '-preset', 'veryfast', '-threads', '1', '-pix_fmt', 'yuv420p', ...gop)
  if (audioRate !== null) args.push('-c:a', 'aac', '-b:a', '96k')
  return [...args, '-t', '120']
}

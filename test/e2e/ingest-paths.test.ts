import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { Encoder } from '../support/encoder.ts'
import { publishEnhancedRtmp } from '../support/every-input.ts'
import { CMAF_COPY_OUTPUT, copyArgs, decodeErrors, encodedFile, play, playedSpan } from '../support/live-media.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { measuredRates, PlaylistJudge } from '../support/playlist-judge.ts'

const SECONDS = 60
const SEGMENT_SEC = 2
const VIDEO_FRAME_SEC = 1 / 30
const AUDIO_FRAME_SEC = 1024 / 48_000
/** ffprobe gives decode times in ticks of 90 kHz or finer. */
const TICK_SEC = 0.000_02

type Codec = 'h264' | 'hevc'

interface Path {
  readonly name: string
  readonly codec: Codec
  publish(ingest: NonNullable<StreamView['ingest']>, file: string): Promise<AsyncDisposable>
}

const PATHS: readonly Path[] = [
  {
    name: 'rtmp-h264',
    codec: 'h264',
    publish: async ({ rtmp }, file) => new Encoder([...copyArgs(file), '-f', 'flv', rtmp ?? '']),
  },
  {
    name: 'enhanced-rtmp-hevc',
    codec: 'hevc',
    publish: publishEnhancedRtmp,
  },
  ...(['h264', 'hevc'] as const).flatMap((codec): Path[] => [
    {
      name: `srt-${codec}`,
      codec,
      publish: async ({ srt }, file) => new Encoder([...copyArgs(file), '-f', 'mpegts', srt ?? '']),
    },
    {
      name: `cmaf-${codec}`,
      codec,
      publish: async ({ cmaf }, file) => new Encoder([...copyArgs(file), ...CMAF_COPY_OUTPUT, cmaf]),
    },
  ]),
]

// Side by side: a minute each, and their media does not take a tenth of a core.
vi.setConfig({ maxConcurrency: PATHS.length })

let mirror: MirrorProcess
const opened = new AsyncDisposableStack()

beforeAll(async () => {
  await Promise.all([encodedFile('h264'), encodedFile('hevc')])
  mirror = opened.use(await MirrorProcess.start())
})

afterAll(() => opened.disposeAsync())

test.concurrent.each(PATHS)('$name plays for a minute without a flaw', async ({ name, codec, publish }) => {
  const { ingest, playback } = await mirror.createStream(name)
  if (ingest === null) throw new Error('no ingest addresses')
  await using _encoder = await publish(ingest, await encodedFile(codec))
  await mirror.waitForStatus(name, 'live')

  const judge = new PlaylistJudge(playback.hls)
  const over = new AbortController()
  const judging = judge.watch(over.signal)
  const [errors, streams] = await Promise.all([decodeErrors(playback.hls, SECONDS), play(playback.hls, SECONDS)])
  over.abort()
  await judging
  const { live } = await mirror.stream(name)
  const told = await whatHappened(name, playback.hls, live)

  expect(errors, told).toBe('')
  const found = streams.map(({ kind, codec }) => `${kind} ${codec}`).toSorted()
  expect(found, told).toEqual(['audio aac', `video ${codec}`])
  for (const stream of streams) {
    const { kind, shortestSec, longestSec } = stream
    const frameSec = kind === 'video' ? VIDEO_FRAME_SEC : AUDIO_FRAME_SEC
    const { fromSec, toSec } = playedSpan(stream, streams)
    expect(fromSec, `${kind}\n${told}`).toBeLessThan(SEGMENT_SEC + 1)
    expect(toSec, `${kind}\n${told}`).toBeGreaterThan(SECONDS - 1 - frameSec)
    expect(shortestSec, `${kind}\n${told}`).toBeGreaterThan(frameSec - TICK_SEC)
    expect(longestSec, `${kind}\n${told}`).toBeLessThan(frameSec + TICK_SEC)
  }

  expect(judge.problems, judge.evidence).toEqual([])
  for (const track of judge.tracks.values()) {
    expect(track.snapshots).toBeGreaterThan(SECONDS)
    expect(track.deltas).toBeGreaterThan(SECONDS / 4)
    const numbers = [...track.segments.keys()].toSorted((a, b) => a - b)
    expect(numbers.length).toBeGreaterThan(SECONDS / 2 - 3)
    expect(numbers.at(-1)! - numbers[0]! + 1).toBe(numbers.length)
    expect([...track.segments.values()].filter(({ isGap }) => isGap)).toEqual([])
    expect([...track.segments.values()].filter(({ parts }) => parts === null)).toEqual([])
  }

  await judge.refreshMultivariant()
  const [variant] = judge.multivariant?.variants ?? []
  const source = streams.find(({ kind }) => kind === 'video')
  expect(variant?.resolution).toEqual({ width: source?.widthPx, height: source?.heightPx })
  expect(variant?.resolution).toEqual({ width: 320, height: 180 })
  expect(variant?.frameRate).toBeCloseTo(30, 3)
  expect(variant?.codecs).toBe(`${await videoCodecString(codec)},mp4a.40.2`)
  const video = measuredRates(judge.tracks.get('v0')!)
  const audio = measuredRates(judge.tracks.get('a0')!)
  // A tenth of tolerance above: rates are rounded up, and the judge has not seen every segment.
  expect(variant?.bandwidth).toBeGreaterThanOrEqual(video.peakBps + audio.peakBps)
  expect(variant?.bandwidth).toBeLessThan((video.peakBps + audio.peakBps) * 1.25)
  expect(variant?.averageBandwidth).toBeGreaterThan((video.averageBps + audio.averageBps) * 0.9)
  expect(variant?.averageBandwidth).toBeLessThan((video.averageBps + audio.averageBps) * 1.15)

  expect({ drops: live.drops, repairs: live.repairs, advice: live.advice }, told).toEqual({
    drops: {},
    repairs: {},
    advice: [],
  })
})

/** What tells a fault of the way in from one of the way out: the stream's history, its figures and what is listed. */
async function whatHappened(name: string, hls: string, live: StreamView['live']): Promise<string> {
  const { input, tracks, drops, repairs } = live
  const events = (await mirror.events(name)).map(({ at, message }) => `${at} ${message}`)
  const listed = await (await fetch(hls)).text()
  return `${events.join('\n')}\n${JSON.stringify({ input, tracks, drops, repairs })}\n${listed}`
}

/** RFC 6381 from the source's own configuration record, read without Mirror: by mp4box. */
async function videoCodecString(codec: Codec): Promise<string> {
  const { createFile, MP4BoxBuffer } = await import('mp4box')
  const file = createFile()
  const bytes = await readFile(await encodedFile(codec))
  return await new Promise((resolve, reject) => {
    file.onReady = ({ videoTracks }) => resolve(videoTracks[0]?.codec ?? '')
    file.onError = (module, message) => reject(new Error(`${module}: ${message}`))
    file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(bytes).buffer, 0))
    file.flush()
  })
}

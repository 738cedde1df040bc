// Files to publish as they are, and ffmpeg and ffprobe as independent judges of what comes out.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { makeFixtureFile } from './fixtures.ts'

const run = promisify(execFile)
const MAX_OUTPUT_BYTES = 64 * 2 ** 20

const X264 = '-c:v libx264 -preset veryfast -bf 2 -sc_threshold 0'
const X265 = '-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=60:min-keyint=60:scenecut=0:bframes=2'

/** HEVC takes a third of the time that it lasts when four are encoded at once on two cores. */
const ENCODE_MS_PER_SEC = 1000
const ENCODE_MS = 60_000

/** Moving picture with B-frames and a keyframe every `gop` frames, of which there are 30 a second, and a tone. */
export function encodedFile(
  codec: 'h264' | 'hevc',
  seconds = 90,
  { hasBFrames = true, gop = 60 }: { readonly hasBFrames?: boolean; readonly gop?: 30 | 60 } = {},
): Promise<string> {
  const inputs = `-f lavfi -i testsrc2=s=320x180:r=30 -f lavfi -i sine=f=440:r=48000 -t ${seconds}`
  const video = codec === 'h264' ? `${X264} -g ${gop} -keyint_min ${gop}` : `${X265} -tag:v hvc1`
  const order = hasBFrames ? '' : ' -bf 0'
  const args = `${inputs} ${video}${order} -pix_fmt yuv420p -b:v 300k -c:a aac -b:a 96k`
  return makeFixtureFile(args.split(' '), `${codec}.mp4`, ENCODE_MS + seconds * ENCODE_MS_PER_SEC)
}

/** Publishes a file as it is, in real time; the output format and address follow. */
export function copyArgs(file: string): string[] {
  return ['-hide_banner', '-loglevel', 'warning', '-nostdin', '-re', '-i', file, '-c', 'copy']
}

/** One frame per fragment, as the console recommends. */
export const CMAF_COPY_OUTPUT = ['-f', 'mp4', '-movflags', '+cmaf+delay_moov', '-frag_duration', '1'] as const

/** Pictures with the times that they have: rounded to the frame rate, two of a jittery source may fall on one another. */
const AS_THEY_ARE = ['-fps_mode:v', 'passthrough', '-enc_time_base:v', '-1'] as const

/** What ffmpeg has to complain about while it decodes so many seconds of a playlist. */
export async function decodeErrors(url: string, seconds: number): Promise<string> {
  return await complaints(['-i', url, '-t', String(seconds), ...AS_THEY_ARE, '-f', 'null', '-'], seconds)
}

/**
 * The same from the first keyframe on, for playlists with segments that have none. ffmpeg begins to decode wherever a segment
 * begins, and complains in one of 16 places of a GOP of x264: where a frame is numbered as if it followed a keyframe.
 */
export async function decodeErrorsFromKeyframe(url: string, seconds: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mirror-copy-'))
  try {
    const file = join(folder, 'copy.nut')
    // A copy begins with a keyframe, but ffmpeg looks at the pictures before it.
    await complaints(['-v', 'fatal', '-i', url, '-t', String(seconds), '-c', 'copy', file], seconds)
    return await complaints(['-i', file, ...AS_THEY_ARE, '-f', 'null', '-'], seconds)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function complaints(args: readonly string[], seconds: number): Promise<string> {
  const options = { timeout: seconds * 1000 + 40_000, maxBuffer: MAX_OUTPUT_BYTES }
  const { stderr } = await run('ffmpeg', ['-hide_banner', '-v', 'error', '-nostdin', ...args], options)
  return stderr
}

export interface PlayedStream {
  readonly kind: 'video' | 'audio'
  readonly codec: string
  readonly widthPx: number | null
  readonly heightPx: number | null
  readonly frameRate: string
  readonly sampleRateHz: number | null
  readonly packets: number
  /** Decode times of the first and the last packet. */
  readonly firstSec: number
  readonly lastSec: number
  /** Seconds between consecutive decode times, shortest and longest. */
  readonly shortestSec: number
  readonly longestSec: number
}

/**
 * Where each stream begins and ends, in seconds from the first packet of all. ffprobe asks for one playlist after the
 * other: where a segment ends in between, one stream begins a segment later.
 */
export function playedSpan({ firstSec, lastSec }: PlayedStream, all: readonly PlayedStream[]) {
  const startSec = Math.min(...all.map((stream) => stream.firstSec))
  return { fromSec: firstSec - startSec, toSec: lastSec - startSec }
}

/** What ffprobe reads in so many seconds of a playlist; strict: it must not complain about anything. */
export async function play(
  url: string,
  seconds: number,
  { isStrict = true }: { readonly isStrict?: boolean } = {},
): Promise<readonly PlayedStream[]> {
  const args = ['-hide_banner', '-v', 'error', '-read_intervals', `%+${seconds}`, '-show_streams', '-show_packets']
  const entries =
    'packet=stream_index,dts:stream=index,codec_type,codec_name,width,height,r_frame_rate,sample_rate,time_base'
  const { stdout, stderr } = await run('ffprobe', [...args, '-show_entries', entries, '-of', 'json', url], {
    timeout: seconds * 1000 + 40_000,
    maxBuffer: MAX_OUTPUT_BYTES,
  })
  if (isStrict) expect(stderr).toBe('')
  const { packets, streams } = JSON.parse(stdout) as {
    packets: { stream_index: number; dts: number }[]
    streams: {
      index: number
      codec_type: 'video' | 'audio'
      codec_name: string
      width?: number
      height?: number
      r_frame_rate: string
      sample_rate?: string
      time_base: string
    }[]
  }
  return streams.map((stream) => {
    const [numerator = 1, denominator = 1] = stream.time_base.split('/').map(Number)
    const times = packets.filter(({ stream_index }) => stream_index === stream.index).map(({ dts }) => dts)
    const deltas = times.slice(1).map((dts, index) => ((dts - (times[index] ?? 0)) * numerator) / denominator)
    return {
      kind: stream.codec_type,
      codec: stream.codec_name,
      widthPx: stream.width ?? null,
      heightPx: stream.height ?? null,
      frameRate: stream.r_frame_rate,
      sampleRateHz: stream.sample_rate === undefined ? null : Number(stream.sample_rate),
      packets: times.length,
      firstSec: ((times[0] ?? Number.NaN) * numerator) / denominator,
      lastSec: ((times.at(-1) ?? Number.NaN) * numerator) / denominator,
      shortestSec: Math.min(...deltas),
      longestSec: Math.max(...deltas),
    }
  })
}

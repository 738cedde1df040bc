// Frame rates, codecs and groups of pictures: what goes in comes out, frame for frame.
import { expect, test } from 'vitest'
import { makeFixtureFile, writeFixture } from '../support/fixtures.ts'
import { type Broadcast, expectSameMedia, play, sourceOf } from './broadcast.ts'
import { cmafFragments, cutFlv, cutTs, encoding, type PictureOptions } from './feeds.ts'

interface Case {
  readonly name: string
  readonly container: 'ts' | 'flv'
  readonly options: PictureOptions
  readonly muxer?: readonly string[]
  readonly trackIds?: readonly string[]
  /** Segments that had to begin without a keyframe. */
  readonly longGops?: boolean
}

async function playCase({
  name,
  container,
  options,
  muxer = [],
  trackIds,
  longGops = false,
}: Case): Promise<Broadcast> {
  const format = container === 'ts' ? 'mpegts' : 'flv'
  const path = await makeFixtureFile([...encoding(options), ...muxer, '-f', format], `${format}.${container}`)
  const media = container === 'ts' ? cutTs(await sourceOf(path)) : cutFlv(await sourceOf(path))
  const broadcast = await play(container, media)
  broadcast.expectLegal()
  await expectSameMedia(broadcast, path, { ...(trackIds && { trackIds }), jitterSec: container === 'flv' ? 0.001 : 0 })
  expect(await broadcast.decode(), name).toBe('')
  for (const id of trackIds ?? ['v0', 'a0']) {
    expect(broadcast.discontinuities(id)).toBe(0)
    expect(broadcast.gaps(id)).toBe(0)
    expect(broadcast.lagSec(id).min, `${id} is not ahead of the clock`).toBeGreaterThan(-0.6)
    expect(broadcast.lagSec(id).max, `${id} is not behind`).toBeLessThan(0.9)
  }
  const { gop_too_long: cutElsewhere = 0, ...others } = broadcast.repairs()
  expect(others).toEqual({})
  if (longGops) expect(cutElsewhere).toBeGreaterThan(0)
  else expect(cutElsewhere).toBe(0)
  return broadcast
}

const RATES = ['24000/1001', '25', '30000/1001', '50', '60000/1001', '60']
const x264 = (...params: string[]) => ['-c:v', 'libx264', '-preset', 'ultrafast', '-sc_threshold', '0', ...params]

for (const container of ['ts', 'flv'] as const) {
  test.concurrent.each(RATES)(
    `${container} at %s frames per second: every frame lasts exactly as long as the others`,
    async (rate) => {
      const [num = 0, den = 1] = rate.split('/').map(Number)
      const gopFrames = Math.round((num / den) * 2)
      const broadcast = await playCase({ name: rate, container, options: { rate, gopFrames, seconds: 6 } })
      const packets = await broadcast.packets('v0')
      const first = packets[0]?.dtsSec ?? 0
      // ffprobe tells microseconds.
      for (const [index, { dtsSec }] of packets.entries()) expect(dtsSec - first).toBeCloseTo((index * den) / num, 5)
      const whole = broadcast.segments('v0').slice(1, -1)
      for (const { durationSec } of whole) expect(durationSec).toBeCloseTo((gopFrames * den) / num, 4)
    },
  )
}

const CASES: readonly Case[] = [
  {
    name: 'B-pyramids',
    container: 'ts',
    options: { video: x264('-bf', '3', '-x264-params', 'b-pyramid=normal:b-adapt=0') },
  },
  {
    name: 'B-pyramids over RTMP',
    container: 'flv',
    options: { video: x264('-bf', '3', '-x264-params', 'b-pyramid=normal:b-adapt=0') },
  },
  {
    name: 'open GOPs',
    container: 'ts',
    options: { video: x264('-bf', '2', '-x264-params', 'open-gop=1:b-adapt=0') },
    longGops: true,
  },
  {
    name: 'keyframes at odd times',
    container: 'ts',
    options: { gopFrames: 600, video: x264('-force_key_frames', '0.7,1.1,1.2,3.9,4.05,6.6') },
    longGops: true,
  },
  { name: 'one keyframe, at the start', container: 'flv', options: { seconds: 10, gopFrames: 999 }, longGops: true },
  { name: 'a keyframe each 3.3 s', container: 'ts', options: { seconds: 14, gopFrames: 99 }, longGops: true },
  { name: 'every frame a keyframe', container: 'ts', options: { gopFrames: 1 } },
  {
    name: 'intra refresh, without any keyframe but the first',
    container: 'ts',
    options: { video: x264('-x264-params', 'intra-refresh=1') },
    longGops: true,
  },
  {
    name: 'HEVC of 10 bits',
    container: 'ts',
    options: {
      size: '128x96',
      video: [
        '-c:v',
        'libx265',
        '-pix_fmt',
        'yuv420p10le',
        '-preset',
        'ultrafast',
        '-x265-params',
        'log-level=error:keyint=60:min-keyint=60:scenecut=0:pools=1',
      ],
    },
  },
  { name: 'audio of 44.1 kHz', container: 'flv', options: { audioRate: 44_100 } },
  { name: 'audio of 44.1 kHz in TS', container: 'ts', options: { audioRate: 44_100 } },
  { name: 'mono', container: 'ts', options: { audio: ['-c:a', 'aac', '-ac', '1'] } },
  { name: '5.1 channels', container: 'ts', options: { audio: ['-c:a', 'aac', '-ac', '6'] } },
  { name: '5.1 channels over RTMP', container: 'flv', options: { audio: ['-c:a', 'aac', '-ac', '6'] } },
  { name: 'audio only', container: 'ts', options: { video: null }, trackIds: ['a0'] },
  { name: 'audio only over RTMP', container: 'flv', options: { video: null }, trackIds: ['a0'] },
  { name: 'video only', container: 'ts', options: { audio: null }, trackIds: ['v0'] },
  { name: 'video only over RTMP', container: 'flv', options: { audio: null }, trackIds: ['v0'] },
  { name: 'several AAC frames per PES packet', container: 'ts', options: {}, muxer: ['-pes_payload_size', '16000'] },
  { name: 'one AAC frame per PES packet', container: 'ts', options: {}, muxer: ['-pes_payload_size', '0'] },
]

test.concurrent.each(CASES)('$name: legal playlists, every frame, nothing to complain about', async (each) => {
  await playCase(each)
})

test('scene cuts add keyframes anywhere', async () => {
  const args = [
    ...[
      '-f',
      'lavfi',
      '-i',
      'testsrc=size=96x64:rate=30:duration=2.3',
      '-f',
      'lavfi',
      '-i',
      'color=red:size=96x64:rate=30:duration=1.9',
    ],
    ...['-f', 'lavfi', '-i', 'mandelbrot=size=96x64:rate=30', '-filter_complex', '[0][1][2]concat=n=3:v=1', '-t', '8'],
    ...['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'veryfast', '-g', '75', '-f', 'mpegts'],
  ]
  const path = await makeFixtureFile(args, 'cuts.ts')
  const broadcast = await play('ts', cutTs(await sourceOf(path)))
  broadcast.expectLegal()
  await expectSameMedia(broadcast, path, { trackIds: ['v0'] })
  expect(await broadcast.decode()).toBe('')
  expect(broadcast.gaps('v0')).toBe(0)
})

test('AV1 and Opus in CMAF keep every frame', async () => {
  const options = {
    video: ['-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime', '-row-mt', '1'],
    audio: ['-c:a', 'libopus', '-b:a', '48k'],
    seconds: 6,
  }
  const media = await cmafFragments(options, 500)
  const broadcast = await play('fmp4', media, { hasNals: false })
  broadcast.expectLegal()
  const path = await writeFixture(Buffer.concat(media.map(({ bytes }) => bytes)), 'whole.mp4')
  await expectSameMedia(broadcast, path)
  expect(await broadcast.decode()).toBe('')
  expect(broadcast.discontinuities('v0') + broadcast.gaps('v0') + broadcast.gaps('a0')).toBe(0)
  expect(broadcast.repairs()).toEqual({})
})

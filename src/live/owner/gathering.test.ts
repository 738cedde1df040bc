import { expect, test } from 'vitest'
import { rational } from '../../core/rational.ts'
import type { AudioConfig, InputSample, InputTrack, VideoConfig } from '../../media/samples.ts'
import { Gathering } from './gathering.ts'

const NOW_MS = Date.UTC(2026, 10, 21)

const videoConfig: VideoConfig = {
  kind: 'video',
  codec: 'h264',
  codecString: 'avc1.42c00b',
  widthPx: 160,
  heightPx: 90,
  pixelAspect: rational(1, 1),
  frameRate: rational(30, 1),
  configRecord: Uint8Array.of(1, 0x42, 0xc0, 0x0b, 0xff, 0xe1, 0, 0, 1, 0, 0),
}
const audioConfig: AudioConfig = {
  kind: 'audio',
  codec: 'aac',
  codecString: 'mp4a.40.2',
  sampleRateHz: 48_000,
  channels: 2,
  samplesPerFrame: 1024,
  configRecord: Uint8Array.of(0x11, 0x90),
  language: 'und',
}

function track(id: string, config: VideoConfig | AudioConfig): InputTrack {
  return { id, clock: { kind: 'rtmp', ticksPerSec: 1000, wrapBits: 32 }, config }
}

function arrived(trackId: string, dts: number, isKeyframe = true, arrivedAtMs = NOW_MS + dts) {
  const sample: InputSample = { trackId, dts, cto: 0, duration: null, isKeyframe, data: new Uint8Array(100) }
  return { sample, arrivedAtMs }
}

function gatheringOf(config: Partial<VideoConfig> = {}) {
  const gathering = new Gathering()
  gathering.addTrack(track('a0', audioConfig))
  gathering.addTrack(track('v0', { ...videoConfig, ...config }))
  return gathering
}

test('it is ready when every declared track has shown media', () => {
  const gathering = gatheringOf()
  gathering.expect(['v0', 'a0'])
  expect(gathering.isReady).toBe(false)
  gathering.add(arrived('a0', 0))
  expect(gathering.isReady).toBe(false)
  gathering.add(arrived('v0', 0))
  expect(gathering.isReady).toBe(true)
})

test('a declared track that stays silent is waited for two seconds', () => {
  const gathering = gatheringOf()
  gathering.expect(['v0', 'a0'])
  gathering.add(arrived('v0', 0))
  gathering.wait(1999)
  expect(gathering.isReady).toBe(false)
  gathering.wait(1)
  expect(gathering.isReady).toBe(true)
  expect(gathering.tracks().map(({ id }) => id)).toEqual(['v0'])
})

test('time in which nothing has come yet is not held against anybody', () => {
  const gathering = gatheringOf()
  gathering.expect(['v0', 'a0'])
  gathering.wait(5000)
  gathering.add(arrived('a0', 0))
  expect(gathering.isReady).toBe(false)
})

test('video that comes in without a keyframe is waited for twelve seconds, as long as x264 lets pass between two', () => {
  const gathering = gatheringOf()
  gathering.expect(['v0', 'a0'])
  gathering.add(arrived('a0', 0))
  gathering.add(arrived('v0', 40, false))
  gathering.wait(11_999)
  expect(gathering.isReady).toBe(false)
  gathering.wait(1)
  expect(gathering.isReady).toBe(true)
  gathering.add(arrived('v0', 12_000))
  expect(gathering.isReady).toBe(true)
  expect(gathering.tracks().map(({ id }) => id)).toEqual(['v0', 'a0'])
})

test('a transport stream tells of pictures whose decoder configuration is still unknown', () => {
  const gathering = new Gathering()
  gathering.addTrack(track('a0', audioConfig))
  gathering.expect(['v0', 'a0'])
  gathering.add(arrived('a0', 0))
  gathering.noteKeyframeAwaited('v0')
  gathering.wait(11_999)
  expect(gathering.isReady).toBe(false)
  gathering.addTrack(track('v0', videoConfig))
  gathering.add(arrived('v0', 11_999))
  expect(gathering.isReady).toBe(true)
})

test('frames before the first keyframe and of unknown tracks are of no use', () => {
  const gathering = gatheringOf()
  expect(gathering.add(arrived('v0', 0, false))).toBe(false)
  expect(gathering.add(arrived('v7', 0))).toBe(false)
  expect(gathering.hasMedia).toBe(false)
  expect(gathering.add(arrived('v0', 40))).toBe(true)
  expect(gathering.add(arrived('v0', 80, false))).toBe(true)
  expect(gathering.take().map(({ sample }) => sample.dts)).toEqual([40, 80])
  expect(gathering.take()).toEqual([])
})

test('without a declared frame rate it waits for eight pictures and reads the rate from them', () => {
  const gathering = gatheringOf({ frameRate: null })
  gathering.expect(['v0', 'a0'])
  gathering.add(arrived('a0', 0))
  for (const [index, dts] of [0, 33, 67, 100, 133, 167, 200].entries()) gathering.add(arrived('v0', dts, index === 0))
  gathering.wait(200)
  expect(gathering.isReady).toBe(false)
  gathering.add(arrived('v0', 233, false))
  expect(gathering.isReady).toBe(true)
  expect(gathering.isFrameRateUnknown).toBe(false)
  expect(gathering.makeEntry(0, null, 2000, NOW_MS)).toMatchObject({ cell: { num: 2, den: 1 } })
  expect(gathering.makeEntry(0, null, 2000, NOW_MS).tracks[0]).toMatchObject({ rate: rational(30, 1) })
})

test('a frame rate that no header declares is read from the pictures after a late keyframe, too', () => {
  const gathering = gatheringOf({ frameRate: null })
  gathering.expect(['v0', 'a0'])
  gathering.add(arrived('a0', 0))
  gathering.add(arrived('v0', 40, false))
  gathering.wait(8000)
  for (let index = 0; index < 8; index++) {
    expect(gathering.isReady).toBe(false)
    gathering.add(arrived('v0', 8000 + index * 40, index === 0))
    gathering.wait(40)
  }
  expect(gathering.isReady).toBe(true)
  expect(gathering.isFrameRateUnknown).toBe(false)
})

test('an entry counts from the arrival of the first sample of the first track, video first', () => {
  const gathering = gatheringOf({ frameRate: rational(30000, 1001) })
  gathering.add(arrived('a0', 1000, true, NOW_MS))
  gathering.add(arrived('v0', 1010, true, NOW_MS + 5))
  const entry = gathering.makeEntry(3, null, 2000, NOW_MS + 20)
  expect(entry).toMatchObject({
    dsn: 3,
    clock: 'rtmp',
    epochUs: (NOW_MS + 5) * 1000,
    cell: rational(60 * 1001, 30000),
    createdAtMs: NOW_MS + 20,
  })
  expect(entry.tracks.map(({ id, firstTimestamp, timescale }) => [id, firstTimestamp, timescale])).toEqual([
    ['v0', 1010, 90_000],
    ['a0', 1000, 48_000],
  ])
  expect(gathering.sight()).toMatchObject({ trackId: 'v0', timestamp: 1010, configHash: entry.configHash })
})

test('the cell length of a stream is for life', () => {
  const gathering = gatheringOf()
  gathering.add(arrived('v0', 0))
  const first = gathering.makeEntry(0, null, 2000, NOW_MS)
  expect(gathering.makeEntry(1, first, 6000, NOW_MS).cell).toEqual(first.cell)
})

test('the configuration hash does not depend on the order of arrival, and tells configurations apart', () => {
  const [one, two, three] = [gatheringOf(), gatheringOf(), gatheringOf({ widthPx: 320 })]
  one.add(arrived('v0', 0))
  one.add(arrived('a0', 0))
  two.add(arrived('a0', 0))
  two.add(arrived('v0', 0))
  three.add(arrived('v0', 0))
  three.add(arrived('a0', 0))
  expect(two.sight().configHash).toBe(one.sight().configHash)
  expect(three.sight().configHash).not.toBe(one.sight().configHash)
})

test('an fMP4 clock near the wall clock is an epoch clock', () => {
  const gathering = new Gathering()
  const clock = { kind: 'media', ticksPerSec: 90_000, wrapBits: null } as const
  gathering.addTrack({ id: 'v0', clock, config: videoConfig })
  gathering.add(arrived('v0', ((NOW_MS - 700) / 1000) * 90_000, true, NOW_MS))
  expect(gathering.makeEntry(0, null, 2000, NOW_MS)).toMatchObject({ clock: 'epoch', epochUs: (NOW_MS - 700) * 1000 })
})

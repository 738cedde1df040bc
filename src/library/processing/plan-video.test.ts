import { expect, test } from 'vitest'
import { toNumber } from '../../core/rational.ts'
import type { VideoStream } from './media-facts.ts'
import { planStoryboard, writeStoryboard } from './plan-storyboard.ts'
import { planVideo, steadyRate } from './plan-video.ts'

const stream = (change: Partial<VideoStream>): VideoStream => ({
  ...{ kind: 'video', index: 0, codec: 'h264', durationSec: 10, bitRate: null, language: null, title: null },
  ...{
    isDefault: true,
    width: 1920,
    height: 1080,
    frameRate: 25,
    rotationDeg: 0,
    pixelAspect: 1,
    pixelFormat: 'yuv420p',
  },
  ...{ transfer: null, primaries: null, matrix: null, range: null, isCover: false },
  ...change,
})
const sizes = (change: Partial<VideoStream>) =>
  planVideo(stream(change), []).rungs.map(({ name, width, height }) => [name, width, height])

test('the ladder never rises above the source, and its rungs differ', () => {
  expect(sizes({})).toEqual([
    ['mp4-720p', 1280, 720],
    ['mp4-480p', 854, 480],
  ])
  expect(sizes({ width: 640, height: 360 })).toEqual([['mp4-360p', 640, 360]])
  expect(sizes({ width: 853, height: 480 })).toEqual([['mp4-480p', 852, 480]])
  expect(sizes({ width: 720, height: 576, pixelAspect: 64 / 45 })).toEqual([
    ['mp4-576p', 1024, 576],
    ['mp4-480p', 854, 480],
  ])
  expect(sizes({ rotationDeg: 90 })).toEqual([
    ['mp4-720p', 720, 1280],
    ['mp4-480p', 480, 854],
  ])
  expect(sizes({ width: 1, height: 1 })).toEqual([['mp4-2p', 2, 2]])
})

test('bit rates stay under what is promised, whatever the size', () => {
  for (const height of [2160, 1080, 720, 576, 480, 360, 144, 2]) {
    for (const { height: made, videoBps, audioBps } of planVideo(stream({ width: height, height }), []).rungs) {
      expect(videoBps + audioBps).toBeLessThanOrEqual(made > 480 ? 3_000_000 : 1_500_000)
    }
  }
})

test('every rate becomes a steady one that whole groups of pictures divide', () => {
  const rates = [25, 29.97, 30.0004, 23.98, 59.94, 12, 15, 17.3, 26, 90, 240, null].map((rate) => {
    const { num, den } = steadyRate(rate)
    return `${num}/${den}`
  })
  expect(rates).toEqual([
    ...['25/1', '30000/1001', '30/1', '24000/1001', '60000/1001', '12/1', '15/1', '24000/1001', '30000/1001'],
    ...['60/1', '60/1', '25/1'],
  ])
  for (const frameRate of [25, 29.97, 23.976, 7, 1, 0.2, 60]) {
    const plan = planVideo(stream({ frameRate }), [])
    const frames = toNumber(plan.cell) * toNumber(plan.frameRate)
    expect(frames / plan.gopFrames).toBeCloseTo(2, 9)
    expect(Number.isInteger(plan.gopFrames)).toBe(true)
  }
})

test('a storyboard has a hundred pictures at most, and says of each where it stands', () => {
  const gop = { num: 2, den: 1 }
  const short = planStoryboard({ width: 1280, height: 720 }, 5, gop)
  expect(short).toMatchObject({ tile: { width: 160, height: 90 }, columns: 3, rows: 1, tiles: 3, everySec: 2 })
  expect(writeStoryboard(short, 5, 'board').split('\n').slice(0, 6)).toEqual([
    ...['WEBVTT', '', '00:00:00.000 --> 00:00:02.000', 'board#xywh=0,0,160,90', '', '00:00:02.000 --> 00:00:04.000'],
  ])
  const long = planStoryboard({ width: 480, height: 854 }, 7200, gop)
  expect(long).toMatchObject({
    tile: { width: 90, height: 160 },
    columns: 10,
    rows: 10,
    tiles: 100,
    everyKeyframes: 36,
  })
  expect(writeStoryboard(long, 7200, 'board').match(/#xywh/g)).toHaveLength(100)
})

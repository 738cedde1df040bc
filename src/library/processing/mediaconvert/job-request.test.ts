import { expect, test } from 'vitest'
import type { AudioStream, StreamFacts, VideoStream } from '../media-facts.ts'
import { planVideo } from '../plan-video.ts'
import { conversionToken, jobRequest, madeName } from './job-request.ts'

const base = { durationSec: 10, bitRate: null, language: null, title: null, isDefault: false }
const video = (change: Partial<VideoStream> = {}): VideoStream => ({
  ...{ ...base, kind: 'video', index: 0, codec: 'h264', width: 1920, height: 1080, frameRate: 29.97, rotationDeg: 0 },
  ...{ pixelAspect: 1, pixelFormat: 'yuv420p', transfer: null, primaries: null, matrix: null, range: null },
  ...{ isCover: false, ...change },
})
const sound = (index: number, change: Partial<AudioStream> = {}): AudioStream => ({
  ...{ ...base, kind: 'audio', index, codec: 'aac', channels: 2, sampleRateHz: 44_100 },
  ...{ layout: 'stereo', bitsPerSample: null, ...change },
})
const request = (picture: VideoStream, others: readonly StreamFacts[] = [], queue: string | null = null) => {
  const streams = [picture, ...others]
  return jobRequest({
    ...{ plan: planVideo(picture, streams), video: picture, streams, bucket: 'media', queue, token: 'a1b2' },
    ...{ inputKey: 'mirror/assets/default/7/original', outputKey: 'mirror/assets/default/7/converted-a1b2/video' },
    roleArn: 'arn:aws:iam::111122223333:role/mirror',
    belongsTo: { tenant: 'default', asset: '7', job: 'j1' },
  })
}
const outputs = (made: ReturnType<typeof request>) => made.Settings?.OutputGroups?.[0]?.Outputs ?? []

test('a job asks for the files of the plan: QVBR 7 below the rates of the rungs, AAC-LC in stereo at 48 kHz, faststart', () => {
  const picture = (name: string, width: number, height: number, rate: number) => ({
    NameModifier: `-${name}`,
    Extension: 'mp4',
    ContainerSettings: { Container: 'MP4', Mp4Settings: { MoovPlacement: 'PROGRESSIVE_DOWNLOAD' } },
    VideoDescription: {
      ...{ Width: width, Height: height, ScalingBehavior: 'STRETCH_TO_OUTPUT', AntiAlias: 'ENABLED' },
      TimecodeInsertion: 'DISABLED',
      VideoPreprocessors: { Deinterlacer: { Mode: 'DEINTERLACE', Algorithm: 'INTERPOLATE', Control: 'NORMAL' } },
      CodecSettings: {
        Codec: 'H_264',
        H264Settings: {
          ...{ RateControlMode: 'QVBR', QvbrSettings: { QvbrQualityLevel: 7 }, MaxBitrate: rate, HrdBufferSize: rate },
          ...{ QualityTuningLevel: 'SINGLE_PASS_HQ', CodecProfile: 'HIGH', CodecLevel: 'AUTO' },
          ...{ InterlaceMode: 'PROGRESSIVE', FramerateControl: 'SPECIFIED', FramerateNumerator: 30_000 },
          ...{ FramerateDenominator: 1001, FramerateConversionAlgorithm: 'DUPLICATE_DROP' },
          ...{ ParControl: 'SPECIFIED', ParNumerator: 1, ParDenominator: 1 },
          ...{ GopSize: 60, GopSizeUnits: 'FRAMES', GopClosedCadence: 1, SceneChangeDetect: 'DISABLED' },
          NumberBFramesBetweenReferenceFrames: 2,
        },
      },
    },
  })
  const audio = (selector: string, rate: number) => ({
    AudioSourceName: selector,
    LanguageCodeControl: 'FOLLOW_INPUT',
    CodecSettings: {
      Codec: 'AAC',
      AacSettings: {
        ...{ CodecProfile: 'LC', CodingMode: 'CODING_MODE_2_0', RateControlMode: 'CBR' },
        ...{ Bitrate: rate, SampleRate: 48_000 },
      },
    },
  })
  expect(
    request(video(), [sound(1), { ...base, kind: 'other', index: 2, codec: 'bin' }, sound(3, { isDefault: true })]),
  ).toEqual({
    ClientRequestToken: 'a1b2',
    Role: 'arn:aws:iam::111122223333:role/mirror',
    UserMetadata: { application: 'mirror', tenant: 'default', asset: '7', job: 'j1' },
    Settings: {
      TimecodeConfig: { Source: 'ZEROBASED' },
      Inputs: [
        {
          FileInput: 's3://media/mirror/assets/default/7/original',
          TimecodeSource: 'ZEROBASED',
          VideoSelector: { ColorSpace: 'FOLLOW', Rotate: 'DEGREE_0' },
          // What is heard first is the second track of sound in the file.
          AudioSelectors: {
            'Audio Selector 1': { SelectorType: 'TRACK', Tracks: [2], DefaultSelection: 'DEFAULT' },
            'Audio Selector 2': { SelectorType: 'TRACK', Tracks: [1], DefaultSelection: 'NOT_DEFAULT' },
          },
        },
      ],
      OutputGroups: [
        {
          Name: 'File Group',
          OutputGroupSettings: {
            Type: 'FILE_GROUP_SETTINGS',
            FileGroupSettings: { Destination: 's3://media/mirror/assets/default/7/converted-a1b2/video' },
          },
          Outputs: [
            {
              ...picture('mp4-720p', 1280, 720, 2_700_000),
              AudioDescriptions: [audio('Audio Selector 1', 128_000), audio('Audio Selector 2', 128_000)],
            },
            {
              ...picture('mp4-480p', 854, 480, 1_349_733),
              AudioDescriptions: [audio('Audio Selector 1', 96_000)],
            },
          ],
        },
      ],
    },
  })
})

test('what is small stays small, and what is silent stays silent', () => {
  const made = request(video({ width: 640, height: 360 }))
  expect(outputs(made).map(({ NameModifier, VideoDescription }) => [NameModifier, VideoDescription?.Width])).toEqual([
    ['-mp4-360p', 640],
  ])
  expect(outputs(made)[0]).not.toHaveProperty('AudioDescriptions')
  expect(made.Settings?.Inputs?.[0]).not.toHaveProperty('AudioSelectors')
  expect(made).not.toHaveProperty('Queue')
  expect(request(video(), [], 'mirror')).toHaveProperty('Queue', 'mirror')
})

test('every rung stays below what is promised of it', () => {
  for (const height of [2160, 1080, 720, 576, 480, 360]) {
    const sides = outputs(request(video({ width: height * 2, height }), [sound(1)]))
    for (const { VideoDescription, AudioDescriptions } of sides) {
      const rate = VideoDescription?.CodecSettings?.H264Settings?.MaxBitrate ?? Number.NaN
      const heard = AudioDescriptions?.[0]?.CodecSettings?.AacSettings?.Bitrate ?? Number.NaN
      expect(rate + heard).toBeLessThanOrEqual((VideoDescription?.Height ?? 0) > 480 ? 3_000_000 : 1_500_000)
    }
  }
})

test('a turned video is turned upright, and bright colours are mapped', () => {
  const turned = request(video({ rotationDeg: 90 }))
  expect(turned.Settings?.Inputs?.[0]?.VideoSelector?.Rotate).toBe('DEGREES_90')
  expect(outputs(turned)[0]?.VideoDescription).toMatchObject({ Width: 720, Height: 1280 })
  const bright = outputs(request(video({ transfer: 'smpte2084' })))[0]?.VideoDescription?.VideoPreprocessors
  expect(bright?.ColorCorrector).toEqual({
    ColorSpaceConversion: 'FORCE_709',
    HdrToSdrToneMapper: 'PRESERVE_DETAILS',
  })
})

test('a token stays the same until a job has failed or the plan is another', () => {
  const plan = planVideo(video(), [])
  const token = conversionToken('7', plan, null)
  expect(token).toMatch(/^[0-9a-f]{32}$/)
  expect(conversionToken('7', planVideo(video(), []), null)).toBe(token)
  const others = [
    conversionToken('8', plan, null),
    conversionToken('7', plan, 'job-1'),
    conversionToken('7', planVideo(video({ width: 640, height: 360 }), []), null),
  ]
  expect(new Set([token, ...others]).size).toBe(4)
})

test('files are named by the destination, the modifier and the extension', () => {
  expect(madeName({ name: 'mp4-720p' })).toBe('-mp4-720p.mp4')
})

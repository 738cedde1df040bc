// What AWS Elemental MediaConvert is asked for: the files that ffmpeg makes here, made there. Pure.
import { createHash } from 'node:crypto'
import type {
  AudioDescription,
  AudioSelector,
  CreateJobCommandInput,
  InputRotate,
  Output,
  VideoPreprocessor,
} from '@aws-sdk/client-mediaconvert'
import type { AudioStream, StreamFacts, VideoStream } from '../media-facts.ts'
import { isHdr, type Rung, soundOf, type VideoPlan } from '../plan-video.ts'

export interface ConversionOrder {
  readonly plan: VideoPlan
  readonly video: VideoStream
  /** All of the file: tracks of sound are counted in it. */
  readonly streams: readonly StreamFacts[]
  readonly bucket: string
  /** Of the original, with whatever stands before every key of the store. */
  readonly inputKey: string
  /** Likewise: what the keys of the files begin with (`madeName`). */
  readonly outputKey: string
  readonly roleArn: string
  /** Name or ARN; null: the default queue of the account. */
  readonly queue: string | null
  readonly token: string
  /** Which asset and job it is for. */
  readonly belongsTo: { readonly tenant: string; readonly asset: string; readonly job: string }
}

/** From 1 to 10; most broadcasts have 6 to 9 (documentation of `QvbrQualityLevel`). */
const QUALITY = 7
const SAMPLE_RATE_HZ = 48_000

/**
 * As `POST /2017-08-29/jobs` takes it: https://docs.aws.amazon.com/mediaconvert/latest/apireference/jobs.html (2026-11);
 * the names of the fields are checked against the types of the AWS SDK. With QVBR there is no `Bitrate`, or it is refused.
 */
export function jobRequest(order: ConversionOrder): CreateJobCommandInput {
  const { plan, video, streams, bucket, inputKey, outputKey, roleArn, queue, token, belongsTo } = order
  return {
    ClientRequestToken: token,
    Role: roleArn,
    ...(queue === null ? {} : { Queue: queue }),
    UserMetadata: { application: 'mirror', ...belongsTo },
    Settings: {
      TimecodeConfig: { Source: 'ZEROBASED' },
      Inputs: [
        {
          FileInput: `s3://${bucket}/${inputKey}`,
          TimecodeSource: 'ZEROBASED',
          VideoSelector: { ColorSpace: 'FOLLOW', Rotate: rotation(video) },
          ...(plan.audio.length === 0 ? {} : { AudioSelectors: selectors(plan.audio, streams) }),
        },
      ],
      OutputGroups: [
        {
          Name: 'File Group',
          OutputGroupSettings: {
            Type: 'FILE_GROUP_SETTINGS',
            FileGroupSettings: { Destination: `s3://${bucket}/${outputKey}` },
          },
          Outputs: plan.rungs.map((rung, index) => output(plan, video, rung, index)),
        },
      ],
    },
  }
}

/** What comes behind `outputKey` in the key of a file: the name modifier and the extension. */
export function madeName({ name }: Pick<Rung, 'name'>): string {
  return `${modifier(name)}.mp4`
}

/**
 * Of one conversion: the same for every attempt at it, another one after it has failed. AWS takes up to 64 ASCII letters,
 * and answers with the job that it has if a token comes again within a minute:
 * https://docs.aws.amazon.com/mediaconvert/latest/apireference/idempotency.html (2026-11).
 */
export function conversionToken(assetId: string, plan: VideoPlan, failedJobId: string | null): string {
  const what = JSON.stringify([assetId, plan, failedJobId])
  return createHash('sha256').update(what).digest('hex').slice(0, 32)
}

function modifier(name: string): string {
  return `-${name}`
}

/** `Rotate` turns clockwise. What the file says counts only where it is MP4 or QuickTime; Mirror has read it anyway. */
function rotation({ rotationDeg }: VideoStream): InputRotate {
  return rotationDeg === 0 ? 'DEGREE_0' : `DEGREES_${rotationDeg}`
}

/** `Tracks` counts from 1, and what is sound alone. */
function selectors(heard: readonly AudioStream[], streams: readonly StreamFacts[]): Record<string, AudioSelector> {
  const tracks = streams.filter(({ kind }) => kind === 'audio').map(({ index }) => index)
  return Object.fromEntries(
    heard.map(({ index }, place) => [
      selectorName(place),
      {
        SelectorType: 'TRACK',
        Tracks: [tracks.indexOf(index) + 1],
        DefaultSelection: place === 0 ? 'DEFAULT' : 'NOT_DEFAULT',
      } as const,
    ]),
  )
}

function selectorName(place: number): string {
  return `Audio Selector ${place + 1}`
}

function output(plan: VideoPlan, video: VideoStream, rung: Rung, index: number): Output {
  const { frameRate, gopFrames } = plan
  const sound = soundOf(plan.audio, index)
  return {
    NameModifier: modifier(rung.name),
    Extension: 'mp4',
    ContainerSettings: { Container: 'MP4', Mp4Settings: { MoovPlacement: 'PROGRESSIVE_DOWNLOAD' } },
    VideoDescription: {
      Width: rung.width,
      Height: rung.height,
      // The plan has reckoned the sides, pixels that are not square included.
      ScalingBehavior: 'STRETCH_TO_OUTPUT',
      AntiAlias: 'ENABLED',
      TimecodeInsertion: 'DISABLED',
      VideoPreprocessors: preprocessors(video),
      CodecSettings: {
        Codec: 'H_264',
        H264Settings: {
          RateControlMode: 'QVBR',
          QvbrSettings: { QvbrQualityLevel: QUALITY },
          MaxBitrate: rung.videoBps,
          HrdBufferSize: rung.videoBps,
          QualityTuningLevel: 'SINGLE_PASS_HQ',
          CodecProfile: 'HIGH',
          CodecLevel: 'AUTO',
          InterlaceMode: 'PROGRESSIVE',
          FramerateControl: 'SPECIFIED',
          FramerateNumerator: frameRate.num,
          FramerateDenominator: frameRate.den,
          FramerateConversionAlgorithm: 'DUPLICATE_DROP',
          ParControl: 'SPECIFIED',
          ParNumerator: 1,
          ParDenominator: 1,
          // Keyframes at the same places in all files, and nowhere else.
          GopSize: gopFrames,
          GopSizeUnits: 'FRAMES',
          GopClosedCadence: 1,
          SceneChangeDetect: 'DISABLED',
          NumberBFramesBetweenReferenceFrames: 2,
        },
      },
    },
    ...(sound.length === 0 ? {} : { AudioDescriptions: sound.map((_, place) => audioOf(rung, place)) }),
  }
}

function preprocessors(video: VideoStream): VideoPreprocessor {
  return {
    Deinterlacer: { Mode: 'DEINTERLACE', Algorithm: 'INTERPOLATE', Control: 'NORMAL' },
    ...(isHdr(video)
      ? { ColorCorrector: { ColorSpaceConversion: 'FORCE_709', HdrToSdrToneMapper: 'PRESERVE_DETAILS' } }
      : {}),
  }
}

function audioOf({ audioBps }: Rung, place: number): AudioDescription {
  return {
    AudioSourceName: selectorName(place),
    LanguageCodeControl: 'FOLLOW_INPUT',
    CodecSettings: {
      Codec: 'AAC',
      AacSettings: {
        CodecProfile: 'LC',
        CodingMode: 'CODING_MODE_2_0',
        RateControlMode: 'CBR',
        Bitrate: audioBps,
        SampleRate: SAMPLE_RATE_HZ,
      },
    },
  }
}

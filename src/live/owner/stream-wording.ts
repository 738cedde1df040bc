// What people are told about a stream: its tracks in words and figures, and what its encoder should do better. Pure.
import { toNumber } from '../../core/rational.ts'
import type { InputTrack, TextTrack, TrackConfig } from '../../media/samples.ts'
import type { DriftPoint } from '../../media/timeline/drift.ts'
import type { InputProtocol, OwnerTrackStatus } from '../control.ts'

const CODEC_NAMES: Readonly<Record<TrackConfig['codec'], string>> = {
  h264: 'H.264',
  hevc: 'HEVC',
  av1: 'AV1',
  aac: 'AAC',
  opus: 'Opus',
}

const PUBLISHER_NAMES: Readonly<Record<InputProtocol, string>> = {
  rtmp: 'RTMP publisher',
  srt: 'SRT publisher',
  cmaf: 'CMAF publisher',
  test: 'Test source',
  udp: 'UDP sender',
  rtp: 'RTP sender',
  pull: 'Pulled source',
}

/** As the start of a sentence. */
export function publisherName(protocol: InputProtocol): string {
  return PUBLISHER_NAMES[protocol]
}

export function describeTrack({ config }: InputTrack): string {
  if (config.kind === 'audio')
    return `${CODEC_NAMES[config.codec]} ${config.sampleRateHz / 1000} kHz ${config.channels} ch`
  const rate = config.frameRate === null ? '' : ` ${Number(toNumber(config.frameRate).toFixed(2))} fps`
  return `${CODEC_NAMES[config.codec]} ${config.widthPx}×${config.heightPx}${rate}`
}

export function trackStatus(id: string, config: TrackConfig, bitrateBps: number): OwnerTrackStatus {
  const isVideo = config.kind === 'video'
  return {
    id,
    kind: config.kind,
    codec: config.codec,
    codecString: config.codecString,
    widthPx: isVideo ? config.widthPx : null,
    heightPx: isVideo ? config.heightPx : null,
    frameRate: isVideo && config.frameRate !== null ? toNumber(config.frameRate) : null,
    sampleRateHz: isVideo ? null : config.sampleRateHz,
    channels: isVideo ? null : config.channels,
    language: isVideo ? null : config.language,
    bitrateBps,
  }
}

export function textStatus({ id, language }: TextTrack): OwnerTrackStatus {
  const none = { widthPx: null, heightPx: null, frameRate: null, sampleRateHz: null, channels: null }
  return { id, kind: 'subtitles', codec: 'webvtt', codecString: 'wvtt', ...none, language, bitrateBps: 0 }
}

/** What a point does that was appended because the encoder's clock drifts or jumped. */
export function describeDrift({ pieces }: DriftPoint): string {
  const [held, slew, settled] = pieces
  if (held === undefined || slew === undefined || settled === undefined) return 'wall-clock times were corrected'
  const ppm = Math.round(settled.ppm)
  const pace = ppm === 0 ? 'keeps time' : `runs ${Math.abs(ppm)} ppm ${ppm > 0 ? 'slow' : 'fast'}`
  const movedMs = Math.round((settled.offsetUs - slew.offsetUs) / 1000)
  return `the encoder's clock ${pace}: wall-clock times are moved by ${movedMs} ms from segment ${slew.fromMsn} on`
}

export interface EncoderFacts {
  readonly keyframeIntervalSec: number | null
  readonly cellSec: number | null
  readonly isFrameRateUnknown: boolean
}

/** Empty when all is well. */
export function encoderAdvice({ keyframeIntervalSec, cellSec, isFrameRateUnknown }: EncoderFacts): readonly string[] {
  const advice: string[] = []
  if (keyframeIntervalSec !== null && cellSec !== null && keyframeIntervalSec > cellSec * 1.05) {
    advice.push(
      `Keyframes come every ${keyframeIntervalSec.toFixed(1)} s; set the encoder's keyframe interval to ${cellSec.toFixed(0)} s so that viewers can join and seek at every segment.`,
    )
  }
  if (isFrameRateUnknown) {
    advice.push('The encoder declares no frame rate and sends frames at uneven times; set a constant frame rate.')
  }
  return advice
}

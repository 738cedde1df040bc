// What every demuxer yields and what everything behind it works on.
import type { Rational } from '../core/rational.ts'
import type { TextCue } from './text/text-cue.ts'
import type { TrackRole } from './track-role.ts'

export type VideoCodec = 'h264' | 'hevc' | 'av1'
export type AudioCodec = 'aac' | 'opus'

export interface VideoConfig {
  readonly kind: 'video'
  readonly codec: VideoCodec
  /** RFC 6381 value for CODECS, for example `avc1.64001f`, `hvc1.1.6.L93.B0`, `av01.0.04M.08`. */
  readonly codecString: string
  readonly widthPx: number
  readonly heightPx: number
  /** Pixel aspect ratio; 1/1 when unknown. */
  readonly pixelAspect: Rational
  /** Frames per second as declared by the codec headers or the container; null when nothing declares it. */
  readonly frameRate: Rational | null
  /** Payload of the `avcC`, `hvcC` or `av1C` box (without the box header). */
  readonly configRecord: Uint8Array
}

export interface AudioConfig {
  readonly kind: 'audio'
  readonly codec: AudioCodec
  /** `mp4a.40.2`, `mp4a.40.5`, `opus`. */
  readonly codecString: string
  readonly sampleRateHz: number
  readonly channels: number
  /** PCM samples per encoded frame: 1024 for AAC-LC, 960 for 20 ms Opus. */
  readonly samplesPerFrame: number
  /** AudioSpecificConfig for AAC (ISO 14496-3 1.6.2.1); payload of `dOps` for Opus. */
  readonly configRecord: Uint8Array
  /** BCP 47 tag from the container, `und` when unknown. */
  readonly language: string
}

export type TrackConfig = VideoConfig | AudioConfig

/** How the clock of an input counts. `wrapBits` null: it never wraps. */
export interface InputClock {
  /** `ts`: MPEG-TS 90 kHz; `rtmp`: FLV milliseconds; `media`: fMP4 decode time (also of epoch time, which the timing layer recognises). */
  readonly kind: 'ts' | 'rtmp' | 'media'
  readonly ticksPerSec: number
  readonly wrapBits: 32 | 33 | null
}

export interface InputTrack {
  /** `v0`, `v1`, … and `a0`, `a1`, … in the order of the container. */
  readonly id: string
  readonly clock: InputClock
  readonly config: TrackConfig
  /** Absent when the container does not say. */
  readonly role?: TrackRole
}

/** One access unit as it lies in an `mdat`: NAL units with 4-byte lengths (no parameter sets, no AUD) for H.264/HEVC, OBUs without temporal delimiters for AV1, raw AAC or Opus frames. */
export interface InputSample {
  readonly trackId: string
  /** Decode time in the track's input clock, not unwrapped: 0 ≤ dts < 2^wrapBits when the clock wraps. */
  readonly dts: number
  /** Presentation minus decode time in the same ticks; may be negative. */
  readonly cto: number
  /** Declared duration in the same ticks, or null when the container has none. */
  readonly duration: number | null
  readonly isKeyframe: boolean
  readonly data: Uint8Array
}

/** A track of subtitles. It is no part of a timeline entry: it may be silent for hours, and follows the clock of the others. */
export interface TextTrack {
  /** `s0`, `s1`, … in the order of the container. */
  readonly id: string
  /** BCP 47 tag from the container, `und` when unknown. */
  readonly language: string
  readonly role: TrackRole | null
  /** Its input tells how far it has come, and not only cues. */
  readonly isTimed: boolean
}

/** What a sample of a text track says. */
export interface TextSample {
  readonly trackId: string
  /** Times in seconds of the input clock that audio and video have, too. */
  readonly cues: readonly TextCue[]
  /** Nothing more will come for the time before this. */
  readonly coveredSec: number
}

/** A mended fault in the input: counted and shown as one event per cause and input. */
export interface Repair {
  readonly cause: RepairCause
  readonly trackId: string | null
  /** Amount in the unit the cause names, for example lost packets. */
  readonly count: number
  readonly detail: string
}

export type RepairCause =
  /** Of the network under the container. */
  | 'packets_lost'
  | 'ts_packet_lost'
  | 'ts_sync_lost'
  | 'ts_corrupt_pes'
  | 'timestamp_jump'
  | 'timestamp_backward'
  | 'late_media'
  | 'sample_dropped'
  | 'gop_too_long'
  | 'part_fit'
  | 'clock_drift'
  | 'corrupt_sample'
  /** The container declares something that is not carried. */
  | 'track_unsupported'
  /** The container declared one track more, or one less, in mid-stream. */
  | 'track_late'
  | 'track_gone'

/**
 * Receives what a demuxer finds, synchronously and in order. `onTrack` comes before the track's first sample and again
 * when its configuration really changes (decoded values differ, not just bytes). `onTracksKnown` comes once, as soon as
 * the container has declared which tracks there are (PMT, moov, both FLV sequence headers or onMetaData).
 */
export interface DemuxSink {
  onTrack(track: InputTrack): void
  onTracksKnown(trackIds: readonly string[]): void
  onSample(sample: InputSample): void
  /** A picture of a declared video track came that cannot be decoded, because no keyframe has come yet. */
  onKeyframeAwaited?(trackId: string): void
  /** Before the first `onText` of the track. Text tracks are not among those that are known. */
  onTextTrack?(track: TextTrack): void
  onText?(sample: TextSample): void
  onRepair(repair: Repair): void
}

/** Bytes in, samples out. Throws MirrorError `ingest_*` when the input cannot go on. Never keeps more than its named limits. */
export interface Demuxer {
  /** Takes ownership of `bytes`: samples may be views into it. Chunks may be cut anywhere. */
  push(bytes: Uint8Array): void
  /** The input ended: yields what is complete; throws `ingest_truncated` when a fragment was cut. */
  end(): void
}

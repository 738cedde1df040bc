// One track of an FLV input: sequence headers become configurations, tags become samples.
import type { Rational } from '../../core/rational.ts'
import { parseAacConfig } from '../codecs/aac-config.ts'
import { parseAv1ConfigRecord, stripTemporalDelimiters } from '../codecs/av1-config.ts'
import { buildAvcConfigRecord, parseAvcConfigRecord, readAvcConfigRecord } from '../codecs/avc-config.ts'
import { buildHevcConfigRecord, parseHevcConfigRecord, readHevcConfigRecord } from '../codecs/hevc-config.ts'
import { findSizedNals, type NalCodec, type NalSpans, packAccessUnit } from '../codecs/nal-units.ts'
import { opusHeadToDops, opusPacketSamples, parseOpusDops } from '../codecs/opus-config.ts'
import { ParameterSets } from '../codecs/parameter-sets.ts'
import { isSameConfig } from '../codecs/same-config.ts'
import type { DemuxSink, InputClock, TrackConfig, VideoConfig } from '../samples.ts'
import type { FlvMessage } from './flv-message.ts'

const RTMP_CLOCK: InputClock = { kind: 'rtmp', ticksPerSec: 1000, wrapBits: 32 }
/** FLV has no languages. */
const UNKNOWN_LANGUAGE = 'und'

export interface FlvTrack {
  readonly id: string
  /** True once a sequence header was seen. */
  readonly hasConfig: boolean
  take(message: FlvMessage, timestampMs: number): void
}

/** `frameRate` is asked when a sequence header without timing arrives. */
export function createFlvTrack(
  id: string,
  codec: FlvMessage['codec'],
  sink: DemuxSink,
  frameRate: () => Rational | null,
): FlvTrack {
  const output = new TrackOutput(id, sink, frameRate)
  switch (codec) {
    case 'h264':
    case 'hevc':
      return new NalTrack(output, codec)
    case 'av1':
      return new Av1Track(output)
    case 'aac':
      return new AacTrack(output)
    case 'opus':
      return new OpusTrack(output)
    default:
      return codec satisfies never
  }
}

class TrackOutput {
  readonly id: string
  readonly #sink: DemuxSink
  readonly #frameRate: () => Rational | null
  #announced: TrackConfig | null = null

  constructor(id: string, sink: DemuxSink, frameRate: () => Rational | null) {
    this.id = id
    this.#sink = sink
    this.#frameRate = frameRate
  }

  announce(config: TrackConfig): void {
    if (this.#announced !== null && isSameConfig(this.#announced, config)) return
    this.#announced = config
    this.#sink.onTrack({ id: this.id, clock: RTMP_CLOCK, config })
  }

  withFrameRate(config: VideoConfig): VideoConfig {
    return config.frameRate === null ? { ...config, frameRate: this.#frameRate() } : config
  }

  sample(dts: number, cto: number, isKeyframe: boolean, data: Uint8Array): void {
    this.#sink.onSample({ trackId: this.id, dts, cto, duration: null, isKeyframe, data })
  }

  /** A picture that cannot be decoded yet: the track is alive. */
  awaitsKeyframe(): void {
    this.#sink.onKeyframeAwaited?.(this.id)
  }

  corrupt(detail: string): void {
    this.#sink.onRepair({ cause: 'corrupt_sample', trackId: this.id, count: 1, detail })
  }
}

/** H.264 and HEVC. Keyframes are told by their NAL units, not by the frame type, which encoders also set on open GOPs. */
class NalTrack implements FlvTrack {
  readonly #output: TrackOutput
  readonly #codec: NalCodec
  readonly #spans: NalSpans = []
  #sets: ParameterSets | null = null
  #lengthSize = 4
  #isStarted = false

  constructor(output: TrackOutput, codec: NalCodec) {
    this.#output = output
    this.#codec = codec
  }

  get id(): string {
    return this.#output.id
  }

  get hasConfig(): boolean {
    return this.#sets !== null
  }

  take(message: FlvMessage, timestampMs: number): void {
    if (message.kind === 'config') this.#configure(message.payload)
    else this.#frame(message, timestampMs)
  }

  #configure(payload: Uint8Array): void {
    if (payload.length === 0) return
    const record = payload.slice() // it outlives the network buffer
    const { config, lengthSize } = this.#codec === 'h264' ? readAvc(record) : readHevc(record)
    this.#lengthSize = lengthSize
    this.#sets = ParameterSets.fromConfig({ ...this.#output.withFrameRate(config), codec: this.#codec })
    this.#announce()
  }

  #frame(message: FlvMessage, timestampMs: number): void {
    const sets = this.#sets
    if (sets === null) return // nothing can decode it
    const count = findSizedNals(message.payload, this.#lengthSize, this.#spans)
    if (count === null) {
      this.#output.corrupt('the lengths of the NAL units do not fit the frame')
      return
    }
    const unit = packAccessUnit(this.#codec, message.payload, this.#spans, count)
    if (unit.parameterSets.length > 0) {
      const broken = sets.offer(unit.parameterSets)
      if (broken > 0) this.#output.corrupt('a parameter set cannot be parsed and was ignored')
      this.#announce()
    }
    if (!unit.hasPicture) return
    if (!this.#isStarted && !unit.isKeyframe) {
      this.#output.awaitsKeyframe()
      return
    }
    this.#isStarted = true
    this.#output.sample(timestampMs, message.compositionOffsetMs, unit.isKeyframe, unit.data)
  }

  #announce(): void {
    const config = this.#sets?.config
    if (config !== null && config !== undefined) this.#output.announce(this.#output.withFrameRate(config))
  }
}

class Av1Track implements FlvTrack {
  readonly #output: TrackOutput
  #isStarted = false
  hasConfig = false

  constructor(output: TrackOutput) {
    this.#output = output
  }

  get id(): string {
    return this.#output.id
  }

  take(message: FlvMessage, timestampMs: number): void {
    if (message.kind === 'config') {
      if (message.payload.length === 0) return
      this.#output.announce(this.#output.withFrameRate(parseAv1ConfigRecord(message.payload.slice())))
      this.hasConfig = true
      return
    }
    if (!this.hasConfig) return
    if (!this.#isStarted && !message.isKeyframe) {
      this.#output.awaitsKeyframe()
      return
    }
    const data = stripTemporalDelimiters(message.payload)
    if (data.length === 0) return
    this.#isStarted = true
    this.#output.sample(timestampMs, 0, message.isKeyframe, data)
  }
}

class AacTrack implements FlvTrack {
  readonly #output: TrackOutput
  hasConfig = false

  constructor(output: TrackOutput) {
    this.#output = output
  }

  get id(): string {
    return this.#output.id
  }

  take({ kind, payload }: FlvMessage, timestampMs: number): void {
    if (payload.length === 0) return
    if (kind === 'config') {
      this.#output.announce(parseAacConfig(payload.slice(), UNKNOWN_LANGUAGE))
      this.hasConfig = true
    } else if (this.hasConfig) {
      this.#output.sample(timestampMs, 0, true, payload)
    }
  }
}

class OpusTrack implements FlvTrack {
  readonly #output: TrackOutput
  #dops: Uint8Array | null = null

  constructor(output: TrackOutput) {
    this.#output = output
  }

  get id(): string {
    return this.#output.id
  }

  get hasConfig(): boolean {
    return this.#dops !== null
  }

  take({ kind, payload }: FlvMessage, timestampMs: number): void {
    if (payload.length === 0) return
    if (kind === 'config') {
      const dops = opusHeadToDops(payload)
      parseOpusDops(dops, UNKNOWN_LANGUAGE)
      this.#dops = dops
      return
    }
    if (this.#dops === null) return
    // Only a packet tells how long packets are, so the track is announced with its first one.
    const samples = opusPacketSamples(payload)
    if (samples === null) {
      this.#output.corrupt('an Opus packet has no valid duration')
      return
    }
    this.#output.announce(parseOpusDops(this.#dops, UNKNOWN_LANGUAGE, samples))
    this.#output.sample(timestampMs, 0, true, payload)
  }
}

interface ReadRecord {
  readonly config: VideoConfig
  readonly lengthSize: number
}

/** Samples leave with 4-byte lengths, so a record of shorter ones is written anew. */
function readAvc(record: Uint8Array): ReadRecord {
  const { lengthSize, sps, pps } = readAvcConfigRecord(record)
  const config = parseAvcConfigRecord(record)
  return { lengthSize, config: lengthSize === 4 ? config : { ...config, configRecord: buildAvcConfigRecord(sps, pps) } }
}

function readHevc(record: Uint8Array): ReadRecord {
  const { lengthSize, vps, sps, pps } = readHevcConfigRecord(record)
  const config = parseHevcConfigRecord(record)
  return {
    lengthSize,
    config: lengthSize === 4 ? config : { ...config, configRecord: buildHevcConfigRecord(vps, sps, pps) },
  }
}

// AudioSpecificConfig: ISO 14496-3 1.6.2.1, GASpecificConfig 4.4.1.
import { MirrorError } from '../../core/errors.ts'
import type { AudioConfig } from '../samples.ts'
import { BitReader } from './bit-reader.ts'

export interface AudioSpecificConfig {
  /** The object type a player has to know: 2 AAC-LC, 5 with SBR (HE-AAC), 29 with SBR and PS (HE-AAC v2). */
  readonly objectType: number
  /** Rate of the AAC core, also with SBR: `samplesPerFrame` counts core samples, so the quotient is the frame's duration. */
  readonly sampleRateHz: number
  /** As decoded: 2 for a mono core with PS. */
  readonly channels: number
  readonly samplesPerFrame: 1024 | 960
}

export const AAC_SAMPLE_RATES_HZ: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
]

/** Table 1.19, channelConfiguration → channels; 0 means a program_config_element. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8]

const ESCAPE_OBJECT_TYPE = 31
const AAC_MAIN = 1
const AAC_LC = 2
const AAC_LTP = 4
const SBR = 5
const PS = 29
const CORE_TYPES = new Set([AAC_MAIN, AAC_LC, AAC_LTP])

/** Throws `ingest_malformed`, or `ingest_codec_unsupported` for object types that are not AAC. */
export function parseAudioSpecificConfig(bytes: Uint8Array): AudioSpecificConfig {
  const reader = new BitReader(bytes)
  let coreType = readObjectType(reader)
  const sampleRateHz = readSampleRate(reader)
  const channelConfig = reader.bits(4)
  let extension = 0
  if (coreType === SBR || coreType === PS) {
    extension = coreType
    readSampleRate(reader)
    coreType = readObjectType(reader)
  }
  if (!CORE_TYPES.has(coreType)) {
    throw new MirrorError('ingest_codec_unsupported', `MPEG-4 audio object type ${coreType} is not supported`)
  }

  const samplesPerFrame = reader.flag() ? 960 : 1024
  if (reader.flag()) reader.skip(14) // coreCoderDelay
  reader.skip(1)
  const coreChannels = channelConfig === 0 ? readProgramChannels(reader) : (CHANNELS[channelConfig] ?? 0)
  if (coreChannels === 0) {
    throw new MirrorError('ingest_malformed', `the AudioSpecificConfig declares channel configuration ${channelConfig}`)
  }
  if (extension === 0) extension = readTrailingExtension(reader)

  return {
    objectType: extension === 0 ? coreType : extension,
    sampleRateHz,
    channels: extension === PS && coreChannels === 1 ? 2 : coreChannels,
    samplesPerFrame,
  }
}

/** AAC without extensions. `channelConfig` is 1 to 7. */
export function buildAudioSpecificConfig(objectType: number, rateIndex: number, channelConfig: number): Uint8Array {
  return Uint8Array.of((objectType << 3) | (rateIndex >>> 1), ((rateIndex & 1) << 7) | (channelConfig << 3))
}

export function parseAacConfig(configRecord: Uint8Array, language: string): AudioConfig {
  const { objectType, sampleRateHz, channels, samplesPerFrame } = parseAudioSpecificConfig(configRecord)
  return {
    kind: 'audio',
    codec: 'aac',
    codecString: `mp4a.40.${objectType}`,
    sampleRateHz,
    channels,
    samplesPerFrame,
    configRecord,
    language,
  }
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5)
  return type === ESCAPE_OBJECT_TYPE ? 32 + reader.bits(6) : type
}

function readSampleRate(reader: BitReader): number {
  const index = reader.bits(4)
  const rate = index === 15 ? reader.bits(24) : (AAC_SAMPLE_RATES_HZ[index] ?? 0)
  if (rate < 1000 || rate > 192_000) {
    throw new MirrorError('ingest_malformed', `the AudioSpecificConfig declares a sample rate of ${rate} Hz`)
  }
  return rate
}

/** program_config_element, 4.4.1.1: only the channels are counted. */
function readProgramChannels(reader: BitReader): number {
  reader.skip(4 + 2 + 4)
  const mainElements = reader.bits(4) + reader.bits(4) + reader.bits(4)
  const lowFrequencyElements = reader.bits(2)
  reader.skip(3 + 4)
  if (reader.flag()) reader.skip(4)
  if (reader.flag()) reader.skip(4)
  if (reader.flag()) reader.skip(3)
  let channels = lowFrequencyElements
  for (let element = 0; element < mainElements; element += 1) {
    channels += reader.flag() ? 2 : 1
    reader.skip(4)
  }
  return channels
}

/** Backward compatible explicit signalling: sync words 0x2B7 (SBR) and 0x548 (PS) behind the core configuration. */
function readTrailingExtension(reader: BitReader): number {
  if (reader.bitsLeft < 16 || reader.bits(11) !== 0x2b7 || reader.bits(5) !== SBR) return 0
  if (reader.bitsLeft < 5 || !reader.flag()) return 0
  if (reader.bits(4) === 15) {
    if (reader.bitsLeft < 24) return 0
    reader.skip(24)
  }
  return reader.bitsLeft >= 12 && reader.bits(11) === 0x548 && reader.flag() ? PS : SBR
}

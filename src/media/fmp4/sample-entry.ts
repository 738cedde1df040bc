// `stsd`: how a track is coded. ISO/IEC 14496-12 12.1.3 and 12.2.3, 14496-15, AV1 and Opus in ISOBMFF, and the sound
// description versions 1 and 2 of the QuickTime file format.
import { MirrorError } from '../../core/errors.ts'
import { rational } from '../../core/rational.ts'
import { parseAacConfig } from '../codecs/aac-config.ts'
import { parseAv1ConfigRecord } from '../codecs/av1-config.ts'
import { parseAvcConfigRecord, readAvcConfigRecord } from '../codecs/avc-config.ts'
import { parseHevcConfigRecord, readHevcConfigRecord } from '../codecs/hevc-config.ts'
import { parseOpusDops } from '../codecs/opus-config.ts'
import type { AudioCodec, AudioConfig, TrackConfig, VideoCodec, VideoConfig } from '../samples.ts'
import { BoxReader, type BoxSpan, childBoxes, findBox, malformed } from './boxes.ts'
import { parseElementaryStream } from './descriptors.ts'

export interface SampleEntry {
  /** As in the container, with the object type for `mp4a`: `avc1`, `hev1`, `mp4a.6b`. */
  readonly fourCc: string
  /** Null when it is not supported. */
  readonly codec: VideoCodec | AudioCodec | null
  /** Null when the codec is not supported, or when only the samples hold the parameter sets. */
  readonly config: TrackConfig | null
  /** Bytes of a NAL unit length in the container's samples; 4 for codecs without NAL units. */
  readonly nalLengthBytes: number
  /** `avc3` and `hev1`: samples may repeat or change the parameter sets. */
  readonly hasInBandParameterSets: boolean
}

interface VideoForm {
  readonly codec: VideoCodec
  readonly box: string
  readonly hasInBandParameterSets: boolean
}

const VIDEO_FORMS: Readonly<Record<string, VideoForm>> = {
  avc1: { codec: 'h264', box: 'avcC', hasInBandParameterSets: false },
  avc3: { codec: 'h264', box: 'avcC', hasInBandParameterSets: true },
  hvc1: { codec: 'hevc', box: 'hvcC', hasInBandParameterSets: false },
  hev1: { codec: 'hevc', box: 'hvcC', hasInBandParameterSets: true },
  av01: { codec: 'av1', box: 'av1C', hasInBandParameterSets: false },
}
const VISUAL_ENTRY_BYTES = 78
const AUDIO_ENTRY_BYTES = 28
/** What QuickTime sound descriptions of version 1 and 2 add. */
const QUICKTIME_EXTRA_BYTES = [0, 16, 36]
const AAC_OBJECT_TYPES = [0x40, 0x66, 0x67, 0x68]

/** Looks at the first entry of `stsd`; live inputs have one. */
export function parseSampleEntry(
  bytes: Uint8Array,
  stsd: BoxSpan,
  kind: 'video' | 'audio',
  language: string,
): SampleEntry {
  const entry = childBoxes(bytes, stsd.start + 8, stsd.end, 'stsd')[0]
  if (entry === undefined) throw malformed('"stsd" describes no codec')
  return kind === 'video' ? parseVideoEntry(bytes, entry) : parseAudioEntry(bytes, entry, language)
}

function parseVideoEntry(bytes: Uint8Array, entry: BoxSpan): SampleEntry {
  const form = VIDEO_FORMS[entry.type]
  if (form === undefined) return unsupported(entry.type)
  const reader = new BoxReader(bytes, entry)
  reader.skip(VISUAL_ENTRY_BYTES)
  const boxes = childBoxes(bytes, reader.offset, entry.end, entry.type)
  const record = findBox(boxes, form.box)
  if (record === null) throw malformed(`"${entry.type}" has no "${form.box}"`)

  const configRecord = bytes.slice(record.start, record.end)
  const nalLengthBytes = takeNalLengthBytes(form.codec, configRecord)
  const parsed =
    form.hasInBandParameterSets && isEmptyRecord(form.codec, configRecord)
      ? null
      : parseRecord(form.codec, configRecord)
  const pixelAspect = parsePixelAspect(bytes, findBox(boxes, 'pasp'))
  return {
    fourCc: entry.type,
    codec: form.codec,
    config: parsed === null || pixelAspect === null ? parsed : { ...parsed, pixelAspect },
    nalLengthBytes,
    hasInBandParameterSets: form.hasInBandParameterSets,
  }
}

function parseRecord(codec: VideoCodec, record: Uint8Array): VideoConfig {
  switch (codec) {
    case 'h264':
      return parseAvcConfigRecord(record)
    case 'hevc':
      return parseHevcConfigRecord(record)
    case 'av1':
      return parseAv1ConfigRecord(record)
    default:
      return codec satisfies never
  }
}

function isEmptyRecord(codec: VideoCodec, record: Uint8Array): boolean {
  const { sps, pps } = codec === 'h264' ? readAvcConfigRecord(record) : readHevcConfigRecord(record)
  return sps.length === 0 || pps.length === 0
}

/** Samples leave with 4-byte lengths, so the record must say so, too. */
function takeNalLengthBytes(codec: VideoCodec, record: Uint8Array): number {
  if (codec === 'av1') return 4
  const at = codec === 'h264' ? 4 : 21
  const byte = record[at]
  if (byte === undefined) throw malformed(`the ${codec} configuration is cut short`)
  const nalLengthBytes = (byte & 3) + 1
  if (nalLengthBytes === 3) throw malformed(`the ${codec} configuration has NAL lengths of 3 bytes`)
  record[at] = byte | 3
  return nalLengthBytes
}

function parsePixelAspect(bytes: Uint8Array, pasp: BoxSpan | null): VideoConfig['pixelAspect'] | null {
  if (pasp === null) return null
  const reader = new BoxReader(bytes, pasp)
  const num = reader.u32()
  const den = reader.u32()
  return num === 0 || den === 0 ? null : rational(num, den)
}

function parseAudioEntry(bytes: Uint8Array, entry: BoxSpan, language: string): SampleEntry {
  if (entry.type !== 'mp4a' && entry.type !== 'Opus') return unsupported(entry.type)
  const reader = new BoxReader(bytes, entry)
  reader.skip(8)
  const version = reader.u16()
  reader.skip(AUDIO_ENTRY_BYTES - 10)
  reader.skip(entry.type === 'mp4a' ? (QUICKTIME_EXTRA_BYTES[version] ?? 0) : 0)
  const boxes = childBoxes(bytes, reader.offset, entry.end, entry.type)

  if (entry.type === 'Opus') {
    const dOps = findBox(boxes, 'dOps')
    if (dOps === null) throw malformed('"Opus" has no "dOps"')
    return supportedAudio('Opus', parseOpusDops(bytes.slice(dOps.start, dOps.end), language))
  }

  const esds = findBox(boxes, 'esds') ?? findInWave(bytes, boxes)
  const stream = esds === null ? null : parseElementaryStream(bytes, esds)
  if (stream === null) throw malformed('"mp4a" has no usable "esds"')
  if (!AAC_OBJECT_TYPES.includes(stream.objectType)) return unsupported(`mp4a.${stream.objectType.toString(16)}`)
  try {
    return supportedAudio('mp4a', parseAacConfig(stream.decoderSpecific, language))
  } catch (error) {
    // One audio object type that is no AAC must not refuse the other tracks.
    if (error instanceof MirrorError && error.code === 'ingest_codec_unsupported') return unsupported('mp4a.40')
    throw error
  }
}

/** QuickTime wraps `esds` into `wave`. */
function findInWave(bytes: Uint8Array, boxes: readonly BoxSpan[]): BoxSpan | null {
  const wave = findBox(boxes, 'wave')
  return wave === null ? null : findBox(childBoxes(bytes, wave.start, wave.end, 'wave'), 'esds')
}

function supportedAudio(fourCc: string, config: AudioConfig): SampleEntry {
  return { fourCc, codec: config.codec, config, nalLengthBytes: 4, hasInBandParameterSets: false }
}

function unsupported(fourCc: string): SampleEntry {
  return { fourCc, codec: null, config: null, nalLengthBytes: 4, hasInBandParameterSets: false }
}

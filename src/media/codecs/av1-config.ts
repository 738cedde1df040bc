// AV1CodecConfigurationRecord, the payload of `av1C` (AV1 in ISOBMFF 2.3), and the sequence header (AV1 5.5).
import { MirrorError } from '../../core/errors.ts'
import type { Rational } from '../../core/rational.ts'
import type { VideoConfig } from '../samples.ts'
import { BitReader } from './bit-reader.ts'
import { declaredFrameRate, SQUARE_PIXELS } from './video-usability.ts'

export interface Av1SequenceHeader {
  readonly widthPx: number
  readonly heightPx: number
  readonly frameRate: Rational | null
}

const OBU_SEQUENCE_HEADER = 1
const OBU_TEMPORAL_DELIMITER = 2

interface Obu {
  readonly type: number
  readonly payload: Uint8Array
  /** Offset behind the OBU. */
  readonly end: number
}

/** Throws `ingest_malformed` when the record cannot be parsed or carries no sequence header. */
export function parseAv1ConfigRecord(bytes: Uint8Array): VideoConfig {
  const [marker = 0, profileAndLevel = 0, flags = 0] = bytes
  if (bytes.length < 4 || marker !== 0x81) throw new MirrorError('ingest_malformed', 'the av1C record is not valid')
  const sequence = av1SequenceHeaderBytes(bytes)
  if (sequence === null) throw new MirrorError('ingest_malformed', 'the av1C record carries no sequence header')
  const { widthPx, heightPx, frameRate } = parseAv1SequenceHeader(sequence)

  const profile = profileAndLevel >>> 5
  const level = String(profileAndLevel & 0x1f).padStart(2, '0')
  const tier = (flags & 0x80) === 0 ? 'M' : 'H'
  const isHighBitDepth = (flags & 0x40) !== 0
  const isTwelveBit = (flags & 0x20) !== 0
  const bitDepth = isHighBitDepth ? (isTwelveBit ? '12' : '10') : '08'
  return {
    kind: 'video',
    codec: 'av1',
    codecString: `av01.${profile}.${level}${tier}.${bitDepth}`,
    widthPx,
    heightPx,
    pixelAspect: SQUARE_PIXELS,
    frameRate,
    configRecord: bytes,
  }
}

/** The payload of the sequence header OBU in a record, or null. */
export function av1SequenceHeaderBytes(record: Uint8Array): Uint8Array | null {
  for (let at = 4; at < record.length; ) {
    const obu = readObu(record, at)
    if (obu === null) return null
    if (obu.type === OBU_SEQUENCE_HEADER) return obu.payload
    at = obu.end
  }
  return null
}

/** A sample without the temporal delimiters at its start (they do not belong in ISOBMFF); a view. */
export function stripTemporalDelimiters(sample: Uint8Array): Uint8Array {
  let at = 0
  while (at < sample.length) {
    const obu = readObu(sample, at)
    if (obu === null || obu.type !== OBU_TEMPORAL_DELIMITER) break
    at = obu.end
  }
  return sample.subarray(at)
}

/** 5.5.1, up to the frame size. */
export function parseAv1SequenceHeader(payload: Uint8Array): Av1SequenceHeader {
  const reader = new BitReader(payload)
  reader.skip(3 + 1)
  let frameRate: Rational | null = null
  if (reader.flag()) {
    reader.skip(5) // reduced_still_picture_header: one level and nothing else
  } else {
    let bufferDelayBits = 0
    if (reader.flag()) {
      frameRate = readTiming(reader)
      if (reader.flag()) {
        bufferDelayBits = reader.bits(5) + 1
        reader.skip(32 + 5 + 5)
      }
    }
    skipOperatingPoints(reader, bufferDelayBits)
  }
  const widthBits = reader.bits(4) + 1
  const heightBits = reader.bits(4) + 1
  return { widthPx: reader.bits(widthBits) + 1, heightPx: reader.bits(heightBits) + 1, frameRate }
}

/** 5.5.3 */
function readTiming(reader: BitReader): Rational | null {
  const unitsPerTick = reader.bits(32)
  const timeScale = reader.bits(32)
  // Only with equal intervals does the tick say how long a picture lasts.
  if (!reader.flag()) return null
  const ticksPerPicture = reader.unsignedGolomb() + 1
  return declaredFrameRate(timeScale, unitsPerTick * ticksPerPicture)
}

function skipOperatingPoints(reader: BitReader, bufferDelayBits: number): void {
  const hasDisplayDelay = reader.flag()
  const count = reader.bits(5) + 1
  for (let point = 0; point < count; point += 1) {
    reader.skip(12)
    const level = reader.bits(5)
    if (level > 7) reader.skip(1)
    if (bufferDelayBits > 0 && reader.flag()) reader.skip(2 * bufferDelayBits + 1)
    if (hasDisplayDelay && reader.flag()) reader.skip(4)
  }
}

/** 5.3; null when the OBU does not fit. */
function readObu(bytes: Uint8Array, start: number): Obu | null {
  const header = bytes[start] ?? 0
  const type = (header >>> 3) & 0xf
  let at = start + ((header & 4) === 0 ? 1 : 2)
  let size = bytes.length - at
  if ((header & 2) !== 0) {
    size = 0
    // leb128; a size beyond 2^28 cannot fit here, so four bytes are enough.
    for (let index = 0; ; index += 1) {
      const byte = bytes[at]
      if (byte === undefined || index === 4) return null
      at += 1
      size += (byte & 0x7f) * 2 ** (7 * index)
      if (byte < 0x80) break
    }
  }
  const end = at + size
  return size < 0 || end > bytes.length ? null : { type, payload: bytes.subarray(at, end), end }
}

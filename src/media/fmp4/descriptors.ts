// MPEG-4 descriptors inside `esds`: ISO/IEC 14496-1 7.2.6 (tags, expandable sizes) and 14496-14 5.6.
import { type BoxSpan, malformed } from './boxes.ts'
import type { ByteWriter } from './byte-writer.ts'

const TAG_ES = 0x03
const TAG_DECODER_CONFIG = 0x04
const TAG_DECODER_SPECIFIC = 0x05
const TAG_SYNC_LAYER = 0x06
const OBJECT_TYPE_AAC = 0x40
const AUDIO_STREAM = (0x05 << 2) | 1

export interface ElementaryStream {
  /** 0x40 MPEG-4 AAC, 0x66–0x68 MPEG-2 AAC, 0x69 and 0x6b MP3. */
  readonly objectType: number
  readonly decoderSpecific: Uint8Array
}

/** Payload of `esds` after version and flags. */
export function writeElementaryStream(out: ByteWriter, audioSpecificConfig: Uint8Array): void {
  const specificBytes = descriptorBytes(audioSpecificConfig.length)
  const decoderBytes = descriptorBytes(13 + specificBytes)
  const syncBytes = descriptorBytes(1)
  writeHeader(out, TAG_ES, 3 + decoderBytes + syncBytes)
  out.u16(0) // ES_ID: 0 in a file
  out.u8(0)
  writeHeader(out, TAG_DECODER_CONFIG, 13 + specificBytes)
  out.u8(OBJECT_TYPE_AAC)
  out.u8(AUDIO_STREAM)
  out.zeros(3 + 4 + 4) // buffer size, maximum and average bit rate: unknown
  writeHeader(out, TAG_DECODER_SPECIFIC, audioSpecificConfig.length)
  out.bytes(audioSpecificConfig)
  writeHeader(out, TAG_SYNC_LAYER, 1)
  out.u8(2) // the predefined value for MP4 files
}

/** Null when the descriptors do not describe a decoder. */
export function parseElementaryStream(bytes: Uint8Array, esds: BoxSpan): ElementaryStream | null {
  const es = findDescriptor(bytes, esds.start + 4, esds.end, TAG_ES)
  if (es === null) return null
  const flags = bytes[es.start + 2] ?? 0
  let offset = es.start + 3
  if ((flags & 0x80) !== 0) offset += 2 // depends on another stream
  if ((flags & 0x40) !== 0) offset += 1 + (bytes[offset] ?? 0) // URL
  if ((flags & 0x20) !== 0) offset += 2 // OCR stream
  const decoder = findDescriptor(bytes, offset, es.end, TAG_DECODER_CONFIG)
  if (decoder === null) return null
  const specific = findDescriptor(bytes, decoder.start + 13, decoder.end, TAG_DECODER_SPECIFIC)
  return {
    objectType: bytes[decoder.start] ?? 0,
    decoderSpecific: specific === null ? new Uint8Array(0) : bytes.slice(specific.start, specific.end),
  }
}

interface Span {
  readonly start: number
  readonly end: number
}

function findDescriptor(bytes: Uint8Array, start: number, end: number, wanted: number): Span | null {
  let offset = start
  while (offset + 2 <= end) {
    const tag = bytes[offset++] ?? 0
    let size = 0
    for (let i = 0; i < 4; i++) {
      const byte = bytes[offset++] ?? 0
      size = (size << 7) | (byte & 0x7f)
      if ((byte & 0x80) === 0) break
    }
    if (offset + size > end) throw malformed('a descriptor in "esds" reaches past its end')
    if (tag === wanted) return { start: offset, end: offset + size }
    offset += size
  }
  return null
}

/** Tag, size and body; sizes take one byte per 7 bits. */
function descriptorBytes(bodyBytes: number): number {
  return 1 + sizeBytes(bodyBytes) + bodyBytes
}

function sizeBytes(value: number): number {
  return value < 0x80 ? 1 : 1 + sizeBytes(value >>> 7)
}

function writeHeader(out: ByteWriter, tag: number, bodyBytes: number): void {
  out.u8(tag)
  for (let i = sizeBytes(bodyBytes) - 1; i >= 0; i--) out.u8(((bodyBytes >>> (7 * i)) & 0x7f) | (i === 0 ? 0 : 0x80))
}

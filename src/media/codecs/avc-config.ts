// AVCDecoderConfigurationRecord, the payload of `avcC`: ISO 14496-15 5.3.3.1.
import { MirrorError } from '../../core/errors.ts'
import type { VideoConfig } from '../samples.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { type H264Sps, parseH264Sps } from './h264-sps.ts'

export interface AvcConfigRecord {
  /** Bytes of the length before each NAL unit of a sample: 1, 2 or 4. */
  readonly lengthSize: number
  readonly sps: readonly Uint8Array[]
  readonly pps: readonly Uint8Array[]
}

/** Profiles that existed before chroma format and bit depth were added to the record. */
const BASIC_PROFILES = new Set([66, 77, 88])

/** Samples that belong to the record have 4-byte lengths. */
export function buildAvcConfigRecord(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): Uint8Array {
  const first = sps[0]
  if (first === undefined) throw new MirrorError('ingest_malformed', 'there is no H.264 SPS')
  const header = parseH264Sps(first)
  const writer = new ByteWriter().u8(1).u8(header.profileIdc).u8(header.constraintFlags).u8(header.levelIdc)
  writer.u8(0xfc | 3)
  const someSps = sps.slice(0, 31)
  writer.u8(0xe0 | someSps.length)
  for (const nal of someSps) writer.u16(nal.length).bytes(nal)
  const somePps = pps.slice(0, 255)
  writer.u8(somePps.length)
  for (const nal of somePps) writer.u16(nal.length).bytes(nal)
  if (!BASIC_PROFILES.has(header.profileIdc)) {
    writer
      .u8(0xfc | header.chromaFormatIdc)
      .u8(0xf8 | (header.bitDepthLuma - 8))
      .u8(0xf8 | (header.bitDepthChroma - 8))
      .u8(0)
  }
  return writer.toBytes()
}

export function readAvcConfigRecord(bytes: Uint8Array): AvcConfigRecord {
  const reader = new ByteReader(bytes, 'the avcC record')
  const version = reader.u8()
  if (version !== 1) throw new MirrorError('ingest_malformed', `the avcC record has the unknown version ${version}`)
  reader.view(3)
  const lengthSize = (reader.u8() & 3) + 1
  if (lengthSize === 3) throw new MirrorError('ingest_malformed', 'the avcC record declares 3-byte NAL unit lengths')
  const sps = readSets(reader, reader.u8() & 0x1f)
  const pps = readSets(reader, reader.u8())
  return { lengthSize, sps, pps }
}

/** Throws `ingest_malformed` when the record cannot be parsed or holds no SPS or no PPS. */
export function parseAvcConfigRecord(bytes: Uint8Array): VideoConfig {
  const { sps, pps } = readAvcConfigRecord(bytes)
  const first = sps[0]
  if (first === undefined) throw new MirrorError('ingest_malformed', 'the avcC record holds no SPS')
  if (pps.length === 0) throw new MirrorError('ingest_malformed', 'the avcC record holds no PPS')
  return avcVideoConfig(parseH264Sps(first), bytes)
}

export function avcVideoConfig(sps: H264Sps, configRecord: Uint8Array): VideoConfig {
  const profile = [sps.profileIdc, sps.constraintFlags, sps.levelIdc]
  return {
    kind: 'video',
    codec: 'h264',
    codecString: `avc1.${profile.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`,
    widthPx: sps.widthPx,
    heightPx: sps.heightPx,
    pixelAspect: sps.pixelAspect,
    frameRate: sps.frameRate,
    configRecord,
  }
}

function readSets(reader: ByteReader, count: number): Uint8Array[] {
  const sets: Uint8Array[] = []
  for (let index = 0; index < count; index += 1) {
    const set = reader.view(reader.u16())
    if (set.length > 0) sets.push(set)
  }
  return sets
}

// HEVCDecoderConfigurationRecord, the payload of `hvcC`: ISO 14496-15 8.3.3.1; codec string: Annex E.3.
import { MirrorError } from '../../core/errors.ts'
import type { Rational } from '../../core/rational.ts'
import type { VideoConfig } from '../samples.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { type HevcProfile, type HevcSps, parseHevcSps, parseHevcVps } from './hevc-sps.ts'

export interface HevcConfigRecord {
  /** Bytes of the length before each NAL unit of a sample: 1, 2 or 4. */
  readonly lengthSize: number
  readonly vps: readonly Uint8Array[]
  readonly sps: readonly Uint8Array[]
  readonly pps: readonly Uint8Array[]
}

const NAL_VPS = 32
const NAL_SPS = 33
const NAL_PPS = 34

/** Samples that belong to the record have 4-byte lengths. */
export function buildHevcConfigRecord(
  vps: readonly Uint8Array[],
  sps: readonly Uint8Array[],
  pps: readonly Uint8Array[],
): Uint8Array {
  const first = sps[0]
  if (first === undefined) throw new MirrorError('ingest_malformed', 'there is no HEVC SPS')
  const header = parseHevcSps(first)
  const { profile } = header
  const writer = new ByteWriter()
    .u8(1)
    .u8((profile.profileSpace << 6) | (profile.isHighTier ? 0x20 : 0) | profile.profileIdc)
    .u32(profile.compatibilityFlags)
    .bytes(profile.constraintBytes)
    .u8(profile.levelIdc)
    .u16(0xf000) // min_spatial_segmentation_idc unknown
    .u8(0xfc) // parallelismType unknown
    .u8(0xfc | header.chromaFormatIdc)
    .u8(0xf8 | (header.bitDepthLuma - 8))
    .u8(0xf8 | (header.bitDepthChroma - 8))
    .u16(0) // avgFrameRate unspecified
    .u8((header.temporalLayers << 3) | (header.isTemporalIdNested ? 4 : 0) | 3)
    .u8(3)
  for (const [type, nals] of [[NAL_VPS, vps] as const, [NAL_SPS, sps] as const, [NAL_PPS, pps] as const]) {
    writer.u8(0x80 | type).u16(nals.length) // array_completeness: none of them are in the samples
    for (const nal of nals) writer.u16(nal.length).bytes(nal)
  }
  return writer.toBytes()
}

export function readHevcConfigRecord(bytes: Uint8Array): HevcConfigRecord {
  const reader = new ByteReader(bytes, 'the hvcC record')
  const version = reader.u8()
  // Version 0 was written by encoders of the draft years; the layout is the same.
  if (version > 1) throw new MirrorError('ingest_malformed', `the hvcC record has the unknown version ${version}`)
  reader.view(20)
  const lengthSize = (reader.u8() & 3) + 1
  if (lengthSize === 3) throw new MirrorError('ingest_malformed', 'the hvcC record declares 3-byte NAL unit lengths')
  const sets: Record<number, Uint8Array[]> = {}
  const arrayCount = reader.u8()
  for (let array = 0; array < arrayCount; array += 1) {
    const type = reader.u8() & 0x3f
    const nalCount = reader.u16()
    for (let index = 0; index < nalCount; index += 1) {
      const nal = reader.view(reader.u16())
      if (nal.length === 0) continue
      sets[type] ??= []
      sets[type].push(nal)
    }
  }
  return { lengthSize, vps: sets[NAL_VPS] ?? [], sps: sets[NAL_SPS] ?? [], pps: sets[NAL_PPS] ?? [] }
}

/** Throws `ingest_malformed` when the record cannot be parsed or lacks a VPS, SPS or PPS. */
export function parseHevcConfigRecord(bytes: Uint8Array): VideoConfig {
  const { vps, sps, pps } = readHevcConfigRecord(bytes)
  const first = sps[0]
  if (first === undefined || vps.length === 0 || pps.length === 0) {
    throw new MirrorError('ingest_malformed', 'the hvcC record lacks a VPS, SPS or PPS')
  }
  return hevcVideoConfig(parseHevcSps(first), vpsFrameRate(vps[0]), bytes)
}

/** `fallbackRate` is used when the SPS declares no timing. */
export function hevcVideoConfig(sps: HevcSps, fallbackRate: Rational | null, configRecord: Uint8Array): VideoConfig {
  return {
    kind: 'video',
    codec: 'hevc',
    codecString: hevcCodecString(sps.profile),
    widthPx: sps.widthPx,
    heightPx: sps.heightPx,
    pixelAspect: sps.pixelAspect,
    frameRate: sps.frameRate ?? fallbackRate,
    configRecord,
  }
}

/** Timing of the VPS, or null: a VPS that cannot be parsed is no reason to refuse the stream. */
export function vpsFrameRate(vps: Uint8Array | undefined): Rational | null {
  if (vps === undefined) return null
  try {
    return parseHevcVps(vps).frameRate
  } catch {
    return null
  }
}

export function hevcCodecString(profile: HevcProfile): string {
  const space = ['', 'A', 'B', 'C'][profile.profileSpace] ?? ''
  let constraints = Array.from(profile.constraintBytes)
  while (constraints.at(-1) === 0) constraints = constraints.slice(0, -1)
  return [
    'hvc1',
    `${space}${profile.profileIdc}`,
    reverseBits32(profile.compatibilityFlags).toString(16).toUpperCase(),
    `${profile.isHighTier ? 'H' : 'L'}${profile.levelIdc}`,
    ...constraints.map((byte) => byte.toString(16).toUpperCase()),
  ].join('.')
}

function reverseBits32(value: number): number {
  let reversed = 0
  for (let bit = 0; bit < 32; bit += 1) reversed = (reversed << 1) | ((value >>> bit) & 1)
  return reversed >>> 0
}

// HEVC parameter sets: ISO 23008-2 7.3.2.1, 7.3.2.2, 7.3.3 and E.2.1.
import { MirrorError } from '../../core/errors.ts'
import type { Rational } from '../../core/rational.ts'
import { BitReader, removeEmulationPrevention } from './bit-reader.ts'
import { declaredFrameRate, readPixelAspect, SQUARE_PIXELS, skipSignalType } from './video-usability.ts'

/** The general_* part of profile_tier_level. */
export interface HevcProfile {
  readonly profileSpace: number
  readonly isHighTier: boolean
  readonly profileIdc: number
  readonly compatibilityFlags: number
  /** Six bytes: general_progressive_source_flag and what follows, up to the level. */
  readonly constraintBytes: Uint8Array
  readonly levelIdc: number
}

export interface HevcSps {
  readonly id: number
  readonly profile: HevcProfile
  readonly temporalLayers: number
  readonly isTemporalIdNested: boolean
  readonly chromaFormatIdc: number
  readonly bitDepthLuma: number
  readonly bitDepthChroma: number
  /** Inside the conformance window. */
  readonly widthPx: number
  readonly heightPx: number
  readonly pixelAspect: Rational
  readonly frameRate: Rational | null
}

export interface HevcVps {
  readonly id: number
  readonly frameRate: Rational | null
}

/** Level 6.2 allows 35,651,584 luma samples; no side is longer than sqrt(8 × that). */
const MAX_SIDE_PX = 16_888

/** `nal` with its two-byte header. Throws `ingest_malformed` when it is no SPS. */
export function parseHevcSps(nal: Uint8Array): HevcSps {
  const reader = new BitReader(removeEmulationPrevention(nal))
  reader.skip(16 + 4)
  const maxSubLayersMinus1 = reader.bits(3)
  const isTemporalIdNested = reader.flag()
  const profile = readProfileTierLevel(reader, maxSubLayersMinus1)
  const id = reader.unsignedGolomb()
  if (id > 15) throw new MirrorError('ingest_malformed', `an HEVC SPS has the impossible id ${id}`)

  const chromaFormatIdc = reader.unsignedGolomb()
  const hasSeparatePlanes = chromaFormatIdc === 3 && reader.flag()
  let widthPx = reader.unsignedGolomb()
  let heightPx = reader.unsignedGolomb()
  if (reader.flag()) {
    const chromaArrayType = hasSeparatePlanes ? 0 : chromaFormatIdc
    const unitX = chromaArrayType === 1 || chromaArrayType === 2 ? 2 : 1
    const unitY = chromaArrayType === 1 ? 2 : 1
    widthPx -= unitX * (reader.unsignedGolomb() + reader.unsignedGolomb())
    heightPx -= unitY * (reader.unsignedGolomb() + reader.unsignedGolomb())
  }
  const bitDepthLuma = 8 + reader.unsignedGolomb()
  const bitDepthChroma = 8 + reader.unsignedGolomb()
  if (chromaFormatIdc > 3 || bitDepthLuma > 15 || bitDepthChroma > 15) {
    throw new MirrorError('ingest_malformed', 'an HEVC SPS declares an impossible sample format')
  }
  if (widthPx < 1 || heightPx < 1 || widthPx > MAX_SIDE_PX || heightPx > MAX_SIDE_PX) {
    throw new MirrorError('ingest_malformed', `an HEVC SPS declares the impossible size ${widthPx}x${heightPx}`)
  }

  const pictureOrderBits = 4 + reader.unsignedGolomb()
  skipSubLayerOrdering(reader, maxSubLayersMinus1)
  for (let index = 0; index < 6; index += 1) reader.unsignedGolomb() // block sizes and hierarchy depths
  if (reader.flag() && reader.flag()) skipScalingListData(reader)
  reader.skip(2)
  if (reader.flag()) {
    reader.skip(8)
    reader.unsignedGolomb()
    reader.unsignedGolomb()
    reader.skip(1)
  }
  skipReferencePictureSets(reader)
  if (reader.flag()) {
    const longTermCount = reader.unsignedGolomb()
    reader.skip(longTermCount * (pictureOrderBits + 1))
  }
  reader.skip(2)
  const { pixelAspect, frameRate } = reader.flag()
    ? readUsability(reader)
    : { pixelAspect: SQUARE_PIXELS, frameRate: null }

  return {
    id,
    profile,
    temporalLayers: maxSubLayersMinus1 + 1,
    isTemporalIdNested,
    chromaFormatIdc,
    bitDepthLuma,
    bitDepthChroma,
    widthPx,
    heightPx,
    pixelAspect,
    frameRate,
  }
}

/** `nal` with its two-byte header. */
export function parseHevcVps(nal: Uint8Array): HevcVps {
  const reader = new BitReader(removeEmulationPrevention(nal))
  reader.skip(16)
  const id = reader.bits(4)
  reader.skip(2 + 6)
  const maxSubLayersMinus1 = reader.bits(3)
  reader.skip(1 + 16)
  readProfileTierLevel(reader, maxSubLayersMinus1)
  skipSubLayerOrdering(reader, maxSubLayersMinus1)
  const maxLayerId = reader.bits(6)
  const layerSetsMinus1 = reader.unsignedGolomb()
  reader.skip(layerSetsMinus1 * (maxLayerId + 1))
  return { id, frameRate: reader.flag() ? readTiming(reader) : null }
}

/** vps_video_parameter_set_id, which is there even when the rest is cut. */
export function parseHevcVpsId(nal: Uint8Array): number {
  return new BitReader(nal.subarray(2)).bits(4)
}

/** pps_pic_parameter_set_id */
export function parseHevcPpsId(nal: Uint8Array): number {
  const id = new BitReader(removeEmulationPrevention(nal.subarray(2, 16))).unsignedGolomb()
  if (id > 63) throw new MirrorError('ingest_malformed', `an HEVC PPS has the impossible id ${id}`)
  return id
}

function readProfileTierLevel(reader: BitReader, maxSubLayersMinus1: number): HevcProfile {
  const profileSpace = reader.bits(2)
  const isHighTier = reader.flag()
  const profileIdc = reader.bits(5)
  const compatibilityFlags = reader.bits(32)
  const constraintBytes = Uint8Array.from({ length: 6 }, () => reader.bits(8))
  const levelIdc = reader.bits(8)

  if (maxSubLayersMinus1 > 0) {
    // Two presence flags each, padded to eight sub-layers.
    let subLayerBits = 0
    for (let layer = 0; layer < 8; layer += 1) {
      const hasProfile = reader.flag()
      const hasLevel = reader.flag()
      if (layer < maxSubLayersMinus1) subLayerBits += (hasProfile ? 88 : 0) + (hasLevel ? 8 : 0)
    }
    reader.skip(subLayerBits)
  }
  return { profileSpace, isHighTier, profileIdc, compatibilityFlags, constraintBytes, levelIdc }
}

function skipSubLayerOrdering(reader: BitReader, maxSubLayersMinus1: number): void {
  const hasEveryLayer = reader.flag()
  for (let layer = hasEveryLayer ? 0 : maxSubLayersMinus1; layer <= maxSubLayersMinus1; layer += 1) {
    reader.unsignedGolomb()
    reader.unsignedGolomb()
    reader.unsignedGolomb()
  }
}

/** 7.3.4 */
function skipScalingListData(reader: BitReader): void {
  for (let sizeId = 0; sizeId < 4; sizeId += 1) {
    for (let matrixId = 0; matrixId < 6; matrixId += sizeId === 3 ? 3 : 1) {
      if (!reader.flag()) {
        reader.unsignedGolomb()
        continue
      }
      if (sizeId > 1) reader.signedGolomb()
      const coefficients = Math.min(64, 1 << (4 + (sizeId << 1)))
      for (let index = 0; index < coefficients; index += 1) reader.signedGolomb()
    }
  }
}

/** 7.3.7: each set may be predicted from the one before, so their sizes are followed. */
function skipReferencePictureSets(reader: BitReader): void {
  const setCount = reader.unsignedGolomb()
  if (setCount > 64) throw new MirrorError('ingest_malformed', 'an HEVC SPS declares too many reference picture sets')
  let previousSize = 0
  for (let set = 0; set < setCount; set += 1) {
    let size = 0
    if (set > 0 && reader.flag()) {
      reader.skip(1)
      reader.unsignedGolomb()
      for (let index = 0; index <= previousSize; index += 1) {
        const isUsed = reader.flag()
        const isKept = isUsed || reader.flag()
        if (isKept) size += 1
      }
    } else {
      const negative = reader.unsignedGolomb()
      const positive = reader.unsignedGolomb()
      size = negative + positive
      if (size > 32) throw new MirrorError('ingest_malformed', 'an HEVC SPS declares too many reference pictures')
      for (let index = 0; index < size; index += 1) {
        reader.unsignedGolomb()
        reader.skip(1)
      }
    }
    previousSize = size
  }
}

function readUsability(reader: BitReader): { readonly pixelAspect: Rational; readonly frameRate: Rational | null } {
  const pixelAspect = readPixelAspect(reader)
  skipSignalType(reader)
  reader.skip(3)
  if (reader.flag()) for (let side = 0; side < 4; side += 1) reader.unsignedGolomb()
  return { pixelAspect, frameRate: reader.flag() ? readTiming(reader) : null }
}

function readTiming(reader: BitReader): Rational | null {
  const unitsPerTick = reader.bits(32)
  const timeScale = reader.bits(32)
  return declaredFrameRate(timeScale, unitsPerTick)
}

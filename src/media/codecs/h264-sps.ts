// H.264 parameter sets: ISO 14496-10 7.3.2.1, 7.3.2.2 and E.1.1.
import { MirrorError } from '../../core/errors.ts'
import type { Rational } from '../../core/rational.ts'
import { BitReader, removeEmulationPrevention } from './bit-reader.ts'
import { declaredFrameRate, readPixelAspect, SQUARE_PIXELS, skipSignalType } from './video-usability.ts'

export interface H264Sps {
  readonly id: number
  readonly profileIdc: number
  /** constraint_set0_flag … constraint_set5_flag and two reserved bits. */
  readonly constraintFlags: number
  readonly levelIdc: number
  readonly chromaFormatIdc: number
  readonly bitDepthLuma: number
  readonly bitDepthChroma: number
  /** After cropping. */
  readonly widthPx: number
  readonly heightPx: number
  readonly pixelAspect: Rational
  readonly frameRate: Rational | null
}

/** Profiles whose SPS carries chroma format, bit depths and scaling matrices. */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])

/** Level 6.2 allows 139,264 macroblocks; no side is longer than sqrt(8 × that) of them. */
const MAX_SIDE_PX = 16_888

/** `nal` with its one-byte header. Throws `ingest_malformed` when it is no SPS. */
export function parseH264Sps(nal: Uint8Array): H264Sps {
  const reader = new BitReader(removeEmulationPrevention(nal))
  reader.skip(8)
  const profileIdc = reader.bits(8)
  const constraintFlags = reader.bits(8)
  const levelIdc = reader.bits(8)
  const id = reader.unsignedGolomb()
  if (id > 31) throw new MirrorError('ingest_malformed', `an H.264 SPS has the impossible id ${id}`)

  let chromaFormatIdc = 1
  let bitDepthLuma = 8
  let bitDepthChroma = 8
  let hasSeparatePlanes = false
  if (HIGH_PROFILES.has(profileIdc)) {
    chromaFormatIdc = reader.unsignedGolomb()
    if (chromaFormatIdc === 3) hasSeparatePlanes = reader.flag()
    bitDepthLuma = 8 + reader.unsignedGolomb()
    bitDepthChroma = 8 + reader.unsignedGolomb()
    reader.skip(1)
    if (reader.flag()) skipScalingMatrix(reader, chromaFormatIdc === 3 ? 12 : 8)
  }
  if (chromaFormatIdc > 3 || bitDepthLuma > 14 || bitDepthChroma > 14) {
    throw new MirrorError('ingest_malformed', 'an H.264 SPS declares an impossible sample format')
  }

  reader.unsignedGolomb() // log2_max_frame_num_minus4
  skipPictureOrder(reader)
  reader.unsignedGolomb() // max_num_ref_frames
  reader.skip(1)
  const widthMbs = reader.unsignedGolomb() + 1
  const heightMapUnits = reader.unsignedGolomb() + 1
  const isFramesOnly = reader.flag()
  if (!isFramesOnly) reader.skip(1)
  reader.skip(1)

  const fieldFactor = isFramesOnly ? 1 : 2
  const chromaArrayType = hasSeparatePlanes ? 0 : chromaFormatIdc
  const cropUnitX = chromaArrayType === 1 || chromaArrayType === 2 ? 2 : 1
  const cropUnitY = (chromaArrayType === 1 ? 2 : 1) * fieldFactor
  let widthPx = widthMbs * 16
  let heightPx = heightMapUnits * 16 * fieldFactor
  if (reader.flag()) {
    widthPx -= cropUnitX * (reader.unsignedGolomb() + reader.unsignedGolomb())
    heightPx -= cropUnitY * (reader.unsignedGolomb() + reader.unsignedGolomb())
  }
  if (widthPx < 1 || heightPx < 1 || widthPx > MAX_SIDE_PX || heightPx > MAX_SIDE_PX) {
    throw new MirrorError('ingest_malformed', `an H.264 SPS declares the impossible size ${widthPx}x${heightPx}`)
  }

  const { pixelAspect, frameRate } = reader.flag()
    ? readUsability(reader)
    : { pixelAspect: SQUARE_PIXELS, frameRate: null }
  return {
    id,
    profileIdc,
    constraintFlags,
    levelIdc,
    chromaFormatIdc,
    bitDepthLuma,
    bitDepthChroma,
    widthPx,
    heightPx,
    pixelAspect,
    frameRate,
  }
}

/** pic_parameter_set_id */
export function parseH264PpsId(nal: Uint8Array): number {
  const reader = new BitReader(removeEmulationPrevention(nal.subarray(1, 16)))
  const id = reader.unsignedGolomb()
  if (id > 255) throw new MirrorError('ingest_malformed', `an H.264 PPS has the impossible id ${id}`)
  return id
}

function skipScalingMatrix(reader: BitReader, listCount: number): void {
  for (let list = 0; list < listCount; list += 1) {
    if (!reader.flag()) continue
    const size = list < 6 ? 16 : 64
    let lastScale = 8
    let nextScale = 8
    for (let index = 0; index < size; index += 1) {
      if (nextScale !== 0) nextScale = (lastScale + reader.signedGolomb() + 256) % 256
      if (nextScale !== 0) lastScale = nextScale
    }
  }
}

function skipPictureOrder(reader: BitReader): void {
  const type = reader.unsignedGolomb()
  if (type === 0) {
    reader.unsignedGolomb()
  } else if (type === 1) {
    reader.skip(1)
    reader.signedGolomb()
    reader.signedGolomb()
    const count = reader.unsignedGolomb()
    for (let index = 0; index < count; index += 1) reader.signedGolomb()
  }
}

function readUsability(reader: BitReader): { readonly pixelAspect: Rational; readonly frameRate: Rational | null } {
  const pixelAspect = readPixelAspect(reader)
  skipSignalType(reader)
  if (!reader.flag()) return { pixelAspect, frameRate: null }
  const unitsPerTick = reader.bits(32)
  const timeScale = reader.bits(32)
  // A tick is a field time (E.2.1), so a frame lasts two.
  return { pixelAspect, frameRate: declaredFrameRate(timeScale, 2 * unitsPerTick) }
}

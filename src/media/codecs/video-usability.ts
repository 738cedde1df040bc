// What the VUI parts of H.264 and HEVC have in common (ISO 14496-10 Annex E, ISO 23008-2 Annex E).
import { type Rational, rational } from '../../core/rational.ts'
import type { BitReader } from './bit-reader.ts'

/** ISO 14496-10 table E-1, aspect_ratio_idc 1 to 16. */
const SAMPLE_ASPECTS: readonly (readonly [number, number])[] = [
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
]
const EXTENDED_SAR = 255

/** Rates outside are clock resolutions or nonsense, not frame rates. */
const MIN_FRAMES_PER_SEC = 1
const MAX_FRAMES_PER_SEC = 300

export const SQUARE_PIXELS: Rational = { num: 1, den: 1 }

/** aspect_ratio_info_present_flag and what follows. */
export function readPixelAspect(reader: BitReader): Rational {
  if (!reader.flag()) return SQUARE_PIXELS
  const index = reader.bits(8)
  const [width, height] =
    index === EXTENDED_SAR ? [reader.bits(16), reader.bits(16)] : (SAMPLE_ASPECTS[index - 1] ?? [])
  return width === undefined || height === undefined || width === 0 || height === 0
    ? SQUARE_PIXELS
    : rational(width, height)
}

/** overscan_info_present_flag, video_signal_type_present_flag, chroma_loc_info_present_flag and what follows them. */
export function skipSignalType(reader: BitReader): void {
  if (reader.flag()) reader.skip(1)
  if (reader.flag()) {
    reader.skip(4)
    if (reader.flag()) reader.skip(24)
  }
  if (reader.flag()) {
    reader.unsignedGolomb()
    reader.unsignedGolomb()
  }
}

/** Frames per second, or null when the numbers are no frame rate. */
export function declaredFrameRate(timeScale: number, unitsPerFrame: number): Rational | null {
  if (unitsPerFrame === 0) return null
  const framesPerSec = timeScale / unitsPerFrame
  return framesPerSec >= MIN_FRAMES_PER_SEC && framesPerSec <= MAX_FRAMES_PER_SEC
    ? rational(timeScale, unitsPerFrame)
    : null
}

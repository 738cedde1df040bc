// What libvips and sharp say of a picture, as a verdict. They have no codes, only sentences.
import { MAX_PIXELS, type PictureFault } from './picture-facts.ts'

const RULES: readonly (readonly [RegExp, PictureFault])[] = [
  [
    /unsupported image format|not a known|unknown format|Unsupported (?:codec|feature|image)|No decoding plugin/i,
    'unsupported',
  ],
  [
    /pixel limit|dimensions? (?:too|are too) large|exceeds? (?:the )?(?:maximum|limit)|image size .* too (?:large|big)/i,
    'too_large',
  ],
  [
    /vips(?:jpeg|png|\d|__)|(?:jpeg|png|webp|gif|tiff|heif|avif)(?:load|2vips)?\b|premature|truncat|corrupt|invalid|bad |end of (?:file|stream|image)|bitstream|unable to (?:parse|decode|read)|empty|missing|read error/i,
    'damaged',
  ],
]

/** Null: the failure is not the picture's, such as memory that ran out or a disk that is full. */
export function faultOf(message: string): PictureFault | null {
  if (
    /out of memory|cannot allocate|unable to (?:malloc|allocate)|No space left|ENOSPC|EACCES|ENOENT|unable to open|write error/i.test(
      message,
    )
  ) {
    return null
  }
  return RULES.find(([pattern]) => pattern.test(message))?.[1] ?? null
}

/** Where the library's own words would not help. */
export const ADVICE_OF_LIBRARY: Partial<Record<PictureFault, string>> = {
  unsupported: 'its bytes are no picture of a format that is read (JPEG, PNG, WebP, GIF, TIFF, AVIF)',
  too_large: `it has more than ${MAX_PIXELS / 1e6} million pixels`,
}

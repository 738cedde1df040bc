// Which pictures are made of a picture. Pure: the process that makes them is asked for exactly these.
import type { PictureFacts, PictureRendition, RenditionFormat } from './picture-facts.ts'

/** In the measure of each format. */
const QUALITY: Readonly<Record<RenditionFormat, number>> = { jpeg: 85, webp: 80, avif: 55 }

/** Boxes in pixels. WebP and AVIF are what a page shows full-screen. */
const PRESETS = [
  { name: 'thumbnail', format: 'jpeg', box: { width: 150, height: 150 } },
  { name: 'medium', format: 'jpeg', box: { width: 800, height: 600 } },
  { name: 'webp', format: 'webp', box: { width: 2560, height: 2560 } },
  { name: 'avif', format: 'avif', box: { width: 2560, height: 2560 } },
] as const

export type RenditionName = (typeof PRESETS)[number]['name']
export const RENDITION_NAMES: readonly RenditionName[] = PRESETS.map(({ name }) => name)

/** What is made of each picture, with the size that it will have. */
export function planImage(facts: Pick<PictureFacts, 'width' | 'height'>): readonly PictureRendition[] {
  return PRESETS.map(({ name, format, box }) => ({ name, format, quality: QUALITY[format], ...fitInside(facts, box) }))
}

/** Pixels of the longer side, and the formats in which they may be asked for. A list, so that nobody can ask for more. */
const SIDES = [320, 640, 960, 1280, 1920] as const
const SIZE_FORMATS: readonly RenditionFormat[] = ['jpeg', 'webp', 'avif']

/** Renditions that are made when they are first asked for: `fit-320-jpeg` … `fit-1920-avif`. */
export const SIZE_NAMES: readonly string[] = SIDES.flatMap((side) =>
  SIZE_FORMATS.map((format) => sizeName(side, format)),
)

export function isSizeName(name: string): boolean {
  return SIZE_NAMES.includes(name)
}

/** Null: there is no such size. */
export function planSize(facts: Size, name: string): PictureRendition | null {
  for (const side of SIDES) {
    const format = SIZE_FORMATS.find((each) => sizeName(side, each) === name)
    if (format === undefined) continue
    return { name, format, quality: QUALITY[format], ...fitInside(facts, { width: side, height: side }) }
  }
  return null
}

function sizeName(side: number, format: RenditionFormat): string {
  return `fit-${side}-${format}`
}

export interface Size {
  readonly width: number
  readonly height: number
}

/** The largest size of the same shape that fits into the box; never larger than the picture, never less than a pixel. */
export function fitInside(picture: Size, box: Size): Size {
  const scale = Math.min(1, box.width / picture.width, box.height / picture.height)
  return { width: scaled(picture.width, scale), height: scaled(picture.height, scale) }
}

function scaled(pixels: number, scale: number): number {
  return Math.max(1, Math.round(pixels * scale))
}

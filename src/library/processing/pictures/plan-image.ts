// Which pictures are made of a picture. Pure: the process that makes them is asked for exactly these.
import type { PictureFacts, PictureRendition } from './picture-facts.ts'

/** Boxes in pixels; quality in the measure of each format. WebP and AVIF are what a page shows full-screen. */
const PRESETS = [
  { name: 'thumbnail', format: 'jpeg', box: { width: 150, height: 150 }, quality: 85 },
  { name: 'medium', format: 'jpeg', box: { width: 800, height: 600 }, quality: 85 },
  { name: 'webp', format: 'webp', box: { width: 2560, height: 2560 }, quality: 80 },
  { name: 'avif', format: 'avif', box: { width: 2560, height: 2560 }, quality: 55 },
] as const

export type RenditionName = (typeof PRESETS)[number]['name']
export const RENDITION_NAMES: readonly RenditionName[] = PRESETS.map(({ name }) => name)

/** What is made of each picture, with the size that it will have. */
export function planImage(facts: Pick<PictureFacts, 'width' | 'height'>): readonly PictureRendition[] {
  return PRESETS.map(({ name, format, box, quality }) => ({ name, format, quality, ...fitInside(facts, box) }))
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

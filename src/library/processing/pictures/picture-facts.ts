// What is known about a picture, and what is asked of the process that reads it. Data only.

/** Pixels of a frame that are decoded at most: a picture of 100 million pixels takes some 400 MB. */
export const MAX_PIXELS = 100_000_000
/** Frames of an animation. A file of 4 MB can have 100,000. */
export const MAX_FRAMES = 5_000
export const MAX_PICTURE_BYTES = 256 * 1024 * 1024

/** The formats that are read. Anything else is refused before a decoder sees it: SVG above all, which can fetch and run. */
export const PICTURE_FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif'] as const
export type PictureFormat = (typeof PICTURE_FORMATS)[number]

export type ExifValue = string | number

export interface PictureFacts {
  readonly format: PictureFormat
  /** As it is shown: orientation applied. */
  readonly width: number
  readonly height: number
  /** EXIF, 1 to 8; 1 when the file says nothing. */
  readonly orientation: number
  /** As libvips calls it: `srgb`, `cmyk`, `b-w`. */
  readonly colourSpace: string
  readonly channels: number
  readonly bitsPerChannel: number
  /** Has a channel for it, used or not. */
  readonly hasAlpha: boolean
  readonly hasColourProfile: boolean
  /** 1 for a still picture. */
  readonly frames: number
  /** Pixels per inch; null: not said. */
  readonly density: number | null
  readonly exif: Readonly<Record<string, ExifValue>>
  /** The original says where it was taken; renditions never do. */
  readonly hasLocation: boolean
}

export interface PicturePlaceholder {
  /** https://blurha.sh */
  readonly blurhash: string
  /** `#rrggbb` */
  readonly dominantColour: string
}

export type RenditionFormat = 'jpeg' | 'webp' | 'avif'

/** One picture to make of the original: no larger than this, and no larger than the original. */
export interface PictureRendition {
  readonly name: string
  readonly format: RenditionFormat
  readonly width: number
  readonly height: number
  /** 1 to 100, in the measure of the format. */
  readonly quality: number
}

export type PictureTask =
  | { readonly kind: 'inspect' }
  | { readonly kind: 'placeholder' }
  | { readonly kind: 'render'; readonly rendition: PictureRendition; readonly output: string }

/** Why a picture cannot be used. `unsupported`: no format that is read; `too_large`: beyond a limit; `damaged`: not whole. */
export type PictureFault = 'unsupported' | 'too_large' | 'damaged'

export interface RenderedPicture {
  readonly width: number
  readonly height: number
  readonly sizeBytes: number
}

/** One line of JSON for each task, in their order. */
export type PictureAnswer =
  | { readonly ok: true; readonly value: PictureFacts | PicturePlaceholder | RenderedPicture }
  | { readonly ok: false; readonly fault: PictureFault; readonly message: string }

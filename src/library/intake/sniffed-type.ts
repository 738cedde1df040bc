export const MEDIA_KINDS = ['image', 'video', 'audio', 'document', 'other'] as const
export type MediaKind = (typeof MEDIA_KINDS)[number]

export interface SniffedType {
  /**
   * By the container where the first bytes say no more: an MP4 with sound only may be called `video` here. What is
   * in it, only a probe knows.
   */
  readonly kind: MediaKind
  /** A lower-case word, as an extension would be: `wav`, `mp4`, `jpeg`; `bin` when nothing is recognised. */
  readonly format: string
  /** What it may be served as. Never more than the bytes say. */
  readonly mediaType: string
  /** It can carry scripts that a browser would run: serve it as a download only. */
  readonly isActive: boolean
}

export function type(kind: MediaKind, format: string, mediaType: string, isActive = false): SniffedType {
  return { kind, format, mediaType, isActive }
}

export const UNKNOWN_TYPE: SniffedType = type('other', 'bin', 'application/octet-stream')

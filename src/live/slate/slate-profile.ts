// What a slate must look like to take the place of an encoder's tracks. Pure.
import { createHash } from 'node:crypto'
import { type Rational, toNumber } from '../../core/rational.ts'
import type { AudioCodec, VideoCodec } from '../../media/samples.ts'

export interface SlateVideo {
  readonly kind: 'video'
  readonly id: string
  readonly codec: VideoCodec
  readonly widthPx: number
  readonly heightPx: number
  readonly pixelAspect: Rational
  readonly frameRate: Rational
  /** Frames from one keyframe to the next: a whole cell where it has whole frames, so that each begins with one. */
  readonly gopFrames: number
}

export interface SlateAudio {
  readonly kind: 'audio'
  readonly id: string
  readonly codec: AudioCodec
  readonly sampleRateHz: number
  readonly channels: number
  readonly language: string
}

export type SlateTrack = SlateVideo | SlateAudio

/** Video first. */
export type SlateProfile = readonly SlateTrack[]

export const MAX_SLATE_BYTES = 20 * 1024 * 1024
export const MAX_SLATE_SEC = 60
export const SLATE_KINDS = ['png', 'jpeg', 'mp4'] as const
export type SlateKind = (typeof SLATE_KINDS)[number]

/** An uploaded picture or clip. */
export interface SlateSource {
  /** sha256 of its bytes, hex. */
  readonly hash: string
  readonly kind: SlateKind
  readonly sizeBytes: number
}

/** Names what was prepared of one source for one profile. */
export function slateKey(source: SlateSource, profile: SlateProfile): string {
  return createHash('sha256')
    .update(JSON.stringify([source.hash, profile]))
    .digest('hex')
    .slice(0, 32)
}

export function gopFramesOf(frameRate: Rational, cell: Rational): number {
  const frames = toNumber(cell) * toNumber(frameRate)
  const isWhole = Math.abs(frames - Math.round(frames)) < 1e-9
  return Math.max(1, isWhole ? Math.round(frames) : Math.floor(toNumber(frameRate)))
}

/** By the first bytes; null: nothing that a slate can be made of. */
export function slateKindOf(bytes: Uint8Array): SlateKind | null {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png'
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg'
  return head.slice(4, 8) === 'ftyp' ? 'mp4' : null
}

import type { Rational } from '../core/rational.ts'
import type { RenditionLabel } from '../hls/rendition.ts'
import type { AudioCodec } from '../media/samples.ts'

interface CommonFacts {
  /** Cell length in seconds, exact: `msn * cell` since 2020 is when the cell begins. */
  readonly cell: Rational
  readonly targetDurationSec: number
  /** RFC 6381. */
  readonly codecs: string
}

export interface VideoFacts extends CommonFacts {
  readonly kind: 'video'
  readonly widthPx: number
  readonly heightPx: number
  readonly frameRate: Rational | null
}

export interface AudioFacts extends CommonFacts, RenditionLabel {
  readonly kind: 'audio'
  readonly codec: AudioCodec
  readonly channels: number
}

/** What playlists say of a recorded track. Kept beside its media, so that it can be played without the catalog. */
export type TrackFacts = VideoFacts | AudioFacts

import type { Rational } from '../core/rational.ts'
import type { RenditionLabel } from '../hls/rendition.ts'
import type { AudioCodec } from '../media/samples.ts'

export interface CommonFacts {
  /** Cell length in seconds, exact: `msn * cell` since 2020 is when the cell begins. */
  readonly cell: Rational
  readonly targetDurationSec: number
  readonly hasIndependentSegments: boolean
}

export interface VideoFacts extends CommonFacts {
  readonly kind: 'video'
  /** RFC 6381. */
  readonly codecs: string
  readonly widthPx: number
  readonly heightPx: number
  readonly frameRate: Rational | null
}

export interface AudioFacts extends CommonFacts, RenditionLabel {
  readonly kind: 'audio'
  readonly codecs: string
  readonly codec: AudioCodec
  readonly channels: number
}

/** WebVTT: without codec and init segment. */
export interface SubtitlesFacts extends CommonFacts, RenditionLabel {
  readonly kind: 'subtitles'
}

/** What playlists say of a recorded track. Kept beside its media, so that it can be played without the catalog. */
export type TrackFacts = VideoFacts | AudioFacts | SubtitlesFacts

/** Of segment names: `<msn>.m4s` or `<msn>.vtt`. */
export function segmentExtension({ kind }: Pick<TrackFacts, 'kind'>): 'm4s' | 'vtt' {
  return kind === 'subtitles' ? 'vtt' : 'm4s'
}

/** Null when it is not whole: what `segments` of an index need of it. */
export function parseTrackFacts(json: unknown): TrackFacts | null {
  const facts = (typeof json === 'object' && json !== null ? json : {}) as Partial<TrackFacts>
  const isWhole =
    typeof facts.cell?.num === 'number' &&
    typeof facts.cell.den === 'number' &&
    typeof facts.targetDurationSec === 'number' &&
    (facts.kind === 'video' || facts.kind === 'audio' || facts.kind === 'subtitles')
  return isWhole ? (facts as TrackFacts) : null
}

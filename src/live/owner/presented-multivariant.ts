// The multivariant playlist of a live stream, from what its windows have measured. Pure.
import {
  type AudioRendition,
  renderMultivariantPlaylist,
  type VideoRendition,
} from '../../hls/multivariant-playlist.ts'
import { LIVE_VERSION, type PlaylistTerms } from '../../hls/playlist-lines.ts'
import type { CaptionDetector } from '../../media/codecs/caption-detector.ts'
import type { TextTrack } from '../../media/samples.ts'
import { trackOrder } from '../../media/track-id.ts'
import type { TrackDescription } from '../settings.ts'
import type { PresentedMedia } from './presented-track.ts'
import { captionsOf, labelOf, textLabelOf } from './track-labels.ts'
import type { TrackWindow } from './track-window.ts'

export interface MultivariantFacts {
  /** In the order of their ids. */
  readonly media: readonly PresentedMedia[]
  readonly texts: readonly TextTrack[]
  readonly captions: CaptionDetector
  readonly described: readonly TrackDescription[]
  readonly terms: PlaylistTerms
  readonly cellSec: number
}

export function presentMultivariant(facts: MultivariantFacts): string {
  const { media, texts, captions, described, terms } = facts
  return renderMultivariantPlaylist({
    version: LIVE_VERSION,
    video: media.flatMap((track) => videoRendition(track, facts)),
    audio: media.flatMap((track) => audioRendition(track, described)),
    subtitles: texts
      .toSorted((a, b) => trackOrder(a.id) - trackOrder(b.id))
      .map((text) => ({ uri: `${text.id}/playlist.m3u8`, ...textLabelOf(text, described) })),
    captions: captionsOf(
      captions,
      media.map(({ config }) => config.codec),
      described,
    ),
    hasIndependentSegments: terms.hasIndependentSegments,
  })
}

function videoRendition(
  { id, config, window }: PresentedMedia,
  { terms, cellSec }: MultivariantFacts,
): VideoRendition[] {
  if (config.kind !== 'video') return []
  const { codecString: codecs, widthPx, heightPx, frameRate } = config
  const iFramePeakBps = window.iFramePeakBps(terms.targetDurationSec, cellSec)
  const iFrameRates = steadyRates({ peakBps: iFramePeakBps, averageBps: window.iFrameAverageBps })
  const iFrames = iFramePeakBps > 0 ? { uri: `${id}/iframes.m3u8`, ...iFrameRates } : null
  return [{ uri: `${id}/playlist.m3u8`, codecs, widthPx, heightPx, frameRate, iFrames, ...steadyRates(window) }]
}

function audioRendition(track: PresentedMedia, described: readonly TrackDescription[]): AudioRendition[] {
  const { id, config, window } = track
  if (config.kind !== 'audio') return []
  const { codecString: codecs, codec, channels } = config
  const label = labelOf(id, track, described)
  return [{ uri: `${id}/playlist.m3u8`, codecs, codec, channels, ...label, ...steadyRates(window) }]
}

/** Bit rates rounded up to two digits, so that the text does not change with every segment and never promises too little. */
function steadyRates({ peakBps, averageBps }: Pick<TrackWindow, 'peakBps' | 'averageBps'>): {
  readonly peakBps: number
  readonly averageBps: number
} {
  return { peakBps: roundUp(peakBps), averageBps: roundUp(Math.min(averageBps, peakBps)) }
}

function roundUp(bps: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, bps))) - 1)
  return Math.ceil(bps / step) * step
}

// What is kept beside a recorded track, so that it can be presented without its owner. Pure.
import type { CommonFacts, TrackFacts } from '../../dvr/track-facts.ts'
import type { TextTrack, TrackConfig } from '../../media/samples.ts'
import type { TrackRole } from '../../media/track-role.ts'
import type { TrackDescription } from '../settings.ts'
import { labelOf, textLabelOf } from './track-labels.ts'

type Shown =
  | {
      readonly id: string
      readonly kind: 'video' | 'audio'
      readonly config: TrackConfig
      readonly role: TrackRole | null
    }
  | { readonly id: string; readonly kind: 'subtitles'; readonly text: TextTrack }

export function recordedFacts(track: Shown, common: CommonFacts, described: readonly TrackDescription[]): TrackFacts {
  if (track.kind === 'subtitles') return { kind: 'subtitles', ...common, ...textLabelOf(track.text, described) }
  const { config } = track
  if (config.kind === 'video') {
    const { codecString: codecs, widthPx, heightPx, frameRate } = config
    return { kind: 'video', ...common, codecs, widthPx, heightPx, frameRate }
  }
  const { codecString: codecs, codec, channels } = config
  return { kind: 'audio', ...common, codecs, codec, channels, ...labelOf(track.id, track, described) }
}

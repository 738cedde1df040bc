// What viewers are told of a track: what the stream's settings say, else what its container says. Pure.
import type { RenditionLabel } from '../../hls/rendition.ts'
import type { TextTrack, TrackConfig } from '../../media/samples.ts'
import type { TrackRole } from '../../media/track-role.ts'
import type { TrackDescription } from '../settings.ts'

export function labelOf(
  id: string,
  container: { readonly config: TrackConfig; readonly role: TrackRole | null },
  described: readonly TrackDescription[],
): RenditionLabel {
  const language = container.config.kind === 'video' ? 'und' : container.config.language
  return withDescription(id, { language, role: container.role }, described)
}

export function textLabelOf(track: TextTrack, described: readonly TrackDescription[]): RenditionLabel {
  return withDescription(track.id, track, described)
}

function withDescription(
  id: string,
  container: Pick<RenditionLabel, 'language' | 'role'>,
  described: readonly TrackDescription[],
): RenditionLabel {
  const own = described.find((description) => description.id === id)
  return {
    language: own?.language ?? container.language,
    name: own?.name ?? null,
    role: own?.role ?? container.role,
    isDefault: own?.isDefault ?? false,
  }
}

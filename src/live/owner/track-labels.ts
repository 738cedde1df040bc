// What viewers are told of a track: what the stream's settings say, else what its container says. Pure.
import type { RenditionLabel } from '../../hls/rendition.ts'
import type { TrackConfig } from '../../media/samples.ts'
import type { TrackRole } from '../../media/track-role.ts'
import type { TrackDescription } from '../settings.ts'

export function labelOf(
  id: string,
  container: { readonly config: TrackConfig; readonly role: TrackRole | null },
  described: readonly TrackDescription[],
): RenditionLabel {
  const own = described.find((description) => description.id === id)
  const language = container.config.kind === 'video' ? 'und' : container.config.language
  return {
    language: own?.language ?? language,
    name: own?.name ?? null,
    role: own?.role ?? container.role,
    isDefault: own?.isDefault ?? false,
  }
}

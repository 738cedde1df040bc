// What viewers are told of a track: what the stream's settings say, else what its container says. Pure.
import type { CaptionsRendition } from '../../hls/multivariant-playlist.ts'
import type { RenditionLabel } from '../../hls/rendition.ts'
import type { TextTrack, TrackConfig } from '../../media/samples.ts'
import { CAPTION_CHANNEL_PATTERN } from '../../media/track-id.ts'
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

/**
 * Captions in the pictures: those that were heard of and those that the settings promise. Null while nobody can say that
 * there are none: pictures with room for them, or of a codec that is not looked into.
 */
export function captionsOf(
  heard: { readonly hasData: boolean; readonly channels: readonly string[] },
  codecs: readonly TrackConfig['codec'][],
  described: readonly TrackDescription[],
): readonly CaptionsRendition[] | null {
  const promised = described.map(({ id }) => id).filter((id) => CAPTION_CHANNEL_PATTERN.test(id))
  const channels = [...new Set([...heard.channels, ...promised])].toSorted((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  )
  if (channels.length === 0 && (heard.hasData || codecs.includes('av1'))) return null
  return channels.map((instreamId) => ({
    instreamId,
    ...withDescription(instreamId, { language: 'und', role: null }, described),
  }))
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

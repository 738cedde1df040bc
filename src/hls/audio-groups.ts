// Which audio renditions stand together in a group: RFC 8216bis 4.4.6.1.1.
import { type Member, membersOf, type RenditionLabel } from './rendition.ts'

export interface GroupedAudio extends RenditionLabel {
  /** What a player must be able to decode: `aac`, `opus`. */
  readonly codec: string
}

export interface AudioGroup<T extends GroupedAudio> {
  readonly id: string
  readonly members: readonly Member<T>[]
}

/**
 * One group, as long as every content comes in one codec. When some content comes in several, one group for each codec:
 * groups MUST have the same members with the same attributes, so content that lacks a group's codec stands in it in the
 * codec that it has. AAC first, which everything plays.
 */
export function audioGroups<T extends GroupedAudio>(audio: readonly T[]): readonly AudioGroup<T>[] {
  const contents = contentsOf(audio)
  if (audio.length === 0) return []
  if (contents.every((encodings) => encodings.size === 1)) return [{ id: 'audio', members: membersOfAudio(audio) }]
  const codecs = [...new Set(audio.map(({ codec }) => codec))].toSorted(
    (a, b) => Number(b === 'aac') - Number(a === 'aac'),
  )
  // Attributes are those of the first encoding, so that groups agree.
  const labels = membersOfAudio(contents.flatMap((encodings) => [...encodings.values()].slice(0, 1)))
  return codecs.map((codec) => ({
    id: `audio-${codec}`,
    members: labels.map((label, index) => ({ ...label, rendition: contents[index]?.get(codec) ?? label.rendition })),
  }))
}

function membersOfAudio<T extends GroupedAudio>(audio: readonly T[]): readonly Member<T>[] {
  return membersOf(audio, { noun: 'Audio', needsDefault: true })
}

/** The same content: equal language, name and role, and as many before it in its codec. */
function contentsOf<T extends GroupedAudio>(audio: readonly T[]): readonly ReadonlyMap<string, T>[] {
  const contents = new Map<string, Map<string, T>>()
  for (const [index, rendition] of audio.entries()) {
    const isSame = (other: GroupedAudio) =>
      other.language === rendition.language && other.name === rendition.name && other.role === rendition.role
    const namesakes = audio.slice(0, index).filter((other) => other.codec === rendition.codec && isSame(other)).length
    const key = JSON.stringify([rendition.language, rendition.name, rendition.role, namesakes])
    const encodings = contents.get(key) ?? new Map<string, T>()
    encodings.set(rendition.codec, rendition)
    contents.set(key, encodings)
  }
  return [...contents.values()]
}

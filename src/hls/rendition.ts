// What a player is told of a track that it may choose: RFC 8216bis 4.4.6.1.
import type { TrackRole } from '../media/track-role.ts'

export interface RenditionLabel {
  /** BCP 47, `und` when unknown. */
  readonly language: string
  /** As players show it; null: find one. */
  readonly name: string | null
  readonly role: TrackRole | null
  /** Preferred over the others of its kind. */
  readonly isDefault: boolean
}

/** A member of a group, with everything that is relative to the others. */
export interface Member<T extends RenditionLabel> {
  readonly rendition: T
  readonly name: string
  readonly isDefault: boolean
  /** A player may choose it by itself, from what it knows of its user. */
  readonly isAutoselect: boolean
}

/** UTIs that Apple defines for CHARACTERISTICS (4.4.6.1). */
const CHARACTERISTICS: Readonly<Partial<Record<TrackRole, string>>> = {
  description: 'public.accessibility.describes-video',
  'enhanced-audio-intelligibility': 'public.accessibility.enhances-speech-intelligibility',
  caption: 'public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound',
  easyreader: 'public.easy-to-read',
}

const ROLE_WORDS: Readonly<Partial<Record<TrackRole, string>>> = {
  alternate: 'alternative',
  supplementary: 'supplementary',
  commentary: 'commentary',
  dub: 'dubbed',
  description: 'audio description',
  'enhanced-audio-intelligibility': 'clear speech',
  caption: 'for the deaf',
  'forced-subtitle': 'forced',
  easyreader: 'easy to read',
}

/** Whether the main content is what is heard; the others are for those who ask for them. */
const ASKED_FOR: readonly TrackRole[] = ['alternate', 'supplementary', 'commentary']

export function characteristicsOf(role: TrackRole | null): string | null {
  return (role === null ? undefined : CHARACTERISTICS[role]) ?? null
}

/**
 * Members of one group, in order. 4.4.6.1.1: names differ, at most one is the default, and those that players may choose
 * by themselves differ in language, FORCED or CHARACTERISTICS. `needsDefault`: somebody must be heard; subtitles need not
 * be shown.
 */
export function membersOf<T extends RenditionLabel>(
  renditions: readonly T[],
  { noun, needsDefault }: { readonly noun: string; readonly needsDefault: boolean },
): readonly Member<T>[] {
  const chosen =
    renditions.find(({ isDefault }) => isDefault) ??
    (needsDefault ? (renditions.find(({ role }) => role === null || role === 'main') ?? renditions[0]) : undefined)
  const names = new Set<string>()
  const choosable = new Set<string>()
  // The default is choosable whatever stands before it.
  if (chosen !== undefined) choosable.add(choiceKey(chosen))
  return renditions.map((rendition, index) => {
    const name = freeName(rendition.name ?? nameOf(rendition, noun, index), names)
    names.add(name)
    const isDefault = rendition === chosen
    const key = choiceKey(rendition)
    const isOnRequest = rendition.role !== null && ASKED_FOR.includes(rendition.role)
    const isAutoselect = isDefault || (!isOnRequest && !choosable.has(key))
    if (isAutoselect) choosable.add(key)
    return { rendition, name, isDefault, isAutoselect }
  })
}

function choiceKey({ language, role }: RenditionLabel): string {
  return `${language} ${characteristicsOf(role) ?? ''} ${role === 'forced-subtitle' ? 'forced' : ''}`
}

/** `Deutsch`, `English (audio description)`, `Audio 2`. */
function nameOf({ language, role }: RenditionLabel, noun: string, index: number): string {
  const word = role === null ? undefined : ROLE_WORDS[role]
  const base = language === 'und' ? `${noun} ${index + 1}` : languageName(language)
  return word === undefined ? base : `${base} (${word})`
}

/** In the language itself, as people look for it. */
function languageName(tag: string): string {
  let name: string | undefined
  try {
    name = new Intl.DisplayNames([tag], { type: 'language', fallback: 'code' }).of(tag)
  } catch {
    return tag // no language tag, however it came here
  }
  if (name === undefined) return tag
  const first = String.fromCodePoint(name.codePointAt(0) ?? 0x20)
  return first.toLocaleUpperCase(tag) + name.slice(first.length)
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name
  for (let number = 2; taken.has(free); number++) free = `${name} ${number}`
  return free
}

// The subtitles that the facts of a video tell of. Pure.
import type { AssetView } from '../../../../src/api/asset-contract.ts'

export interface Subtitles {
  readonly name: string
  /** BCP 47. */
  readonly language: string
  readonly title: string | null
  readonly isAdded: boolean
}

/** What a newer Mirror tells otherwise is left out. */
export function subtitlesOf({ facts }: Pick<AssetView, 'facts'>): readonly Subtitles[] {
  const { subtitles } = facts
  if (!Array.isArray(subtitles)) return []
  return subtitles.flatMap((track: unknown): Subtitles[] => {
    if (typeof track !== 'object' || track === null) return []
    const { name, language, title, isAdded } = track as Partial<Record<keyof Subtitles, unknown>>
    if (typeof name !== 'string' || typeof language !== 'string') return []
    return [{ name, language, title: typeof title === 'string' ? title : null, isAdded: isAdded === true }]
  })
}

/** "German"; a tag that nobody knows stays as it is. */
export function languageWords(language: string): string {
  if (language === 'und') return 'Unknown language'
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(language) ?? language
  } catch {
    return language
  }
}

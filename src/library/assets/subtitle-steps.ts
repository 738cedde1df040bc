// Subtitles inside a video become files of their own, beside those that somebody added to it.

import { toMirrorError } from '../../core/errors.ts'
import { languageTag } from '../../media/codecs/language-tag.ts'
import type { DescribedMedia } from '../processing/describe-media.ts'
import type { StreamFacts } from '../processing/media-facts.ts'
import type { JsonObject } from './asset.ts'
import type { MediaWorkshop } from './media-workshop.ts'

export interface SubtitleTrack {
  /** Of its rendition. */
  readonly name: string
  /** BCP 47, `und` when unknown. */
  readonly language: string
  readonly title: string | null
  readonly isDefault: boolean
  /** Somebody sent it; omitted: it was in the file. */
  readonly isAdded?: true
}

const ADDED = 'added-subtitles-'

/** Of text; those of pictures (DVD, Blu-ray, DVB) would have to be read by somebody. */
const TEXT_CODECS = [
  'subrip',
  'srt',
  'ass',
  'ssa',
  'webvtt',
  'mov_text',
  'text',
  'microdvd',
  'subviewer',
  'sami',
  'realtext',
]
const MAX_TRACKS = 8
const MAX_BPS = 100_000
/** Of one track. */
const MAX_FILE_BYTES = 16 * 2 ** 20

/** Of the rendition that holds what was added in a language. */
export function addedSubtitlesName(language: string): string {
  return `${ADDED}${language.toLowerCase()}`
}

/**
 * What cannot be read does not keep the video from being played: `subtitleProblem` says so. What was added in a language
 * takes the place of what the file has in it. `before`: facts of an earlier time, which are made anew.
 */
export async function makeSubtitles(
  workshop: MediaWorkshop,
  { streams, durationSec }: DescribedMedia,
  before: JsonObject,
): Promise<JsonObject> {
  const added = await addedTracks(workshop)
  const isReplaced = ({ language }: StreamFacts) =>
    added.some((track) => track.language === languageTag(language ?? ''))
  const found = streams.filter((stream) => isText(stream) && !isReplaced(stream)).slice(0, MAX_TRACKS)
  const anew = 'subtitleProblem' in before ? { subtitleProblem: undefined } : {}
  if (found.length === 0) {
    return added.length === 0 && subtitlesIn(before).length === 0 ? anew : { ...anew, subtitles: added }
  }
  const files: { readonly track: SubtitleTrack; readonly path: string; readonly index: number }[] = []
  for (const { index, language, title, isDefault } of found) {
    const tag = languageTag(language ?? '')
    const name = freeName(
      `subtitles-${tag.toLowerCase()}`,
      files.map(({ track }) => track.name),
    )
    files.push({ track: { name, language: tag, title, isDefault }, path: await workshop.path(`${name}.vtt`), index })
  }
  const outputs = files.flatMap(({ index, path }) => [
    '-map',
    `0:${index}`,
    '-map_metadata',
    '-1',
    '-c:s',
    'webvtt',
    '-f',
    'webvtt',
    path,
  ])
  try {
    await workshop.run({ outputs, bitRate: MAX_BPS, durationSec, fileBytes: MAX_FILE_BYTES })
  } catch (error) {
    const { code, message } = toMirrorError(error)
    if (!code.startsWith('content_')) throw error
    return { subtitles: added, subtitleProblem: message }
  }
  for (const { track, path } of files) {
    await workshop.keep({ name: track.name, path, extension: 'vtt', contentType: 'text/vtt' })
  }
  return { ...anew, subtitles: [...files.map(({ track }) => track), ...added] }
}

async function addedTracks({ host }: MediaWorkshop): Promise<readonly SubtitleTrack[]> {
  return (await host.renditions())
    .filter(({ name }) => name.startsWith(ADDED))
    .map(({ name }) => {
      const [language = 'und'] = Intl.getCanonicalLocales(name.slice(ADDED.length))
      return { name, language, title: null, isDefault: false, isAdded: true }
    })
}

export function subtitlesIn(facts: JsonObject): readonly SubtitleTrack[] {
  const { subtitles } = facts
  return Array.isArray(subtitles) ? (subtitles as SubtitleTrack[]) : []
}

function isText({ kind, codec }: StreamFacts): boolean {
  return kind === 'subtitle' && TEXT_CODECS.includes(codec)
}

function freeName(name: string, taken: readonly string[]): string {
  let free = name
  for (let number = 2; taken.includes(free); number += 1) free = `${name}-${number}`
  return free
}

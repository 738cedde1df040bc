// Assets in words. Pure.
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import type { AssetStatus, Kind } from './library-search.ts'
import { languageWords } from './subtitles.ts'

export const KIND_WORDS: Readonly<Record<Kind, string>> = {
  image: 'Picture',
  video: 'Video',
  audio: 'Sound',
  document: 'Document',
  other: 'Other',
}

export const STATUS_WORDS: Readonly<Record<AssetStatus, string>> = {
  pending: 'Waiting',
  processing: 'Processing',
  ready: 'Ready',
  failed: 'Failed',
}

const STEP_WORDS: Readonly<Record<string, string>> = {
  identify: 'looks at the file',
  metadata: 'reads what it says of itself',
  placeholder: 'makes the placeholder',
  thumbnail: 'makes the thumbnail',
  medium: 'makes the medium size',
  webp: 'makes WebP',
  avif: 'makes AVIF',
  probe: 'looks into the container',
  poster: 'makes the poster',
  storyboard: 'makes the storyboard',
  subtitles: 'gathers the subtitles',
  hls: 'prepares playback',
  pages: 'counts the pages',
  waveform: 'draws the waveform',
  mp4: 'makes smaller videos',
  m4a: 'makes AAC',
  opus: 'makes Opus',
  purge: 'clears caches',
}

/** An unknown step keeps its name: a newer Mirror may have more. */
export function stepWords(name: string): string {
  return STEP_WORDS[name] ?? name.replaceAll('-', ' ')
}

/** For rows and cards: "Processing 3 of 7 · 28 %". */
export function statusWords({ status, step, percent }: Pick<AssetView, 'status' | 'step' | 'percent'>): string {
  if (status !== 'processing' || step === null) return STATUS_WORDS[status]
  return `Step ${step.index} of ${step.count} · ${percent} %`
}

/** "JPEG", "MP4": as people call it. */
export function formatWords({ format, extension }: Pick<AssetView, 'format' | 'extension'>): string {
  const name = format === 'bin' && extension !== '' ? extension : format
  return name === 'bin' ? 'File' : name.toUpperCase()
}

const RENDITION_WORDS: Readonly<Record<string, string>> = {
  thumbnail: 'Thumbnail',
  medium: 'Medium',
  webp: 'Large, WebP',
  avif: 'Large, AVIF',
  poster: 'Poster',
  m4a: 'AAC, M4A',
  opus: 'Opus',
  storyboard: 'Storyboard, its times',
  'storyboard-image': 'Storyboard, its pictures',
  waveform: 'Waveform',
}

export function renditionWords(name: string): string {
  const size = /^fit-(\d+)-(\w+)$/.exec(name)
  if (size !== null) return `Within ${size[1]}×${size[1]}, ${size[2]?.toUpperCase()}`
  const subtitles = /^(added-)?subtitles-(.+)$/.exec(name)
  if (subtitles !== null) {
    const language = languageWords((subtitles[2] ?? '').replace(/-\d$/, ''))
    return `Subtitles, ${language}${subtitles[1] === undefined ? '' : ', added'}`
  }
  const film = /^mp4-(\d+p)$/.exec(name)
  return film === null ? (RENDITION_WORDS[name] ?? name) : `MP4, ${film[1]}`
}

/** What stands for it in a list: the smallest picture of it that is no speck; null: none is there. */
export function pictureOf(asset: Pick<AssetView, 'renditions'>): Picture | null {
  const named = (name: string) => asset.renditions.find((each) => each.name === name)
  const small = named('thumbnail') ?? named('poster')
  if (small === undefined) return null
  const large = named('medium')
  const srcSet = [small, ...(large === undefined ? [] : [large])]
    .flatMap(({ path, width }) => (width === null ? [] : [`${path} ${width}w`]))
    .join(', ')
  return { src: small.path, srcSet }
}

export interface Picture {
  readonly src: string
  readonly srcSet: string
}

/** The largest that a browser shows in a page, or the first page of a document; null: only the original is there. */
export function showableOf({ renditions }: Pick<AssetView, 'renditions'>): AssetView['renditions'][number] | null {
  for (const name of ['webp', 'medium', 'thumbnail', 'poster']) {
    const found = renditions.find((each) => each.name === name)
    if (found !== undefined) return found
  }
  return null
}

export function originalPath({ id }: Pick<AssetView, 'id'>): string {
  return `/api/v1/assets/${id}/original`
}

export function textFact({ facts }: Pick<AssetView, 'facts'>, name: string): string | null {
  const value = facts[name]
  return typeof value === 'string' && value !== '' ? value : null
}

export function numberFact({ facts }: Pick<AssetView, 'facts'>, name: string): number | null {
  const value = facts[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

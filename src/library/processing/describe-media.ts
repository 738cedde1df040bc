// What is kept about sound and video: bounded, whatever a file says of itself. Pure.
import type { AudioStream, MediaFacts, StreamFacts, VideoStream } from './media-facts.ts'

const MAX_TAGS = 50
const MAX_TAG_LETTERS = 500
/** Pixels that are longer than this are a mistake. */
const MAX_ASPECT = 4

/** As it lies in the facts of an asset. */
export interface DescribedMedia {
  readonly container: string
  readonly durationSec: number | null
  readonly bitRate: number | null
  /** As it is to be seen, upright; null: there is no video. */
  readonly width: number | null
  readonly height: number | null
  readonly video: VideoStream | null
  /** The sound that is heard first. */
  readonly audio: AudioStream | null
  readonly streams: readonly StreamFacts[]
  readonly tags: Readonly<Record<string, string>>
}

export function describeMedia({ container, durationSec, bitRate, streams, tags }: MediaFacts): DescribedMedia {
  const video = streams.find((stream): stream is VideoStream => isShown(stream)) ?? null
  const audio = heardFirst(streams)
  const shown = video === null ? { width: null, height: null } : shownSize(video)
  return { container, durationSec, bitRate, ...shown, video, audio, streams, tags: boundedTags(tags) }
}

/** In square pixels, upright. */
export function shownSize(video: Pick<VideoStream, 'width' | 'height' | 'pixelAspect' | 'rotationDeg'>): Size {
  const isSane = video.pixelAspect >= 1 / MAX_ASPECT && video.pixelAspect <= MAX_ASPECT
  const width = Math.max(1, Math.round(video.width * (isSane ? video.pixelAspect : 1)))
  return video.rotationDeg % 180 === 90 ? { width: video.height, height: width } : { width, height: video.height }
}

export interface Size {
  readonly width: number
  readonly height: number
}

/** Sound that can be decoded; the default of several. */
export function heardFirst(streams: readonly StreamFacts[]): AudioStream | null {
  const heard = heardIn(streams)
  return heard.find(({ isDefault }) => isDefault) ?? heard[0] ?? null
}

export function heardIn(streams: readonly StreamFacts[]): readonly AudioStream[] {
  return streams.filter((stream): stream is AudioStream => stream.kind === 'audio' && canDecode(stream))
}

function canDecode({ codec, isDecodable }: StreamFacts): boolean {
  return codec !== 'unknown' && isDecodable !== false
}

function isShown(stream: StreamFacts): boolean {
  return stream.kind === 'video' && !stream.isCover && canDecode(stream) && stream.width > 0 && stream.height > 0
}

function boundedTags(tags: Readonly<Record<string, string>>): Record<string, string> {
  const shown = Object.entries(tags).slice(0, MAX_TAGS)
  return Object.fromEntries(shown.map(([name, value]) => [name.slice(0, 100), value.slice(0, MAX_TAG_LETTERS)]))
}

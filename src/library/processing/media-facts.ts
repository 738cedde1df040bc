// What a probe says about a media file, in Mirror's words. Pure.
import { z } from 'zod'

export interface MediaFacts {
  /** As ffprobe names it: `mov,mp4,m4a,3gp,3g2,mj2`, `wav`. */
  readonly container: string
  /** Null: it does not say, and it cannot be reckoned. */
  readonly durationSec: number | null
  /** bit/s of the whole file. */
  readonly bitRate: number | null
  readonly streams: readonly StreamFacts[]
  /** Title, artist and so on, by names in lower case. */
  readonly tags: Readonly<Record<string, string>>
}

interface StreamBase {
  /** The place in the file, as ffmpeg counts. */
  readonly index: number
  /** As ffmpeg names it: `h264`, `pcm_s16le`; `unknown` when it does not know it. */
  readonly codec: string
  readonly durationSec: number | null
  readonly bitRate: number | null
  /** As the file says, `eng`; null when it says nothing or `und`. */
  readonly language: string | null
  /** What the file calls it; null when it does not. */
  readonly title: string | null
  readonly isDefault: boolean
  /** False: this ffmpeg knows the codec by name alone. Omitted: nobody has asked it. */
  readonly isDecodable?: boolean
}

export interface VideoStream extends StreamBase {
  readonly kind: 'video'
  readonly width: number
  readonly height: number
  /** Frames per second on average; null when unknown. */
  readonly frameRate: number | null
  /** Clockwise, to be applied before showing. */
  readonly rotationDeg: 0 | 90 | 180 | 270
  readonly pixelFormat: string | null
  /** Width of a pixel over its height. */
  readonly pixelAspect: number
  /** ITU-T H.273, as ffmpeg names it: `bt709`, `smpte2084`; null when the file does not say. */
  readonly transfer: string | null
  readonly primaries: string | null
  readonly matrix: string | null
  /** `tv` (16 to 235 of 255), `pc` (0 to 255). */
  readonly range: string | null
  /** A cover picture of an audio file, not a video. */
  readonly isCover: boolean
}

export interface AudioStream extends StreamBase {
  readonly kind: 'audio'
  readonly channels: number
  readonly sampleRateHz: number
  /** `stereo`, `5.1(side)`; null when the file does not say. */
  readonly layout: string | null
  /** Of uncompressed and lossless audio. */
  readonly bitsPerSample: number | null
}

export type StreamFacts =
  | VideoStream
  | AudioStream
  | (StreamBase & { readonly kind: 'subtitle' })
  | (StreamBase & { readonly kind: 'other' })

const MAX_TITLE_LETTERS = 100

const tags = z.record(z.string(), z.string()).default({})
const number = z.union([z.number(), z.string().transform(Number)]).optional()
const PROBED = z.object({
  format: z.object({ format_name: z.string(), duration: number, bit_rate: number, tags }),
  streams: z
    .array(
      z.object({
        index: z.int(),
        codec_type: z.string().optional(),
        codec_name: z.string().optional(),
        duration: number,
        bit_rate: number,
        width: number,
        height: number,
        avg_frame_rate: z.string().optional(),
        r_frame_rate: z.string().optional(),
        pix_fmt: z.string().optional(),
        color_transfer: z.string().optional(),
        color_primaries: z.string().optional(),
        color_space: z.string().optional(),
        color_range: z.string().optional(),
        sample_aspect_ratio: z.string().optional(),
        channels: number,
        sample_rate: number,
        channel_layout: z.string().optional(),
        bits_per_sample: number,
        bits_per_raw_sample: number,
        disposition: z.record(z.string(), z.number()).default({}),
        tags,
        side_data_list: z.array(z.looseObject({ rotation: z.number().optional() })).default([]),
      }),
    )
    .default([]),
})
type ProbedStream = z.output<typeof PROBED>['streams'][number]

/** What `ffprobe -show_format -show_streams -print_format json` wrote. Null: it is not that. */
export function parseProbe(json: string): MediaFacts | null {
  const parsed = PROBED.safeParse(jsonOrNull(json))
  if (!parsed.success) return null
  const { format, streams } = parsed.data
  const own = positive(format.duration)
  const longest = Math.max(0, ...streams.map(({ duration }) => positive(duration) ?? 0))
  return {
    container: format.format_name,
    durationSec: own ?? (longest > 0 ? longest : null),
    bitRate: positive(format.bit_rate),
    streams: streams.map(streamFacts),
    tags: lowerCase(format.tags),
  }
}

function streamFacts(stream: ProbedStream): StreamFacts {
  const base: StreamBase = {
    index: stream.index,
    codec: stream.codec_name ?? 'unknown',
    durationSec: positive(stream.duration),
    bitRate: positive(stream.bit_rate),
    language: languageOf(lowerCase(stream.tags)['language']),
    title: lowerCase(stream.tags)['title']?.slice(0, MAX_TITLE_LETTERS) ?? null,
    isDefault: stream.disposition['default'] === 1,
  }
  switch (stream.codec_type) {
    case 'video':
      return {
        ...base,
        kind: 'video',
        width: positive(stream.width) ?? 0,
        height: positive(stream.height) ?? 0,
        frameRate: ratio(stream.avg_frame_rate) ?? ratio(stream.r_frame_rate),
        rotationDeg: rotationOf(stream),
        pixelFormat: stream.pix_fmt ?? null,
        pixelAspect: ratio(stream.sample_aspect_ratio?.replace(':', '/')) ?? 1,
        transfer: stream.color_transfer ?? null,
        primaries: saidColour(stream.color_primaries),
        matrix: saidColour(stream.color_space),
        range: saidColour(stream.color_range),
        isCover: stream.disposition['attached_pic'] === 1,
      }
    case 'audio':
      return {
        ...base,
        kind: 'audio',
        channels: positive(stream.channels) ?? 0,
        sampleRateHz: positive(stream.sample_rate) ?? 0,
        layout: stream.channel_layout ?? null,
        bitsPerSample: positive(stream.bits_per_raw_sample) ?? positive(stream.bits_per_sample),
      }
    case 'subtitle':
      return { ...base, kind: 'subtitle' }
    default:
      return { ...base, kind: 'other' }
  }
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** ffprobe writes 0, nothing or `N/A` for what it does not know. */
function positive(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) && value > 0 ? value : null
}

function saidColour(name: string | undefined): string | null {
  return name === undefined || name === 'unknown' || name === 'reserved' ? null : name
}

/** `30000/1001`; null for `0/0`. */
function ratio(text: string | undefined): number | null {
  const [over = Number.NaN, under = Number.NaN] = (text ?? '').split('/').map(Number)
  return positive(over / under)
}

/** The display matrix turns counter-clockwise; older files have a tag that turns clockwise. */
function rotationOf({ side_data_list, tags }: ProbedStream): 0 | 90 | 180 | 270 {
  const matrix = side_data_list.find(({ rotation }) => rotation !== undefined)?.rotation
  const clockwise = matrix === undefined ? Number(tags['rotate'] ?? 0) : -matrix
  const quarters = Number.isFinite(clockwise) ? ((Math.round(clockwise / 90) % 4) + 4) % 4 : 0
  return ([0, 90, 180, 270] as const)[quarters] ?? 0
}

function languageOf(tag: string | undefined): string | null {
  return tag === undefined || tag === '' || tag === 'und' ? null : tag.slice(0, 35)
}

function lowerCase(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [name.toLowerCase(), value]))
}

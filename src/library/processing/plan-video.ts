// Which videos are made of a video, and how ffmpeg is told so. Pure.
import { type Rational, rational, toNumber } from '../../core/rational.ts'
import { cellLength } from '../../media/timeline/cell.ts'
import { heardIn, type Size, shownSize } from './describe-media.ts'
import type { AudioStream, StreamFacts, VideoStream } from './media-facts.ts'
import { aacArgs } from './plan-sound.ts'

/** One of the sizes in which a video can be had. */
export interface Rung extends Size {
  /** `mp4-720p`. */
  readonly name: string
  readonly videoBps: number
  /** Of each track of sound. */
  readonly audioBps: number
}

export interface VideoPlan {
  /** Best first; no two of one size. */
  readonly rungs: readonly Rung[]
  /** Frames per second, constant, whatever the source does. */
  readonly frameRate: Rational
  /** A keyframe every so many frames, in all rungs at the same ones: there a player can change from one to another. */
  readonly gopFrames: number
  /** Segments are so long: whole groups of pictures. */
  readonly cell: Rational
  /** What is heard first comes first. */
  readonly audio: readonly AudioStream[]
}

/** Of the shorter side, so that upright videos have names and rates like others. */
const SIDES = [720, 480] as const
/** Under 3 Mbit/s for 720p and 1.5 Mbit/s for 480p, with room for what a rate control overshoots. */
const TOP_BPS = 2_700_000
const TOP_SIDE = 720
const RATE_EXPONENT = 1.71
const MIN_BPS = 100_000
const TOP_AUDIO_BPS = 128_000
const LOW_AUDIO_BPS = 96_000
/** A banner four times as long as it is high is no wider than this many times its height. */
const MAX_SIDES_RATIO = 4
const MAX_AUDIO_TRACKS = 8
const GOP_MS = 2000
const GOPS_PER_SEGMENT = 2

export function planVideo(video: VideoStream, streams: readonly StreamFacts[]): VideoPlan {
  const size = shownSize(video)
  const own = evenFloor(Math.min(size.width, size.height))
  const sides = [...new Set(SIDES.map((side) => Math.min(side, own)))]
  const frameRate = steadyRate(video.frameRate)
  const gop = cellLength(GOP_MS, frameRate)
  const gopFrames = Math.round(toNumber(gop) * toNumber(frameRate))
  return {
    rungs: sides.map((side, index) => rungOf(size, side, index === 0)),
    ...{ frameRate, gopFrames, cell: rational(gop.num * GOPS_PER_SEGMENT, gop.den) },
    audio: heardIn(streams)
      .toSorted((a, b) => Number(b.isDefault) - Number(a.isDefault))
      .slice(0, MAX_AUDIO_TRACKS),
  }
}

/** Of all files, when each is as large as its rates allow. */
export function plannedBytes({ rungs, audio }: VideoPlan, durationSec: number): number {
  const rate = rungs.reduce((sum, rung, index) => sum + rung.videoBps + soundOf(audio, index).length * rung.audioBps, 0)
  return Math.ceil((rate * durationSec) / 8)
}

/** The smallest is for narrow lines and small screens: it has what is heard first. */
export function soundOf(audio: readonly AudioStream[], rung: number): readonly AudioStream[] {
  return rung === 0 ? audio : audio.slice(0, 1)
}

function rungOf({ width, height }: Size, side: number, isTop: boolean): Rung {
  const [short, long] = [Math.min(width, height), Math.max(width, height)]
  const scaled = Math.min((long * side) / short, side * MAX_SIDES_RATIO)
  // To the nearest even number, but never above the source.
  const other = Math.max(side, Math.min(2 * Math.round(scaled / 2), evenFloor(long)))
  const videoBps = Math.max(MIN_BPS, Math.round(TOP_BPS * (side / TOP_SIDE) ** RATE_EXPONENT))
  const size = width >= height ? { width: other, height: side } : { width: side, height: other }
  return { ...size, name: `mp4-${side}p`, videoBps, audioBps: isTop && side > 480 ? TOP_AUDIO_BPS : LOW_AUDIO_BPS }
}

const STANDARD_RATES: readonly Rational[] = [
  ...[rational(24_000, 1001), rational(24, 1), rational(25, 1), rational(30_000, 1001), rational(30, 1)],
  ...[rational(48, 1), rational(50, 1), rational(60_000, 1001), rational(60, 1)],
]
const MAX_RATE = 60
const UNKNOWN_RATE = rational(25, 1)

/** The standard rate that a source has, or the next one above an odd or changing rate; whole rates below 24 stay. */
export function steadyRate(average: number | null): Rational {
  if (average === null) return UNKNOWN_RATE
  const whole = Math.max(1, Math.round(average))
  if (whole < 24 && Math.abs(average - whole) < 0.01) return rational(whole, 1)
  const distance = (rate: Rational) => Math.abs(toNumber(rate) / average - 1)
  const nearest = STANDARD_RATES.toSorted((a, b) => distance(a) - distance(b))[0] ?? UNKNOWN_RATE
  if (distance(nearest) < 0.01) return nearest
  return STANDARD_RATES.find((rate) => toNumber(rate) >= average) ?? rational(MAX_RATE, 1)
}

/**
 * What stands behind the input: one decoder, whose pictures are scaled down step by step; a file for each rung. Sound and
 * pictures begin at 0 and have no holes, whatever the source did.
 */
export function encodeArgs(
  plan: VideoPlan,
  video: VideoStream,
  options: {
    readonly pathOf: (rung: Rung) => string
    readonly threads: number
    readonly maxSec: number
    /** Whether what is brighter than screens is mapped to them. */
    readonly toneMaps: boolean
  },
): readonly string[] {
  return [
    ...['-filter_complex', filterGraph(plan, video, options.toneMaps)],
    ...plan.rungs.flatMap((rung, index) => [
      ...['-map', `[v${index}]`],
      ...soundOf(plan.audio, index).flatMap(mapAudio),
      ...['-sn', '-dn', '-map_chapters', '-1', '-map_metadata', '-1', '-t', String(options.maxSec)],
      ...videoArgs(plan, rung),
      ...audioArgs(plan, rung),
      ...['-threads', String(options.threads), '-max_muxing_queue_size', '4096'],
      ...['-movflags', '+faststart', '-f', 'mp4', options.pathOf(rung)],
    ]),
  ]
}

/** With its language, which is all that is kept of what the file says: it may name the place where it was taken. */
function mapAudio({ index, language }: AudioStream, place: number): readonly string[] {
  const isCode = language !== null && /^[a-z]{3}$/.test(language)
  return ['-map', `0:${index}`, `-metadata:s:a:${place}`, `language=${isCode ? language : 'und'}`]
}

/** HLG and PQ are brighter than any screen that knows nothing of them. */
const HDR_TRANSFERS = ['smpte2084', 'arib-std-b67']
const TONE_MAP = [
  ...['zscale=t=linear:npl=100', 'format=gbrpf32le', 'zscale=p=bt709', 'tonemap=hable:desat=0'],
  'zscale=t=bt709:m=bt709:r=tv',
]

/** What HDR has that does not say: without it nothing can be mapped. ITU-R BT.2100. */
function colourGaps({ primaries, matrix, range }: VideoStream): readonly string[] {
  const gaps = [
    ...(primaries ? [] : ['color_primaries=bt2020']),
    ...(matrix ? [] : ['colorspace=bt2020nc']),
    ...(range ? [] : ['range=tv']),
  ]
  return gaps.length === 0 ? [] : [`setparams=${gaps.join(':')}`]
}

export function isHdr({ transfer }: VideoStream): boolean {
  return transfer !== null && HDR_TRANSFERS.includes(transfer)
}

function filterGraph({ rungs, frameRate }: VideoPlan, video: VideoStream, toneMaps: boolean): string {
  const [top] = rungs
  const steady = `fps=${frameRate.num}/${frameRate.den}:start_time=0`
  const scale = ({ width, height }: Size) => `scale=${width}:${height}`
  const first = [
    'yadif=deint=interlaced',
    ...[steady, ...(top === undefined ? [] : [scale(top)])],
    ...(toneMaps && isHdr(video) ? [...colourGaps(video), ...TONE_MAP] : []),
    ...['format=yuv420p', 'setsar=1'],
  ]
  const chains = [`[0:${video.index}]${first.join(',')}${rungs.length > 1 ? ',split[v0][s1]' : '[v0]'}`]
  for (const [index, rung] of rungs.entries()) {
    if (index === 0) continue
    const isLast = index === rungs.length - 1
    const out = isLast ? `[v${index}]` : `,split[v${index}][s${index + 1}]`
    chains.push(`[s${index}]${scale(rung)},setsar=1${out}`)
  }
  return chains.join(';')
}

function videoArgs({ gopFrames }: VideoPlan, { videoBps }: Rung): readonly string[] {
  const gop = String(gopFrames)
  return [
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'high', '-bf', '2'],
    ...['-crf', '23', '-maxrate', String(videoBps), '-bufsize', String(videoBps)],
    ...['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-flags', '+cgop'],
  ]
}

function audioArgs({ audio }: VideoPlan, { audioBps }: Rung): readonly string[] {
  const [first] = audio
  if (first === undefined) return []
  const highest = audio.reduce((best, stream) => (stream.sampleRateHz > best.sampleRateHz ? stream : best), first)
  return [...aacArgs(highest, audioBps), '-ac', '2', '-af', 'aresample=async=1000:first_pts=0']
}

function evenFloor(value: number): number {
  return Math.max(2, 2 * Math.floor(value / 2))
}

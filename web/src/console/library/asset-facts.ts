// What was found in the bytes of an asset, for people to read. Pure.
import type { AssetView } from '../../../../src/api/asset-contract.ts'
import { formatLength } from '../format/moment.ts'
import { formatBitrate, formatBytes, formatCodec, formatFrameRate } from '../format/quantity.ts'
import { KIND_WORDS, numberFact, textFact } from './asset-words.ts'

export interface WordedFact {
  readonly label: string
  readonly value: string
}

type Facts = Pick<AssetView, 'facts'>

export function aboutAsset(asset: AssetView): readonly WordedFact[] {
  const sound = partOf(asset, 'audio')
  const video = partOf(asset, 'video')
  const length = numberFact(asset, 'durationSec')
  return [
    fact('Kind', `${KIND_WORDS[asset.kind]}, ${asset.contentType}`),
    fact('Size', formatBytes(asset.sizeBytes)),
    fact('Length', length === null ? null : formatLength(length)),
    fact('Pages', numberFact(asset, 'pages')?.toLocaleString('en') ?? null),
    fact('Title', textFact(asset, 'title')),
    fact('Author', textFact(asset, 'author')),
    fact('Pixels', pixelsOf(asset)),
    fact('Video', video === null ? null : streamWords([codecOf(video), frameRateOf(video)])),
    fact('Sound', sound === null ? null : streamWords([codecOf(sound), rateOf(sound), channelsOf(sound)])),
    fact('Bit rate', bitRateOf(asset)),
    fact('Loudness', loudnessOf(asset)),
    fact('Colours', coloursOf(asset)),
    fact('Frames', framesOf(asset)),
  ].filter((each) => each !== null)
}

/** What the camera or the studio wrote into it; in the order of the file. */
export function writtenInto({ facts }: Facts): readonly WordedFact[] {
  const written = { ...objectOf(facts['exif']), ...objectOf(facts['tags']) }
  return Object.entries(written).flatMap(([name, value]) =>
    typeof value === 'string' || typeof value === 'number' ? [{ label: nameWords(name), value: String(value) }] : [],
  )
}

/** `ExposureTime` → "Exposure time", `ISOSpeedRatings` → "ISO speed ratings". */
export function nameWords(name: string): string {
  const words = name
    .replaceAll(/[_-]+/g, ' ')
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .trim()
    .split(' ')
    .map((word) => (/^[A-Z]{2,}$/.test(word) ? word : word.toLowerCase()))
  const [first = '', ...rest] = words
  return [first.charAt(0).toUpperCase() + first.slice(1), ...rest].join(' ')
}

export function hasLocation({ facts }: Facts): boolean {
  return facts['hasLocation'] === true
}

function fact(label: string, value: string | null): WordedFact | null {
  return value === null ? null : { label, value }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

type Part = Facts

/** A stream as facts of its own. */
function partOf({ facts }: Facts, name: string): Part | null {
  const part = facts[name]
  return typeof part === 'object' && part !== null ? { facts: part as Record<string, unknown> } : null
}

function pixelsOf(asset: Facts): string | null {
  const [width, height] = [numberFact(asset, 'width'), numberFact(asset, 'height')]
  if (width === null || height === null) return null
  const millions = (width * height) / 1e6
  return `${width} × ${height}${millions < 1 ? '' : ` (${millions.toFixed(1)} million)`}`
}

function coloursOf(asset: Facts): string | null {
  const space = textFact(asset, 'colourSpace')
  if (space === null) return null
  const bits = numberFact(asset, 'bitsPerChannel')
  return [
    space === 'srgb' ? 'sRGB' : space.toUpperCase(),
    ...(bits === null ? [] : [`${bits} bits a channel`]),
    ...(asset.facts['hasAlpha'] === true ? ['transparency'] : []),
    ...(asset.facts['hasColourProfile'] === true ? ['own profile'] : []),
  ].join(', ')
}

function framesOf(asset: Facts): string | null {
  const frames = numberFact(asset, 'frames')
  return frames === null || frames <= 1 ? null : `${frames}, the first is shown`
}

function bitRateOf(asset: Facts): string | null {
  const bps = numberFact(asset, 'bitRate')
  return bps === null ? null : formatBitrate(bps)
}

function loudnessOf(asset: Facts): string | null {
  const loudness = partOf(asset, 'loudness')
  const lufs = loudness === null ? null : (numberFact(loudness, 'integratedLufs') ?? numberFact(loudness, 'integrated'))
  return lufs === null ? null : `${lufs.toFixed(1)} LUFS`
}

function codecOf(part: Part): string | null {
  const codec = textFact(part, 'codec')
  return codec === null ? null : formatCodec(codec)
}

function frameRateOf(part: Part): string | null {
  const rate = numberFact(part, 'frameRate')
  return rate === null ? null : formatFrameRate(rate)
}

function rateOf(part: Part): string | null {
  const rate = numberFact(part, 'sampleRateHz')
  return rate === null ? null : `${rate / 1000} kHz`
}

function channelsOf(part: Part): string | null {
  return channelWords(numberFact(part, 'channels'))
}

export function channelWords(channels: number | null): string | null {
  if (channels === null) return null
  return channels === 1 ? 'mono' : channels === 2 ? 'stereo' : `${channels} channels`
}

function streamWords(parts: readonly (string | null)[]): string | null {
  const known = parts.filter((part) => part !== null)
  return known.length === 0 ? null : known.join(', ')
}

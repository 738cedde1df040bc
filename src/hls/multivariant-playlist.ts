// The multivariant playlist: RFC 8216bis 4.4.6.
import { type Rational, toNumber } from '../core/rational.ts'

export interface VideoRendition {
  readonly uri: string
  readonly codecs: string
  readonly widthPx: number
  readonly heightPx: number
  readonly frameRate: Rational | null
  /** Largest and mean bit rate of its segments. */
  readonly peakBps: number
  readonly averageBps: number
}

export interface AudioRendition {
  readonly uri: string
  readonly codecs: string
  /** BCP 47, `und` when unknown. */
  readonly language: string
  readonly name: string
  readonly channels: number
  readonly peakBps: number
  readonly averageBps: number
}

export interface MultivariantPlaylist {
  readonly video: readonly VideoRendition[]
  readonly audio: readonly AudioRendition[]
  readonly hasIndependentSegments: boolean
}

export function renderMultivariantPlaylist(playlist: MultivariantPlaylist): string {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:9']
  if (playlist.hasIndependentSegments) lines.push('#EXT-X-INDEPENDENT-SEGMENTS')
  if (playlist.video.length === 0) lines.push(...playlist.audio.flatMap((audio) => audioOnlyLines(audio)))
  else
    lines.push(
      ...playlist.audio.map((audio, index) => mediaLine(audio, playlist.audio.slice(0, index))),
      ...playlist.video.flatMap((video) => variantLines(video, playlist.audio)),
    )
  return `${lines.join('\n')}\n`
}

/** 4.4.6.1.1: in a group NAME is unique, and a player may choose by itself only among different languages. */
function mediaLine(audio: AudioRendition, before: readonly AudioRendition[]): string {
  const namesakes = before.filter(({ name }) => name === audio.name).length
  const name = namesakes === 0 ? audio.name : `${audio.name} ${namesakes + 1}`
  const language = audio.language === 'und' ? '' : `,LANGUAGE="${quoted(audio.language)}"`
  const isDefault = before.length === 0
  const isChoosable = isDefault || before.every((other) => other.language !== audio.language)
  return (
    `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="${quoted(name)}"${language},DEFAULT=${yesNo(isDefault)}` +
    `,AUTOSELECT=${yesNo(isChoosable)},CHANNELS="${audio.channels}",URI="${audio.uri}"`
  )
}

function yesNo(value: boolean): 'YES' | 'NO' {
  return value ? 'YES' : 'NO'
}

function variantLines(video: VideoRendition, audio: readonly AudioRendition[]): string[] {
  const audioPeak = Math.max(0, ...audio.map((rendition) => rendition.peakBps))
  const audioAverage = Math.max(0, ...audio.map((rendition) => rendition.averageBps))
  const codecs = [video.codecs, ...new Set(audio.map((rendition) => rendition.codecs))].join(',')
  const attributes = [
    `BANDWIDTH=${video.peakBps + audioPeak}`,
    `AVERAGE-BANDWIDTH=${video.averageBps + audioAverage}`,
    `CODECS="${codecs}"`,
    `RESOLUTION=${video.widthPx}x${video.heightPx}`,
  ]
  if (video.frameRate !== null) attributes.push(`FRAME-RATE=${toNumber(video.frameRate).toFixed(3)}`)
  if (audio.length > 0) attributes.push('AUDIO="audio"')
  return [`#EXT-X-STREAM-INF:${attributes.join(',')}`, video.uri]
}

function audioOnlyLines(audio: AudioRendition): string[] {
  return [
    `#EXT-X-STREAM-INF:BANDWIDTH=${audio.peakBps},AVERAGE-BANDWIDTH=${audio.averageBps},CODECS="${audio.codecs}"`,
    audio.uri,
  ]
}

/** 4.2: a quoted string contains no line breaks and no quotes. */
function quoted(text: string): string {
  return text.replace(/["\r\n]/g, ' ')
}

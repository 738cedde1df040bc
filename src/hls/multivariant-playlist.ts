// The multivariant playlist: RFC 8216bis 4.4.6.
import { type Rational, toNumber } from '../core/rational.ts'
import { type AudioGroup, audioGroups, type GroupedAudio } from './audio-groups.ts'
import { characteristicsOf, type Member, membersOf, type RenditionLabel } from './rendition.ts'

interface Rates {
  /** Largest and mean bit rate of its segments. */
  readonly peakBps: number
  readonly averageBps: number
}

export interface VideoRendition extends Rates {
  readonly uri: string
  readonly codecs: string
  readonly widthPx: number
  readonly heightPx: number
  readonly frameRate: Rational | null
  /** Its keyframes alone; null while none is known. */
  readonly iFrames: (Rates & { readonly uri: string }) | null
}

export interface AudioRendition extends Rates, GroupedAudio {
  readonly uri: string
  readonly codecs: string
  readonly channels: number
}

/** WebVTT segments: they have no sample entry, so no CODECS speaks of them. */
export interface SubtitlesRendition extends RenditionLabel {
  readonly uri: string
}

/** CEA-608 or CEA-708 inside the pictures. */
export interface CaptionsRendition extends RenditionLabel {
  /** `CC1`…`CC4`, `SERVICE1`…`SERVICE63`. */
  readonly instreamId: string
}

export interface MultivariantPlaylist {
  /** That of its media playlists. */
  readonly version: number
  readonly video: readonly VideoRendition[]
  readonly audio: readonly AudioRendition[]
  readonly subtitles: readonly SubtitlesRendition[]
  /** Null: nobody knows whether there are captions in the pictures. Empty: there are none. */
  readonly captions: readonly CaptionsRendition[] | null
  readonly hasIndependentSegments: boolean
}

export function renderMultivariantPlaylist(playlist: MultivariantPlaylist): string {
  const lines = ['#EXTM3U', `#EXT-X-VERSION:${playlist.version}`]
  if (playlist.hasIndependentSegments) lines.push('#EXT-X-INDEPENDENT-SEGMENTS')
  const groups = audioGroups(playlist.audio)
  const hasChoice = playlist.video.length > 0 || playlist.audio.length > 1
  if (hasChoice) for (const group of groups) lines.push(...group.members.map((member) => audioLine(group.id, member)))
  const subtitles = membersOf(playlist.subtitles, { noun: 'Subtitles', needsDefault: false })
  lines.push(...subtitles.map(subtitlesLine))
  const hasCaptions = playlist.video.length > 0 && playlist.captions !== null && playlist.captions.length > 0
  const captions = hasCaptions ? membersOf(playlist.captions ?? [], { noun: 'Captions', needsDefault: false }) : []
  lines.push(...captions.map(captionsLine))

  const shared: string[] = []
  if (subtitles.length > 0) shared.push('SUBTITLES="subtitles"')
  // 4.4.6.2: NONE stands in every variant or in none.
  if (playlist.captions !== null) shared.push(hasCaptions ? 'CLOSED-CAPTIONS="captions"' : 'CLOSED-CAPTIONS=NONE')
  if (playlist.video.length === 0) {
    lines.push(...groups.flatMap((group) => audioOnlyLines(group, hasChoice, shared)))
  } else {
    const choices = groups.length === 0 ? [null] : groups
    lines.push(...choices.flatMap((group) => playlist.video.flatMap((video) => variantLines(video, group, shared))))
    lines.push(...playlist.video.flatMap(iFrameLines))
  }
  return `${lines.join('\n')}\n`
}

function audioLine(groupId: string, { rendition, ...member }: Member<AudioRendition>): string {
  const attributes = [
    ...['TYPE=AUDIO', `GROUP-ID="${groupId}"`, ...labelAttributes({ ...member, rendition })],
    ...[`CHANNELS="${rendition.channels}"`, `URI="${rendition.uri}"`],
  ]
  return `#EXT-X-MEDIA:${attributes.join(',')}`
}

function subtitlesLine(member: Member<SubtitlesRendition>): string {
  const { uri, role } = member.rendition
  const forced = role === 'forced-subtitle' ? ['FORCED=YES'] : []
  const attributes = ['TYPE=SUBTITLES', 'GROUP-ID="subtitles"', ...labelAttributes(member), ...forced, `URI="${uri}"`]
  return `#EXT-X-MEDIA:${attributes.join(',')}`
}

function captionsLine(member: Member<CaptionsRendition>): string {
  const id = `INSTREAM-ID="${quoted(member.rendition.instreamId)}"`
  return `#EXT-X-MEDIA:${['TYPE=CLOSED-CAPTIONS', 'GROUP-ID="captions"', ...labelAttributes(member), id].join(',')}`
}

function labelAttributes({ rendition, name, isDefault, isAutoselect }: Member<RenditionLabel>): string[] {
  const characteristics = characteristicsOf(rendition.role)
  return [
    `NAME="${quoted(name)}"`,
    ...(rendition.language === 'und' ? [] : [`LANGUAGE="${quoted(rendition.language)}"`]),
    `DEFAULT=${yesNo(isDefault)}`,
    `AUTOSELECT=${yesNo(isAutoselect)}`,
    ...(characteristics === null ? [] : [`CHARACTERISTICS="${characteristics}"`]),
  ]
}

function yesNo(value: boolean): 'YES' | 'NO' {
  return value ? 'YES' : 'NO'
}

/** A variant for each group: CODECS must be true of what a player will load. */
function variantLines(
  video: VideoRendition,
  group: AudioGroup<AudioRendition> | null,
  shared: readonly string[],
): string[] {
  const audio = renditionsOf(group)
  const attributes = [
    `BANDWIDTH=${video.peakBps + highest(audio, 'peakBps')}`,
    `AVERAGE-BANDWIDTH=${video.averageBps + highest(audio, 'averageBps')}`,
    `CODECS="${[video.codecs, ...codecsOf(audio)].join(',')}"`,
    `RESOLUTION=${video.widthPx}x${video.heightPx}`,
  ]
  if (video.frameRate !== null) attributes.push(`FRAME-RATE=${toNumber(video.frameRate).toFixed(3)}`)
  if (group !== null) attributes.push(`AUDIO="${group.id}"`)
  return [`#EXT-X-STREAM-INF:${[...attributes, ...shared].join(',')}`, video.uri]
}

/** 4.4.6.3. */
function iFrameLines({ iFrames, codecs, widthPx, heightPx }: VideoRendition): string[] {
  if (iFrames === null) return []
  const rates = `BANDWIDTH=${iFrames.peakBps},AVERAGE-BANDWIDTH=${iFrames.averageBps}`
  return [
    `#EXT-X-I-FRAME-STREAM-INF:${rates},CODECS="${codecs}",RESOLUTION=${widthPx}x${heightPx},URI="${iFrames.uri}"`,
  ]
}

/** The default is the variant; the others of its group are to be chosen, not switched to for their bit rate. */
function audioOnlyLines(group: AudioGroup<AudioRendition>, hasChoice: boolean, shared: readonly string[]): string[] {
  const audio = renditionsOf(group)
  const first = group.members.find(({ isDefault }) => isDefault)?.rendition
  const attributes = [
    `BANDWIDTH=${highest(audio, 'peakBps')}`,
    `AVERAGE-BANDWIDTH=${highest(audio, 'averageBps')}`,
    `CODECS="${codecsOf(audio).join(',')}"`,
    ...(hasChoice ? [`AUDIO="${group.id}"`] : []),
  ]
  return first === undefined ? [] : [`#EXT-X-STREAM-INF:${[...attributes, ...shared].join(',')}`, first.uri]
}

function renditionsOf(group: AudioGroup<AudioRendition> | null): readonly AudioRendition[] {
  return group?.members.map(({ rendition }) => rendition) ?? []
}

function codecsOf(audio: readonly AudioRendition[]): readonly string[] {
  return [...new Set(audio.map(({ codecs }) => codecs))]
}

function highest(audio: readonly Rates[], rate: keyof Rates): number {
  return Math.max(0, ...audio.map((rendition) => rendition[rate]))
}

/** 4.2: a quoted string contains no line breaks and no quotes. */
function quoted(text: string): string {
  return text.replace(/["\r\n]/g, ' ')
}

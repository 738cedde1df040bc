// What the tags of a multivariant playlist say: variants, renditions, groups.
import {
  type Attributes,
  integerOf,
  numberOf,
  type PlaylistText,
  resolveUri,
  type SyntaxFault,
  type Tag,
  type UriLine,
} from './playlist-parser.ts'

export interface Variant {
  readonly line: number
  readonly attributes: Attributes
  readonly isIFrame: boolean
  /** Empty when the URI is missing. */
  readonly url: string
  readonly bandwidthBps: number | null
  readonly averageBandwidthBps: number | null
  /** Null: the attribute is absent. */
  readonly codecs: readonly string[] | null
  readonly widthPx: number | null
  readonly heightPx: number | null
  readonly frameRate: number | null
  /** GROUP-ID by type: AUDIO, VIDEO, SUBTITLES, CLOSED-CAPTIONS. */
  readonly groups: ReadonlyMap<string, string>
}

export interface Rendition {
  readonly line: number
  readonly attributes: Attributes
  readonly type: string
  readonly groupId: string
  readonly name: string
  /** Null: the media lies in the variant's own playlist. */
  readonly url: string | null
}

export interface MultivariantPlaylist extends PlaylistText {
  readonly kind: 'multivariant'
  readonly variants: readonly Variant[]
  readonly renditions: readonly Rendition[]
  readonly sessionData: readonly Tag[]
}

const GROUP_TYPES = ['AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS']

export function readMultivariantPlaylist(
  common: PlaylistText,
  tags: readonly Tag[],
  uris: readonly UriLine[],
  faults: SyntaxFault[],
): MultivariantPlaylist {
  const variants: Variant[] = []
  const used = new Set<number>()
  for (const [index, tag] of tags.entries()) {
    const isIFrame = tag.name === 'EXT-X-I-FRAME-STREAM-INF'
    if (!isIFrame && tag.name !== 'EXT-X-STREAM-INF') continue
    let uri = tag.attributes.get('URI')?.value
    if (!isIFrame) {
      const nextTagLine = tags[index + 1]?.line ?? Number.POSITIVE_INFINITY
      const line = uris.find((one) => one.line > tag.line && one.line < nextTagLine)
      if (line === undefined)
        faults.push({ kind: 'uri-required', line: tag.line, seen: `${tag.name} without a URI line` })
      else used.add(line.line)
      uri = line?.text
    }
    variants.push(readVariant(common.url, tag, isIFrame, uri ?? ''))
  }
  for (const { line, text } of uris) {
    if (!used.has(line))
      faults.push({ kind: 'uri-required', line, seen: `${text.slice(0, 120)} without EXT-X-STREAM-INF` })
  }
  return {
    ...common,
    kind: 'multivariant',
    variants,
    renditions: tags.filter(({ name }) => name === 'EXT-X-MEDIA').map((tag) => readRendition(common.url, tag)),
    sessionData: tags.filter(({ name }) => name === 'EXT-X-SESSION-DATA'),
  }
}

function readVariant(base: string, { line, attributes }: Tag, isIFrame: boolean, uri: string): Variant {
  const [width, height] = (attributes.get('RESOLUTION')?.value ?? '').split('x')
  return {
    line,
    attributes,
    isIFrame,
    url: uri === '' ? '' : (resolveUri(uri, base) ?? ''),
    bandwidthBps: integerOf(attributes.get('BANDWIDTH')?.value),
    averageBandwidthBps: integerOf(attributes.get('AVERAGE-BANDWIDTH')?.value),
    codecs:
      attributes
        .get('CODECS')
        ?.value.split(',')
        .map((codec) => codec.trim()) ?? null,
    widthPx: integerOf(width),
    heightPx: integerOf(height),
    frameRate: numberOf(attributes.get('FRAME-RATE')?.value),
    groups: new Map(
      GROUP_TYPES.flatMap((type) => {
        const group = attributes.get(type)
        return group?.isQuoted ? [[type, group.value] as const] : []
      }),
    ),
  }
}

function readRendition(base: string, { line, attributes }: Tag): Rendition {
  const uri = attributes.get('URI')?.value
  return {
    line,
    attributes,
    type: attributes.get('TYPE')?.value ?? '',
    groupId: attributes.get('GROUP-ID')?.value ?? '',
    name: attributes.get('NAME')?.value ?? '',
    url: uri === undefined ? null : (resolveUri(uri, base) ?? ''),
  }
}

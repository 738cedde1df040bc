// What the tags of a media playlist say: header, segments with their parts, hints, reports, date ranges.
import {
  type Attributes,
  integerOf,
  numberOf,
  type PlaylistText,
  resolutionOf,
  resolveUri,
  type SyntaxFault,
  type Tag,
  type UriLine,
} from './playlist-parser.ts'

export interface ByteRange {
  readonly length: number
  /** First byte, also where the playlist leaves it to be counted. */
  readonly offset: number
}

export interface InitMap {
  readonly line: number
  readonly url: string
  readonly range: ByteRange | null
}

export interface Part {
  readonly msn: number
  /** Part index within its parent segment. */
  readonly index: number
  readonly line: number
  readonly text: string
  readonly rawUri: string
  readonly url: string
  readonly durationSec: number
  /** One unit of the last digit of the duration. */
  readonly resolutionSec: number
  readonly isIndependent: boolean
  readonly isGap: boolean
  readonly range: ByteRange | null
  /** BYTERANGE without an offset that no previous part gives. */
  readonly isRangeUndefined: boolean
}

/** A segment, or (without URI and duration) the parent that is still growing. */
export interface ParentSegment {
  readonly msn: number
  /** Discontinuity sequence number. In a delta update it does not count what was skipped: see `mergeDelta`. */
  readonly dsn: number
  /** Its first line: tag or URI. */
  readonly line: number
  readonly hasDiscontinuity: boolean
  readonly isGap: boolean
  readonly map: InitMap | null
  /** EXT-X-KEY that applies; null: not encrypted. */
  readonly key: Tag | null
  readonly pdtMs: number | null
  readonly pdtTag: Tag | null
  readonly bitrateKbps: number | null
  readonly parts: readonly Part[]
  /** Tags in their order, parts included. */
  readonly tags: readonly Tag[]
}

export interface Segment extends ParentSegment {
  readonly uriLine: number
  readonly rawUri: string
  readonly url: string
  readonly durationSec: number
  readonly resolutionSec: number
  readonly range: ByteRange | null
  readonly isRangeUndefined: boolean
}

export interface ServerControl {
  readonly line: number
  readonly canSkipUntilSec: number | null
  readonly canSkipDateRanges: boolean
  readonly holdBackSec: number | null
  readonly partHoldBackSec: number | null
  readonly canBlockReload: boolean
  /** Attributes sorted by name, for comparison. */
  readonly text: string
}

export interface Skip {
  readonly line: number
  readonly segments: number
  readonly removedDateRanges: string | null
}

export interface PreloadHint {
  readonly line: number
  readonly type: string
  readonly url: string
  readonly rangeStart: number | null
}

export interface RenditionReport {
  readonly line: number
  readonly rawUri: string
  readonly url: string
  readonly lastMsn: number | null
  readonly lastPart: number | null
}

export interface DateRange {
  readonly line: number
  readonly id: string
  readonly attributes: Attributes
}

export interface MediaPlaylist extends PlaylistText {
  readonly kind: 'media'
  readonly targetDurationSec: number | null
  readonly partTargetSec: number | null
  readonly serverControl: ServerControl | null
  readonly mediaSequence: number
  readonly mediaSequenceLine: number
  readonly discontinuitySequence: number
  readonly discontinuitySequenceLine: number
  readonly playlistType: string | null
  readonly isEnded: boolean
  readonly isIFramesOnly: boolean
  readonly skip: Skip | null
  readonly segments: readonly Segment[]
  /** The parent that is still growing; null when it has no part yet. */
  readonly open: ParentSegment | null
  readonly hints: readonly PreloadHint[]
  readonly reports: readonly RenditionReport[]
  readonly dateRanges: readonly DateRange[]
}

interface Draft {
  line: number
  hasDiscontinuity: boolean
  isGap: boolean
  pdtTag: Tag | null
  inf: Tag | null
  byteRange: Tag | null
  parts: Part[]
  tags: Tag[]
}

export function readMediaPlaylist(
  common: PlaylistText,
  tags: readonly Tag[],
  uris: readonly UriLine[],
  faults: SyntaxFault[],
): MediaPlaylist {
  const header = (name: string): Tag | undefined => tags.find((tag) => tag.name === name)
  const skip = readSkip(header('EXT-X-SKIP'))
  const mediaSequence = integerOf(header('EXT-X-MEDIA-SEQUENCE')?.value) ?? 0
  const discontinuitySequence = integerOf(header('EXT-X-DISCONTINUITY-SEQUENCE')?.value) ?? 0
  const { segments, open } = readSegments(common.url, tags, uris, faults, {
    msn: mediaSequence + (skip?.segments ?? 0),
    dsn: discontinuitySequence,
  })
  const resolve = (tag: Tag): string => resolveUri(tag.attributes.get('URI')?.value ?? '', common.url) ?? ''
  return {
    ...common,
    kind: 'media',
    targetDurationSec: integerOf(header('EXT-X-TARGETDURATION')?.value),
    partTargetSec: numberOf(header('EXT-X-PART-INF')?.attributes.get('PART-TARGET')?.value),
    serverControl: readServerControl(header('EXT-X-SERVER-CONTROL')),
    mediaSequence,
    mediaSequenceLine: header('EXT-X-MEDIA-SEQUENCE')?.line ?? 0,
    discontinuitySequence,
    discontinuitySequenceLine: header('EXT-X-DISCONTINUITY-SEQUENCE')?.line ?? 0,
    playlistType: header('EXT-X-PLAYLIST-TYPE')?.value ?? null,
    isEnded: header('EXT-X-ENDLIST') !== undefined,
    isIFramesOnly: header('EXT-X-I-FRAMES-ONLY') !== undefined,
    skip,
    segments,
    open,
    hints: named(tags, 'EXT-X-PRELOAD-HINT').map((tag) => ({
      line: tag.line,
      type: tag.attributes.get('TYPE')?.value ?? '',
      url: resolve(tag),
      rangeStart: integerOf(tag.attributes.get('BYTERANGE-START')?.value),
    })),
    reports: named(tags, 'EXT-X-RENDITION-REPORT').map((tag) => ({
      line: tag.line,
      rawUri: tag.attributes.get('URI')?.value ?? '',
      url: resolve(tag),
      lastMsn: integerOf(tag.attributes.get('LAST-MSN')?.value),
      lastPart: integerOf(tag.attributes.get('LAST-PART')?.value),
    })),
    dateRanges: named(tags, 'EXT-X-DATERANGE').map(({ line, attributes }) => ({
      line,
      id: attributes.get('ID')?.value ?? '',
      attributes,
    })),
  }
}

function named(tags: readonly Tag[], name: string): Tag[] {
  return tags.filter((tag) => tag.name === name)
}

/** Segments and parts in the order of the lines; tags stay with the segment whose URI follows. */
function readSegments(
  url: string,
  tags: readonly Tag[],
  uris: readonly UriLine[],
  faults: SyntaxFault[],
  first: { readonly msn: number; readonly dsn: number },
): { segments: Segment[]; open: ParentSegment | null } {
  const segments: Segment[] = []
  let { msn, dsn } = first
  let draft = emptyDraft()
  let map: InitMap | null = null
  let key: Tag | null = null
  let bitrateKbps: number | null = null
  const parentOf = (): ParentSegment => ({
    msn,
    dsn,
    line: draft.line,
    hasDiscontinuity: draft.hasDiscontinuity,
    isGap: draft.isGap,
    map,
    key,
    pdtMs: readDate(draft.pdtTag?.value),
    pdtTag: draft.pdtTag,
    bitrateKbps,
    parts: draft.parts,
    tags: draft.tags,
  })

  for (const entry of [...tags, ...uris].toSorted((a, b) => a.line - b.line)) {
    if (entry.name === undefined) {
      if (draft.inf === null) faults.push({ kind: 'extinf-required', line: entry.line, seen: entry.text.slice(0, 120) })
      const previous = segments.at(-1)
      segments.push(finishSegment(url, parentOf(), draft, entry, previous))
      msn++
      draft = emptyDraft()
      continue
    }
    switch (entry.name) {
      case 'EXT-X-DISCONTINUITY':
        dsn++
        draft.hasDiscontinuity = true
        break
      case 'EXT-X-GAP':
        draft.isGap = true
        break
      case 'EXT-X-PROGRAM-DATE-TIME':
        draft.pdtTag = entry
        break
      case 'EXTINF':
        draft.inf = entry
        break
      case 'EXT-X-BYTERANGE':
        draft.byteRange = entry
        break
      case 'EXT-X-BITRATE':
        bitrateKbps = integerOf(entry.value)
        break
      case 'EXT-X-MAP':
        map = readMap(url, entry)
        break
      case 'EXT-X-KEY':
        key = entry.attributes.get('METHOD')?.value === 'NONE' ? null : entry
        break
      case 'EXT-X-PART':
        draft.parts.push(readPart(url, entry, msn, draft.parts))
        break
      default:
        continue
    }
    if (draft.line === 0) draft.line = entry.line
    draft.tags.push(entry)
  }
  if (draft.inf !== null) faults.push({ kind: 'uri-required', line: draft.inf.line, seen: 'EXTINF without a URI line' })
  return { segments, open: draft.parts.length > 0 ? parentOf() : null }
}

function emptyDraft(): Draft {
  return {
    line: 0,
    hasDiscontinuity: false,
    isGap: false,
    pdtTag: null,
    inf: null,
    byteRange: null,
    parts: [],
    tags: [],
  }
}

function finishSegment(
  base: string,
  parent: ParentSegment,
  draft: Draft,
  uri: UriLine,
  previous: Segment | undefined,
): Segment {
  const durationText = /^[^,]*/.exec(draft.inf?.value ?? '')?.[0] ?? ''
  const url = resolveUri(uri.text, base) ?? ''
  const implied =
    previous?.url === url && previous.range !== null ? previous.range.offset + previous.range.length : null
  const range = readRange(draft.byteRange?.value, implied)
  return {
    ...parent,
    line: parent.line === 0 ? uri.line : parent.line,
    uriLine: uri.line,
    rawUri: uri.text,
    url,
    durationSec: numberOf(durationText) ?? 0,
    resolutionSec: resolutionOf(durationText),
    range: range === 'undefined' ? null : range,
    isRangeUndefined: range === 'undefined',
  }
}

function readPart(base: string, tag: Tag, msn: number, before: readonly Part[]): Part {
  const { attributes } = tag
  const rawUri = attributes.get('URI')?.value ?? ''
  const url = resolveUri(rawUri, base) ?? ''
  const previous = before.at(-1)
  const implied =
    previous?.url === url && previous.range !== null ? previous.range.offset + previous.range.length : null
  const range = readRange(attributes.get('BYTERANGE')?.value, implied)
  const durationText = attributes.get('DURATION')?.value ?? ''
  return {
    msn,
    index: before.length,
    line: tag.line,
    text: tag.text,
    rawUri,
    url,
    durationSec: numberOf(durationText) ?? 0,
    resolutionSec: resolutionOf(durationText),
    isIndependent: attributes.get('INDEPENDENT')?.value === 'YES',
    isGap: attributes.get('GAP')?.value === 'YES',
    range: range === 'undefined' ? null : range,
    isRangeUndefined: range === 'undefined',
  }
}

/** `<n>[@<o>]` (4.4.4.2). */
function readRange(text: string | undefined, implied: number | null): ByteRange | 'undefined' | null {
  const match = /^(\d{1,15})(?:@(\d{1,15}))?$/.exec(text ?? '')
  if (match === null) return null
  if (match[2] !== undefined) return { length: Number(match[1]), offset: Number(match[2]) }
  return implied === null ? 'undefined' : { length: Number(match[1]), offset: implied }
}

function readMap(base: string, tag: Tag): InitMap {
  const range = readRange(tag.attributes.get('BYTERANGE')?.value, null)
  return {
    line: tag.line,
    url: resolveUri(tag.attributes.get('URI')?.value ?? '', base) ?? '',
    range: range === 'undefined' ? null : range,
  }
}

function readServerControl(tag: Tag | undefined): ServerControl | null {
  if (tag === undefined) return null
  const { attributes } = tag
  return {
    line: tag.line,
    canSkipUntilSec: numberOf(attributes.get('CAN-SKIP-UNTIL')?.value),
    canSkipDateRanges: attributes.get('CAN-SKIP-DATERANGES')?.value === 'YES',
    holdBackSec: numberOf(attributes.get('HOLD-BACK')?.value),
    partHoldBackSec: numberOf(attributes.get('PART-HOLD-BACK')?.value),
    canBlockReload: attributes.get('CAN-BLOCK-RELOAD')?.value === 'YES',
    text: [...attributes]
      .map(([name, { value }]) => `${name}=${value}`)
      .sort()
      .join(','),
  }
}

function readSkip(tag: Tag | undefined): Skip | null {
  if (tag === undefined) return null
  return {
    line: tag.line,
    segments: integerOf(tag.attributes.get('SKIPPED-SEGMENTS')?.value) ?? 0,
    removedDateRanges: tag.attributes.get('RECENTLY-REMOVED-DATERANGES')?.value ?? null,
  }
}

/** ISO 8601 as 4.4.4.6 shows it; without a zone it is UTC. Milliseconds since 1970, null when it is no date. */
export function readDate(text: string | undefined): number | null {
  if (text === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?$/i.test(text))
    return null
  const withZone = /(Z|[+-]\d\d(:?\d\d)?)$/i.test(text) ? text : `${text}Z`
  const time = Date.parse(
    withZone.replace(',', '.').replace(/([+-]\d\d)(\d\d)?$/, (_, hours, minutes) => `${hours}:${minutes ?? '00'}`),
  )
  return Number.isNaN(time) ? null : time
}

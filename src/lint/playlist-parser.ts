// Strict reading of a playlist (RFC 8216bis section 4): every line is kept with its number, every fault is collected,
// nothing throws. What the tags mean is decided by the two models; what they may say, by the rules.
import { type MediaPlaylist, readMediaPlaylist } from './media-playlist-model.ts'
import { type MultivariantPlaylist, readMultivariantPlaylist } from './multivariant-model.ts'
import { type AttributeSpec, TAGS, type ValueType } from './tag-table.ts'

export interface Attribute {
  /** Without the quotes. */
  readonly value: string
  readonly isQuoted: boolean
}

export type Attributes = ReadonlyMap<string, Attribute>

export interface Tag {
  /** Without `#`: `EXT-X-PART`. */
  readonly name: string
  /** First line is 1. */
  readonly line: number
  /** The whole line. */
  readonly text: string
  /** Behind the colon. */
  readonly value: string
  /** Empty for tags whose value is no attribute list. */
  readonly attributes: Attributes
}

export interface UriLine {
  /** Tells a URI line from a tag. */
  readonly name?: undefined
  readonly line: number
  readonly text: string
}

/** Each kind is the id of the rule that reports it. */
export type SyntaxFaultKind =
  | 'first-line'
  | 'encoding'
  | 'attribute-syntax'
  | 'attribute-repeated'
  | 'attribute-required'
  | 'attribute-type'
  | 'tag-value'
  | 'tag-repeated'
  | 'tag-unknown'
  | 'kinds-mixed'
  | 'extinf-required'
  | 'uri-required'

export interface SyntaxFault {
  readonly kind: SyntaxFaultKind
  readonly line: number
  readonly seen: string
}

export type ParsedPlaylist = MediaPlaylist | MultivariantPlaylist

/** What both kinds of playlist have. */
export interface PlaylistText {
  readonly url: string
  readonly tags: readonly Tag[]
  readonly faults: readonly SyntaxFault[]
  readonly version: number | null
  readonly isIndependent: boolean
  /** EXT-X-START TIME-OFFSET in seconds. */
  readonly startOffsetSec: number | null
  readonly startLine: number
}

/** Longer playlists are cut: a day of two-second segments with parts has about 200,000 lines. */
const MAX_LINES = 1_000_000
const NO_ATTRIBUTES: Attributes = new Map()

export function parsePlaylist(bytes: Uint8Array, url: string): ParsedPlaylist {
  const faults: SyntaxFault[] = []
  const text = decode(bytes, faults)
  const lines = text.split(/\r?\n/, MAX_LINES)
  if (lines[0] !== '#EXTM3U') faults.push({ kind: 'first-line', line: 1, seen: quote(lines[0] ?? '') })

  const tags: Tag[] = []
  const uris: UriLine[] = []
  for (const [index, line] of lines.entries()) {
    if (line === '') continue
    if (line.startsWith('#EXT')) tags.push(readTag(line, index + 1, faults))
    else if (!line.startsWith('#')) uris.push({ line: index + 1, text: line })
  }
  checkRepeats(tags, faults)
  checkKinds(tags, faults)
  const common: PlaylistText = {
    url,
    tags,
    faults,
    version: integerOf(find(tags, 'EXT-X-VERSION')?.value),
    isIndependent: find(tags, 'EXT-X-INDEPENDENT-SEGMENTS') !== undefined,
    startOffsetSec: numberOf(find(tags, 'EXT-X-START')?.attributes.get('TIME-OFFSET')?.value),
    startLine: find(tags, 'EXT-X-START')?.line ?? 0,
  }
  const isMultivariant = tags.some(({ name }) => TAGS[name]?.place === 'multivariant')
  const hasMedia = tags.some(({ name }) => name === 'EXTINF' || name === 'EXT-X-TARGETDURATION')
  return isMultivariant && !hasMedia
    ? readMultivariantPlaylist(common, tags, uris, faults)
    : readMediaPlaylist(common, tags, uris, faults)
}

/** A decimal number, or null when it is none. */
export function numberOf(text: string | undefined): number | null {
  return text !== undefined && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null
}

export function integerOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : null
}

/** What one unit of the last written digit stands for: 0.00001 for `2.00200`, 1 for `6`. */
export function resolutionOf(text: string): number {
  const digits = /^\d*\.(\d*)/.exec(text)?.[1]?.length ?? 0
  return 10 ** -digits
}

/** Null when it cannot be resolved. */
export function resolveUri(uri: string, base: string): string | null {
  return URL.parse(uri, base)?.href ?? null
}

export function quote(text: string): string {
  const short = text.length > 120 ? `${text.slice(0, 117)}…` : text
  return JSON.stringify(short)
}

function find(tags: readonly Tag[], name: string): Tag | undefined {
  return tags.find((tag) => tag.name === name)
}

function decode(bytes: Uint8Array, faults: SyntaxFault[]): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  if (text.startsWith('\ufeff')) {
    faults.push({ kind: 'encoding', line: 1, seen: 'a byte order mark' })
    return text.slice(1)
  }
  const bad = /[^\P{Cc}\t\n\r]|\ufffd/u.exec(text)
  if (bad !== null) {
    const line = text.slice(0, bad.index).split('\n').length
    const code = bad[0].codePointAt(0) ?? 0
    faults.push({
      kind: 'encoding',
      line,
      seen:
        code === 0xfffd ? 'bytes that are no UTF-8' : `the control character U+${code.toString(16).padStart(4, '0')}`,
    })
  }
  return text
}

function readTag(text: string, line: number, faults: SyntaxFault[]): Tag {
  const colon = text.indexOf(':')
  const name = colon < 0 ? text.slice(1) : text.slice(1, colon)
  const value = colon < 0 ? '' : text.slice(colon + 1)
  const spec = TAGS[name]
  if (spec === undefined) {
    faults.push({ kind: 'tag-unknown', line, seen: quote(name) })
    return { name, line, text, value, attributes: NO_ATTRIBUTES }
  }
  if (spec.value !== 'attributes') {
    const isGood =
      spec.value === 'none' ? colon < 0 : spec.value === 'integer' ? integerOf(value) !== null : value !== ''
    if (!isGood) faults.push({ kind: 'tag-value', line, seen: quote(text) })
    return { name, line, text, value, attributes: NO_ATTRIBUTES }
  }
  const attributes = readAttributes(value, line, name, faults)
  for (const [attribute, { type, isRequired }] of Object.entries(spec.attributes ?? {})) {
    const found = attributes.get(attribute)
    if (found === undefined) {
      if (isRequired) faults.push({ kind: 'attribute-required', line, seen: `${name} without ${attribute}` })
    } else if (!isOfType(found, type)) {
      faults.push({ kind: 'attribute-type', line, seen: `${attribute}=${rawValue(found)} in ${name}` })
    }
  }
  return { name, line, text, value, attributes }
}

/** 4.2: AttributeName=AttributeValue, comma-separated, no white space around either. */
function readAttributes(text: string, line: number, tag: string, faults: SyntaxFault[]): Attributes {
  const found = new Map<string, Attribute>()
  let at = 0
  while (at < text.length) {
    const match = /^(\s*)([A-Za-z0-9_-]+)(\s*)=(\s*)("[^"]*"|[^",]*)(\s*)(,|$)/.exec(text.slice(at))
    if (match === null) {
      faults.push({ kind: 'attribute-syntax', line, seen: `${quote(text.slice(at))} in ${tag}` })
      break
    }
    const [whole, before, name = '', afterName, beforeValue, raw = '', afterValue, separator] = match
    const isLoose = [before, afterName, beforeValue, afterValue].some((space) => space !== '')
    if (isLoose || !/^[A-Z0-9-]+$/.test(name) || raw === '' || /^\s|\s$/.test(raw)) {
      faults.push({ kind: 'attribute-syntax', line, seen: `${quote(whole)} in ${tag}` })
    }
    if (found.has(name)) faults.push({ kind: 'attribute-repeated', line, seen: `${name} twice in ${tag}` })
    else {
      const isQuoted = raw.startsWith('"')
      found.set(name, { value: isQuoted ? raw.slice(1, -1) : raw.trim(), isQuoted })
    }
    at += whole.length
    if (separator === ',' && at === text.length) {
      faults.push({ kind: 'attribute-syntax', line, seen: `a comma at the end of ${tag}` })
    }
  }
  return found
}

function isOfType({ value, isQuoted }: Attribute, type: ValueType): boolean {
  switch (type) {
    case 'quoted':
      return isQuoted
    case 'integer':
      return !isQuoted && integerOf(value) !== null
    case 'decimal':
      return !isQuoted && /^\d+(\.\d+)?$/.test(value)
    case 'signed':
      return !isQuoted && numberOf(value) !== null
    case 'hex':
      return !isQuoted && /^0[xX][0-9A-Fa-f]+$/.test(value)
    case 'choice':
      return !isQuoted && /^[^\s",]+$/.test(value)
    case 'resolution':
      return !isQuoted && /^\d+x\d+$/.test(value)
    case 'any':
      return true
    default:
      return type satisfies never
  }
}

function rawValue({ value, isQuoted }: Attribute): string {
  return isQuoted ? `"${value}"` : value
}

function checkRepeats(tags: readonly Tag[], faults: SyntaxFault[]): void {
  const seen = new Set<string>()
  for (const { name, line } of tags) {
    if (TAGS[name]?.isSingle !== true) continue
    if (seen.has(name)) faults.push({ kind: 'tag-repeated', line, seen: `a second ${name}` })
    seen.add(name)
  }
}

function checkKinds(tags: readonly Tag[], faults: SyntaxFault[]): void {
  const multivariant = tags.find(({ name }) => TAGS[name]?.place === 'multivariant')
  const media = tags.find(({ name }) => ['media', 'segment', 'metadata'].includes(TAGS[name]?.place ?? ''))
  if (multivariant === undefined || media === undefined) return
  const second = multivariant.line > media.line ? multivariant : media
  const first = second === media ? multivariant : media
  faults.push({ kind: 'kinds-mixed', line: second.line, seen: `${second.name} beside ${first.name}` })
}

/** Whether the table knows the attribute, for readers that look one up by name. */
export function attributeSpec(tag: string, attribute: string): AttributeSpec | null {
  return TAGS[tag]?.attributes?.[attribute] ?? null
}

// Every tag of RFC 8216bis (draft 22) section 4.4: where it may stand, how often, and what its value looks like.

/** 4.4.2–4.4.6. `either` tags may stand in both kinds of playlist. */
export type TagPlace = 'either' | 'media' | 'segment' | 'metadata' | 'multivariant'

/** 4.2: the types an attribute value can have. `choice` is an enumerated string. */
export type ValueType = 'integer' | 'decimal' | 'signed' | 'hex' | 'quoted' | 'choice' | 'resolution' | 'any'

export interface AttributeSpec {
  readonly type: ValueType
  readonly isRequired?: boolean
}

export interface TagSpec {
  readonly place: TagPlace
  /** At most one in a playlist. */
  readonly isSingle?: boolean
  /** `none`: the tag has no value. `attributes`: a list of attributes. */
  readonly value: 'none' | 'integer' | 'text' | 'attributes'
  readonly attributes?: Readonly<Record<string, AttributeSpec>>
  readonly section: string
}

const q: AttributeSpec = { type: 'quoted' }
const Q: AttributeSpec = { type: 'quoted', isRequired: true }
const i: AttributeSpec = { type: 'integer' }
const I: AttributeSpec = { type: 'integer', isRequired: true }
const d: AttributeSpec = { type: 'decimal' }
const D: AttributeSpec = { type: 'decimal', isRequired: true }
const c: AttributeSpec = { type: 'choice' }
const C: AttributeSpec = { type: 'choice', isRequired: true }
const h: AttributeSpec = { type: 'hex' }

const VARIANT_ATTRIBUTES: Readonly<Record<string, AttributeSpec>> = {
  BANDWIDTH: I,
  'AVERAGE-BANDWIDTH': i,
  SCORE: d,
  CODECS: q,
  'SUPPLEMENTAL-CODECS': q,
  RESOLUTION: { type: 'resolution' },
  'HDCP-LEVEL': c,
  'ALLOWED-CPC': q,
  'VIDEO-RANGE': c,
  'REQ-VIDEO-LAYOUT': q,
  'STABLE-VARIANT-ID': q,
  VIDEO: q,
  'PATHWAY-ID': q,
}
const KEY_ATTRIBUTES: Readonly<Record<string, AttributeSpec>> = {
  METHOD: C,
  URI: q,
  IV: h,
  KEYFORMAT: q,
  KEYFORMATVERSIONS: q,
}

export const TAGS: Readonly<Record<string, TagSpec>> = {
  EXTM3U: { place: 'either', isSingle: true, value: 'none', section: '4.4.1.1' },
  'EXT-X-VERSION': { place: 'either', isSingle: true, value: 'integer', section: '4.4.1.2' },
  'EXT-X-INDEPENDENT-SEGMENTS': { place: 'either', isSingle: true, value: 'none', section: '4.4.2.1' },
  'EXT-X-START': attributes(
    'either',
    '4.4.2.2',
    { 'TIME-OFFSET': { type: 'signed', isRequired: true }, PRECISE: c },
    true,
  ),
  'EXT-X-DEFINE': attributes('either', '4.4.2.3', { NAME: q, VALUE: q, IMPORT: q, QUERYPARAM: q }),
  'EXT-X-TARGETDURATION': { place: 'media', isSingle: true, value: 'integer', section: '4.4.3.1' },
  'EXT-X-MEDIA-SEQUENCE': { place: 'media', isSingle: true, value: 'integer', section: '4.4.3.2' },
  'EXT-X-DISCONTINUITY-SEQUENCE': { place: 'media', isSingle: true, value: 'integer', section: '4.4.3.3' },
  'EXT-X-ENDLIST': { place: 'media', isSingle: true, value: 'none', section: '4.4.3.4' },
  'EXT-X-PLAYLIST-TYPE': { place: 'media', isSingle: true, value: 'text', section: '4.4.3.5' },
  'EXT-X-I-FRAMES-ONLY': { place: 'media', isSingle: true, value: 'none', section: '4.4.3.6' },
  'EXT-X-PART-INF': attributes('media', '4.4.3.7', { 'PART-TARGET': D }, true),
  'EXT-X-SERVER-CONTROL': attributes(
    'media',
    '4.4.3.8',
    { 'CAN-SKIP-UNTIL': d, 'CAN-SKIP-DATERANGES': c, 'HOLD-BACK': d, 'PART-HOLD-BACK': d, 'CAN-BLOCK-RELOAD': c },
    true,
  ),
  EXTINF: { place: 'segment', value: 'text', section: '4.4.4.1' },
  'EXT-X-BYTERANGE': { place: 'segment', value: 'text', section: '4.4.4.2' },
  'EXT-X-DISCONTINUITY': { place: 'segment', value: 'none', section: '4.4.4.3' },
  'EXT-X-KEY': attributes('segment', '4.4.4.4', KEY_ATTRIBUTES),
  'EXT-X-MAP': attributes('segment', '4.4.4.5', { URI: Q, BYTERANGE: q }),
  'EXT-X-PROGRAM-DATE-TIME': { place: 'segment', value: 'text', section: '4.4.4.6' },
  'EXT-X-GAP': { place: 'segment', value: 'none', section: '4.4.4.7' },
  'EXT-X-BITRATE': { place: 'segment', value: 'integer', section: '4.4.4.8' },
  'EXT-X-PART': attributes('segment', '4.4.4.9', { URI: Q, DURATION: D, INDEPENDENT: c, BYTERANGE: q, GAP: c }),
  'EXT-X-DATERANGE': attributes('metadata', '4.4.5.1', {
    ID: Q,
    CLASS: q,
    'START-DATE': q,
    CUE: { type: 'any' },
    'END-DATE': q,
    DURATION: d,
    'PLANNED-DURATION': d,
    'SCTE35-CMD': h,
    'SCTE35-OUT': h,
    'SCTE35-IN': h,
    'END-ON-NEXT': c,
  }),
  'EXT-X-SKIP': attributes('metadata', '4.4.5.2', { 'SKIPPED-SEGMENTS': I, 'RECENTLY-REMOVED-DATERANGES': q }, true),
  'EXT-X-PRELOAD-HINT': attributes('metadata', '4.4.5.3', {
    TYPE: C,
    URI: Q,
    'BYTERANGE-START': i,
    'BYTERANGE-LENGTH': i,
  }),
  // 4.4.5.4: attributes may be left out where they equal those of the playlist that carries the report.
  'EXT-X-RENDITION-REPORT': attributes('metadata', '4.4.5.4', { URI: Q, 'LAST-MSN': i, 'LAST-PART': i }),
  'EXT-X-MEDIA': attributes('multivariant', '4.4.6.1', {
    TYPE: C,
    URI: q,
    'GROUP-ID': Q,
    LANGUAGE: q,
    'ASSOC-LANGUAGE': q,
    NAME: Q,
    'STABLE-RENDITION-ID': q,
    DEFAULT: c,
    AUTOSELECT: c,
    FORCED: c,
    'INSTREAM-ID': q,
    'BIT-DEPTH': i,
    'SAMPLE-RATE': i,
    CHARACTERISTICS: q,
    CHANNELS: q,
  }),
  'EXT-X-STREAM-INF': attributes('multivariant', '4.4.6.2', {
    ...VARIANT_ATTRIBUTES,
    'FRAME-RATE': d,
    AUDIO: q,
    SUBTITLES: q,
    'CLOSED-CAPTIONS': { type: 'any' },
  }),
  'EXT-X-I-FRAME-STREAM-INF': attributes('multivariant', '4.4.6.3', { ...VARIANT_ATTRIBUTES, URI: Q }),
  'EXT-X-SESSION-DATA': attributes('multivariant', '4.4.6.4', {
    'DATA-ID': Q,
    VALUE: q,
    URI: q,
    FORMAT: c,
    LANGUAGE: q,
  }),
  'EXT-X-SESSION-KEY': attributes('multivariant', '4.4.6.5', KEY_ATTRIBUTES),
  'EXT-X-CONTENT-STEERING': attributes('multivariant', '4.4.6.6', { 'SERVER-URI': Q, 'PATHWAY-ID': q }, true),
}

function attributes(
  place: TagPlace,
  section: string,
  known: Readonly<Record<string, AttributeSpec>>,
  isSingle = false,
): TagSpec {
  return { place, value: 'attributes', attributes: known, section, isSingle }
}

// `moov`: which tracks there are, how they are coded, and what their fragments may leave unsaid.
import { MirrorError } from '../../core/errors.ts'
import { scaleRound } from '../../core/rational.ts'
import { MAX_AUDIO_TRACKS, MAX_TEXT_TRACKS, MAX_VIDEO_TRACKS } from '../track-id.ts'
import { isTrackRole, type TrackRole } from '../track-role.ts'
import { BoxReader, type BoxSpan, childBoxes, findBox, malformed, printable } from './boxes.ts'
import { unpackLanguage } from './language.ts'
import { parseSampleEntry, type SampleEntry } from './sample-entry.ts'

/** ISO/IEC 14496-12 8.8.3: what holds where neither `tfhd` nor `trun` says otherwise. */
export interface SampleDefaults {
  readonly duration: number
  readonly size: number
  readonly flags: number
  readonly descriptionIndex: number
}

export interface MovieTrack {
  /** `v0`, `a0`, … */
  readonly id: string
  /** track_ID of the container, which `tfhd` refers to. */
  readonly containerId: number
  readonly kind: 'video' | 'audio'
  readonly timescale: number
  readonly entry: SampleEntry
  /** Of a `kind` box; null without one. */
  readonly role: TrackRole | null
  readonly defaults: SampleDefaults
  /** Presentation time minus media time in ticks: what the edit list asks for. */
  readonly editShift: number
}

/** Subtitles: ISO/IEC 14496-30. */
export interface MovieText {
  /** `s0`, … */
  readonly id: string
  readonly containerId: number
  readonly timescale: number
  readonly format: 'wvtt' | 'stpp'
  readonly language: string
  readonly role: TrackRole | null
  readonly defaults: SampleDefaults
  readonly editShift: number
}

export interface Movie {
  readonly tracks: readonly MovieTrack[]
  readonly texts: readonly MovieText[]
  /** Tracks that cannot be carried, for example `video "vp09"`. */
  readonly unsupported: readonly string[]
  /** Samples that lie in the file without a fragment: what ffmpeg writes first without `empty_moov`. */
  readonly unfragmentedSamples: number
}

const NO_DEFAULTS: SampleDefaults = { duration: 0, size: 0, flags: 0, descriptionIndex: 1 }
const MAX_EDITS = 1024

/** `bytes` is a whole `moov` box. Throws when nothing in it can be ingested. */
export function parseMovie(bytes: Uint8Array, headerBytes: number): Movie {
  const boxes = childBoxes(bytes, headerBytes, bytes.length, 'moov')
  const mvex = findBox(boxes, 'mvex')
  const traks = boxes.filter((box) => box.type === 'trak')
  if (mvex === null) {
    throw new MirrorError('ingest_type_unsupported', 'this MP4 is not fragmented; with ffmpeg add -movflags +cmaf', {
      details: { tracks: traks.length },
    })
  }

  const movieTimescale = parseMovieTimescale(bytes, boxes)
  const defaults = parseTrackDefaults(bytes, mvex)
  const tracks: MovieTrack[] = []
  const texts: MovieText[] = []
  const unsupported: string[] = []
  const counts = { video: 0, audio: 0 }
  let unfragmentedSamples = 0
  for (const trak of traks) {
    const track = parseTrack(bytes, trak, movieTimescale)
    if (track === null) continue
    unfragmentedSamples += track.unfragmentedSamples
    const { kind, containerId, timescale, role, editShift } = track
    const trackDefaults = defaults.get(containerId) ?? NO_DEFAULTS
    if (kind === 'subtitles') {
      const { format, language } = track
      if (format === null || texts.length === MAX_TEXT_TRACKS)
        unsupported.push(`subtitles "${printable(track.fourCc)}"`)
      else
        texts.push({
          ...{ id: `s${texts.length}`, containerId, timescale, format, language, role, editShift },
          defaults: trackDefaults,
        })
      continue
    }
    if (track.entry.codec === null) {
      unsupported.push(`${kind} "${printable(track.entry.fourCc)}"`)
      continue
    }
    if (counts[kind] === (kind === 'video' ? MAX_VIDEO_TRACKS : MAX_AUDIO_TRACKS)) {
      unsupported.push(`${kind} beyond the ${counts[kind]} tracks that are carried`)
      continue
    }
    tracks.push({
      id: `${kind === 'video' ? 'v' : 'a'}${counts[kind]++}`,
      containerId,
      kind,
      timescale,
      entry: track.entry,
      role,
      defaults: trackDefaults,
      editShift,
    })
  }

  if (tracks.length === 0 && texts.length === 0) {
    if (unsupported.length === 0) throw new MirrorError('ingest_no_media', 'the movie has no audio or video track')
    throw new MirrorError('ingest_codec_unsupported', `no track can be carried: ${unsupported.join(', ')}`, {
      details: { found: unsupported.join(', ') },
    })
  }
  return { tracks, texts, unsupported, unfragmentedSamples }
}

type ParsedTrack = {
  readonly containerId: number
  readonly timescale: number
  readonly role: TrackRole | null
  readonly editShift: number
  readonly unfragmentedSamples: number
} & (
  | { readonly kind: 'video' | 'audio'; readonly entry: SampleEntry }
  | {
      readonly kind: 'subtitles'
      /** Null when it is not supported. */
      readonly format: MovieText['format'] | null
      readonly fourCc: string
      readonly language: string
    }
)

/** `vide`, `soun`; `text` (WebVTT), `subt` (TTML), and QuickTime's `sbtl`. */
const HANDLERS: Readonly<Record<number, ParsedTrack['kind']>> = {
  1986618469: 'video',
  1936684398: 'audio',
  1952807028: 'subtitles',
  1937072756: 'subtitles',
  1935832172: 'subtitles',
}

/** Null for tracks that are neither audio, video nor subtitles: captions, metadata, hints. */
function parseTrack(bytes: Uint8Array, trak: BoxSpan, movieTimescale: number): ParsedTrack | null {
  const boxes = childBoxes(bytes, trak.start, trak.end, 'trak')
  const mdia = childBoxesOf(bytes, boxes, 'mdia', 'trak')
  const hdlr = new BoxReader(bytes, required(mdia, 'hdlr', 'mdia'))
  hdlr.skip(8)
  const handler = hdlr.u32()
  const kind = HANDLERS[handler]
  if (kind === undefined) return null

  const { timescale, language: packedLanguage } = parseMediaHeader(bytes, required(mdia, 'mdhd', 'mdia'))
  const language = parseExtendedLanguage(bytes, findBox(mdia, 'elng')) ?? packedLanguage
  const minf = childBoxesOf(bytes, mdia, 'minf', 'mdia')
  const stbl = childBoxesOf(bytes, minf, 'stbl', 'minf')
  const stsd = required(stbl, 'stsd', 'stbl')
  const track = {
    containerId: parseContainerId(bytes, required(boxes, 'tkhd', 'trak')),
    timescale,
    role: parseRole(bytes, boxes),
    editShift: parseEditShift(bytes, boxes, timescale, movieTimescale),
    unfragmentedSamples: parseSampleCount(bytes, findBox(stbl, 'stsz')),
  }
  if (kind !== 'subtitles') return { ...track, kind, entry: parseSampleEntry(bytes, stsd, kind, language) }
  const fourCc = childBoxes(bytes, stsd.start + 8, stsd.end, 'stsd')[0]?.type ?? ''
  const format = fourCc === 'wvtt' || fourCc === 'stpp' ? fourCc : null
  return { ...track, kind, format, fourCc, language }
}

/** 8.4.6: a BCP 47 tag, for what three letters cannot say (`pt-BR`). Null when it is none. */
function parseExtendedLanguage(bytes: Uint8Array, elng: BoxSpan | null): string | null {
  if (elng === null) return null
  const tag = readText(bytes, elng.start + 4, elng.end)
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null
  } catch {
    return null
  }
}

const DASH_ROLES = 'urn:mpeg:dash:role:2011'

/** 8.10.4: what the track is for. */
function parseRole(bytes: Uint8Array, trak: readonly BoxSpan[]): TrackRole | null {
  const udta = findBox(trak, 'udta')
  if (udta === null) return null
  for (const { type, start, end } of childBoxes(bytes, udta.start, udta.end, 'udta')) {
    if (type !== 'kind') continue
    const scheme = readText(bytes, start + 4, end)
    const value = readText(bytes, start + 4 + scheme.length + 1, end)
    if (scheme === DASH_ROLES && isTrackRole(value)) return value
  }
  return null
}

/** Latin text up to a zero or `end`. */
function readText(bytes: Uint8Array, start: number, end: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
    'latin1',
    start,
    Math.max(start, end),
  )
  return text.split('\0', 1)[0] ?? ''
}

function parseMovieTimescale(bytes: Uint8Array, boxes: readonly BoxSpan[]): number {
  const reader = new BoxReader(bytes, required(boxes, 'mvhd', 'moov'))
  const version = reader.u32() >>> 24
  reader.skip(version === 1 ? 16 : 8)
  return reader.u32()
}

function parseContainerId(bytes: Uint8Array, tkhd: BoxSpan): number {
  const reader = new BoxReader(bytes, tkhd)
  const version = reader.u32() >>> 24
  reader.skip(version === 1 ? 16 : 8)
  return reader.u32()
}

function parseMediaHeader(bytes: Uint8Array, mdhd: BoxSpan): { timescale: number; language: string } {
  const reader = new BoxReader(bytes, mdhd)
  const version = reader.u32() >>> 24
  reader.skip(version === 1 ? 16 : 8)
  const timescale = reader.u32()
  if (timescale === 0) throw malformed('a track has the timescale 0')
  reader.skip(version === 1 ? 8 : 4)
  return { timescale, language: unpackLanguage(reader.u16() & 0x7fff) }
}

function parseTrackDefaults(bytes: Uint8Array, mvex: BoxSpan): Map<number, SampleDefaults> {
  const defaults = new Map<number, SampleDefaults>()
  for (const box of childBoxes(bytes, mvex.start, mvex.end, 'mvex')) {
    if (box.type !== 'trex') continue
    const reader = new BoxReader(bytes, box)
    reader.skip(4)
    const containerId = reader.u32()
    const descriptionIndex = reader.u32()
    defaults.set(containerId, { descriptionIndex, duration: reader.u32(), size: reader.u32(), flags: reader.u32() })
  }
  return defaults
}

/**
 * The start offset of a simple edit list (ISO/IEC 14496-12 8.6.6): leading empty edits delay the track, the first real
 * edit says which media time is shown first. Later edits and rates do not occur in live input and are ignored.
 */
function parseEditShift(
  bytes: Uint8Array,
  trak: readonly BoxSpan[],
  timescale: number,
  movieTimescale: number,
): number {
  const edts = findBox(trak, 'edts')
  const elst = edts === null ? null : findBox(childBoxes(bytes, edts.start, edts.end, 'edts'), 'elst')
  if (elst === null) return 0
  const reader = new BoxReader(bytes, elst)
  const version = reader.u32() >>> 24
  const count = reader.u32()
  let emptyDuration = 0
  for (let i = 0; i < Math.min(count, MAX_EDITS); i++) {
    const duration = version === 1 ? reader.u64() : reader.u32()
    const mediaTime = version === 1 ? reader.i64() : reader.i32()
    reader.skip(4)
    if (mediaTime >= 0) return toTicks(emptyDuration, timescale, movieTimescale) - mediaTime
    emptyDuration += duration
  }
  return toTicks(emptyDuration, timescale, movieTimescale)
}

function toTicks(duration: number, timescale: number, movieTimescale: number): number {
  if (duration === 0 || movieTimescale === 0) return 0
  const ticks = scaleRound(duration, timescale, movieTimescale)
  if (!Number.isSafeInteger(ticks)) throw malformed('an empty edit is longer than 2^53 ticks')
  return ticks
}

function parseSampleCount(bytes: Uint8Array, stsz: BoxSpan | null): number {
  if (stsz === null) return 0
  const reader = new BoxReader(bytes, stsz)
  reader.skip(8)
  return reader.u32()
}

function childBoxesOf(bytes: Uint8Array, boxes: readonly BoxSpan[], type: string, parent: string): BoxSpan[] {
  const box = required(boxes, type, parent)
  return childBoxes(bytes, box.start, box.end, type)
}

function required(boxes: readonly BoxSpan[], type: string, parent: string): BoxSpan {
  const box = findBox(boxes, type)
  if (box === null) throw malformed(`"${parent}" has no "${type}"`)
  return box
}

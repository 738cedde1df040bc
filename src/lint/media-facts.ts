// What the boxes of media and initialization segments say, reduced to what rules compare. Bytes are not kept.
import { createHash } from 'node:crypto'
import { MirrorError } from '../core/errors.ts'
import { BoxReader, type BoxSpan, childBoxes, findBox, fourCc } from '../media/fmp4/boxes.ts'
import type { SampleDefaults } from '../media/fmp4/movie.ts'
import { forEachRunSample, parseMovieFragment } from '../media/fmp4/movie-fragment.ts'
import { parseSampleEntry } from '../media/fmp4/sample-entry.ts'

export interface InitTrack {
  readonly id: number
  readonly kind: 'video' | 'audio' | 'other'
  readonly timescale: number
  /** Sample entry, seen through encryption: `avc1`, `mp4a`, `wvtt`. */
  readonly fourCc: string
  /** RFC 6381; null when only the four characters are known. */
  readonly codecString: string | null
  readonly widthPx: number | null
  readonly heightPx: number | null
  readonly defaults: SampleDefaults | null
}

export interface InitFacts {
  readonly sha256: string
  readonly tracks: readonly InitTrack[]
  readonly hasMvex: boolean
  readonly hasFtyp: boolean
  /** Why it cannot be read. */
  readonly fault: string | null
}

/** One track in one movie fragment. Times in ticks of the track. */
export interface TrackFragment {
  readonly trackId: number
  /** Null: no `tfdt`. */
  readonly decodeTime: number | null
  readonly durationTicks: number
  /** Earliest presentation time minus decode time of the first sample. */
  readonly firstPtsOffset: number
  /** The same of the first sample in decode order: later where pictures lead their keyframe (open GOP). */
  readonly firstSampleOffset: number
  readonly samples: number
  readonly syncSamples: number
  readonly startsWithSync: boolean
  readonly zeroDurations: number
  readonly sampleBytes: number
  /** 8.8.7.1: data offsets count from this fragment, not from the start of a file. */
  readonly isRelative: boolean
}

export interface Fragment {
  readonly tracks: readonly TrackFragment[]
  /** Payload of the `mdat` boxes up to the next `moof`. */
  readonly mdatBytes: number
}

export interface MediaFacts {
  readonly sizeBytes: number
  readonly sha256: string
  readonly format: 'fmp4' | 'ts' | 'webvtt' | 'other'
  readonly fragments: readonly Fragment[]
  readonly fault: string | null
  /** Hash of each of the given pieces, when asked for. */
  readonly pieces: readonly string[] | null
}

const NO_DEFAULTS: SampleDefaults = { duration: 0, size: 0, flags: 0, descriptionIndex: 1 }
/** ISO/IEC 14496-12 8.8.3.1: sample_is_non_sync_sample. */
const NON_SYNC = 0x1_0000
const BOX_TYPES = new Set(
  'ftyp styp moov moof mdat free skip wide pdin sidx ssix prft emsg uuid meta mfra udta'.split(' '),
)

export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** `pieceBytes`: lengths of the pieces to hash, in order from the start. */
export function readMediaFacts(
  bytes: Uint8Array,
  init: InitFacts | null,
  pieceBytes: readonly number[] | null,
): MediaFacts {
  const common = {
    sizeBytes: bytes.length,
    sha256: digest(bytes),
    pieces: pieceBytes === null ? null : hashPieces(bytes, pieceBytes),
  }
  if (bytes[0] === 0x47 && (bytes.length <= 188 || bytes[188] === 0x47)) {
    return { ...common, format: 'ts', fragments: [], fault: null }
  }
  if (/^(?:\u00EF\u00BB\u00BF)?WEBVTT/.test(Buffer.from(bytes.subarray(0, 9)).toString('latin1'))) {
    return { ...common, format: 'webvtt', fragments: [], fault: null }
  }
  if (!BOX_TYPES.has(fourCc(bytes, 4))) return { ...common, format: 'other', fragments: [], fault: null }
  try {
    return { ...common, format: 'fmp4', fragments: readFragments(bytes, init), fault: null }
  } catch (error) {
    return { ...common, format: 'fmp4', fragments: [], fault: wordsOf(error) }
  }
}

export function readInitFacts(bytes: Uint8Array): InitFacts {
  const sha256 = digest(bytes)
  try {
    const top = childBoxes(bytes, 0, bytes.length, 'file')
    const moov = findBox(top, 'moov')
    if (moov === null) return { sha256, tracks: [], hasMvex: false, hasFtyp: false, fault: 'there is no moov box' }
    const boxes = childBoxes(bytes, moov.start, moov.end, 'moov')
    const mvex = findBox(boxes, 'mvex')
    const defaults = mvex === null ? new Map<number, SampleDefaults>() : readTrex(bytes, mvex)
    return {
      sha256,
      tracks: boxes.filter(({ type }) => type === 'trak').map((trak) => readTrack(bytes, trak, defaults)),
      hasMvex: mvex !== null,
      hasFtyp: findBox(top, 'ftyp') !== null,
      fault: null,
    }
  } catch (error) {
    return { sha256, tracks: [], hasMvex: false, hasFtyp: false, fault: wordsOf(error) }
  }
}

/** How long samples last: of the track that is shortest, and of the one that is longest. */
export interface MediaSpan {
  readonly shortestSec: number
  readonly longestSec: number
}

/** Null without samples. */
export function spanOf(facts: MediaFacts, init: InitFacts): MediaSpan | null {
  const seconds = init.tracks.flatMap(({ id, timescale }) => {
    const ticks = tracksOf(facts, id).reduce((sum, { durationTicks }) => sum + durationTicks, 0)
    return ticks > 0 ? [ticks / timescale] : []
  })
  return seconds.length === 0 ? null : { shortestSec: Math.min(...seconds), longestSec: Math.max(...seconds) }
}

export function tracksOf(facts: MediaFacts, trackId: number): TrackFragment[] {
  return facts.fragments.flatMap(({ tracks }) => tracks.filter((track) => track.trackId === trackId))
}

function readFragments(bytes: Uint8Array, init: InitFacts | null): Fragment[] {
  const defaultsOf = (trackId: number): SampleDefaults =>
    init?.tracks.find(({ id }) => id === trackId)?.defaults ?? NO_DEFAULTS
  const fragments: { tracks: TrackFragment[]; mdatBytes: number }[] = []
  for (const box of childBoxes(bytes, 0, bytes.length, 'file')) {
    if (box.type === 'mdat') {
      const last = fragments.at(-1)
      if (last !== undefined) last.mdatBytes += box.end - box.start
    } else if (box.type === 'moof') fragments.push({ tracks: readMoof(bytes, box, defaultsOf), mdatBytes: 0 })
  }
  return fragments
}

function readMoof(bytes: Uint8Array, box: BoxSpan, defaultsOf: (trackId: number) => SampleDefaults): TrackFragment[] {
  // moof boxes have short headers: their size is far below 4 GiB.
  const moof = { type: 'moof', bytes: bytes.subarray(box.start - 8, box.end), headerBytes: 8, offset: box.start - 8 }
  const relative = new Map<number, boolean>()
  for (const traf of childBoxes(bytes, box.start, box.end, 'moof')) {
    const tfhd = traf.type === 'traf' ? findBox(childBoxes(bytes, traf.start, traf.end, 'traf'), 'tfhd') : null
    if (tfhd === null) continue
    const reader = new BoxReader(bytes, tfhd)
    const flags = reader.u32() & 0xff_ffff
    relative.set(reader.u32(), (flags & 0x02_0000) !== 0 && (flags & 1) === 0)
  }
  const tracks: TrackFragment[] = []
  for (const run of parseMovieFragment(moof, defaultsOf).runs) {
    const isNew = run.baseDecodeTime !== undefined
    const before = isNew ? undefined : tracks.pop()
    let durationTicks = before?.durationTicks ?? 0
    let samples = before?.samples ?? 0
    let syncSamples = before?.syncSamples ?? 0
    let startsWithSync = before?.startsWithSync ?? false
    let zeroDurations = before?.zeroDurations ?? 0
    let sampleBytes = before?.sampleBytes ?? 0
    let firstPtsOffset = before?.firstPtsOffset ?? Number.POSITIVE_INFINITY
    let firstSampleOffset = before?.firstSampleOffset ?? 0
    forEachRunSample(run, ({ duration, size, flags, cto }) => {
      const isSync = (flags & NON_SYNC) === 0
      if (samples === 0) {
        startsWithSync = isSync
        firstSampleOffset = cto
      }
      firstPtsOffset = Math.min(firstPtsOffset, durationTicks + cto)
      durationTicks += duration
      sampleBytes += size
      samples++
      if (isSync) syncSamples++
      if (duration === 0) zeroDurations++
    })
    tracks.push({
      trackId: run.containerId,
      decodeTime: before === undefined ? (run.baseDecodeTime ?? null) : before.decodeTime,
      durationTicks,
      firstPtsOffset,
      firstSampleOffset,
      samples,
      syncSamples,
      startsWithSync,
      zeroDurations,
      sampleBytes,
      isRelative: relative.get(run.containerId) ?? true,
    })
  }
  return tracks
}

function readTrex(bytes: Uint8Array, mvex: BoxSpan): Map<number, SampleDefaults> {
  const defaults = new Map<number, SampleDefaults>()
  for (const box of childBoxes(bytes, mvex.start, mvex.end, 'mvex')) {
    if (box.type !== 'trex') continue
    const reader = new BoxReader(bytes, box)
    reader.skip(4)
    const id = reader.u32()
    const descriptionIndex = reader.u32()
    defaults.set(id, { descriptionIndex, duration: reader.u32(), size: reader.u32(), flags: reader.u32() })
  }
  return defaults
}

function readTrack(bytes: Uint8Array, trak: BoxSpan, defaults: ReadonlyMap<number, SampleDefaults>): InitTrack {
  const inside = (box: BoxSpan | null, name: string): BoxSpan[] => {
    if (box === null) throw new MirrorError('ingest_malformed', `there is no ${name} box`)
    return childBoxes(bytes, box.start, box.end, name)
  }
  const boxes = childBoxes(bytes, trak.start, trak.end, 'trak')
  const mdia = inside(findBox(boxes, 'mdia'), 'mdia')
  const stbl = inside(findBox(inside(findBox(mdia, 'minf'), 'minf'), 'stbl'), 'stbl')
  const stsd = findBox(stbl, 'stsd')
  const id = readAfterTimes(bytes, findBox(boxes, 'tkhd'))
  const hdlr = findBox(mdia, 'hdlr')
  const handler = hdlr === null ? '' : fourCc(bytes, hdlr.start + 8)
  const kind = handler === 'vide' ? 'video' : handler === 'soun' ? 'audio' : 'other'
  const entry = stsd === null ? undefined : childBoxes(bytes, stsd.start + 8, stsd.end, 'stsd')[0]
  const visual = kind === 'video' && entry !== undefined ? new BoxReader(bytes, entry) : null
  visual?.skip(24)
  return {
    id,
    kind,
    timescale: Math.max(1, readAfterTimes(bytes, findBox(mdia, 'mdhd'))),
    fourCc: entry === undefined ? '' : originalFormat(bytes, entry, kind),
    codecString: stsd === null || kind === 'other' ? null : codecString(bytes, stsd, kind),
    widthPx: visual?.u16() ?? null,
    heightPx: visual?.u16() ?? null,
    defaults: defaults.get(id) ?? null,
  }
}

/** The 32-bit field behind creation and modification time: track_ID in `tkhd`, timescale in `mdhd`. */
function readAfterTimes(bytes: Uint8Array, box: BoxSpan | null): number {
  if (box === null) return 0
  const reader = new BoxReader(bytes, box)
  reader.skip(reader.u32() >>> 24 === 1 ? 16 : 8)
  return reader.u32()
}

/** `encv` and `enca` keep the true format in sinf/frma (ISO/IEC 14496-12 8.12). */
function originalFormat(bytes: Uint8Array, entry: BoxSpan, kind: InitTrack['kind']): string {
  if (entry.type !== 'encv' && entry.type !== 'enca') return entry.type
  const start = entry.start + (kind === 'video' ? 78 : 28)
  const sinf = findBox(childBoxes(bytes, start, entry.end, entry.type), 'sinf')
  const frma = sinf === null ? null : findBox(childBoxes(bytes, sinf.start, sinf.end, 'sinf'), 'frma')
  return frma === null ? entry.type : fourCc(bytes, frma.start)
}

function codecString(bytes: Uint8Array, stsd: BoxSpan, kind: 'video' | 'audio'): string | null {
  try {
    const { config, fourCc: form } = parseSampleEntry(bytes, stsd, kind, 'und')
    // A configuration names the out-of-band form; the entry may be the in-band one.
    return config === null ? null : kind === 'video' ? config.codecString.replace(/^[^.]+/, form) : config.codecString
  } catch {
    return null
  }
}

function hashPieces(bytes: Uint8Array, lengths: readonly number[]): string[] {
  let at = 0
  return lengths.map((length) => {
    at += length
    return digest(bytes.subarray(at - length, at))
  })
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

// The newest segments and parts of one track, as the playlist shows them and as memory holds them.
import type { IFrameSegment } from '../../hls/iframe-playlist.ts'
import type { OpenSegment, PlaylistPart, PlaylistSegment } from '../../hls/media-playlist.ts'
import { peakRateBps } from '../../hls/peak-rate.ts'
import { type MediaExtension, type Slice, segmentName } from '../publication.ts'

export interface WindowPart extends PlaylistPart {
  /** Null: a gap. */
  readonly slice: Slice | null
  /** Length of `moof` and its first picture, when that is a keyframe. */
  readonly keyframeBytes: number | null
}

interface WindowSegment extends PlaylistSegment {
  readonly parts: readonly WindowPart[]
  /** Where the segment lies, unless it is its parts one after the other. */
  readonly own: Slice | null
  readonly sizeBytes: number
}

interface GrowingSegment extends OpenSegment {
  readonly parts: WindowPart[]
}

const SHORT_SEGMENT_SEC = 0.5
/** No run of one and a half target durations has more, short segments or not. */
const RUN_SEGMENTS = 16
/** The first segment of an encoder may be short: a run with it holds keyframes more often than all that follow. */
const FIRST_RUN_MARGIN = 1.25

export type SegmentHead = Pick<PlaylistSegment, 'msn' | 'dsn' | 'initUri' | 'startsAtMs'>

/**
 * All that is listed: segments that lie in no memory any more, and behind them those of the window. One array, changed at
 * its ends, because copying days of segments for every new one would cost more than all else.
 */
class ListedSegments {
  readonly #all: PlaylistSegment[] = []
  #past = 0
  #pastSec = 0
  #removedDsn: number | null = null

  get hasPast(): boolean {
    return this.#past > 0
  }

  get all(): readonly PlaylistSegment[] {
    return this.#all
  }

  get removedDsn(): number | null {
    return this.#removedDsn
  }

  push(segment: PlaylistSegment): void {
    this.#all.push(segment)
  }

  /** The oldest of the window left memory. */
  drop(count: number): void {
    this.#all.splice(this.#past, count)
  }

  /** Before those of the window. */
  remember(segments: readonly PlaylistSegment[], maxSec: number): void {
    const window = this.#all.splice(this.#past)
    for (const { msn, dsn, uri, initUri, startsAtMs, durationSec, isGap } of segments) {
      this.#all.push({ msn, dsn, uri, initUri, startsAtMs, durationSec, isGap, parts: [] })
      this.#pastSec += durationSec
    }
    this.#past = this.#all.length
    this.#all.push(...window)
    let surplus = 0
    while (surplus < this.#past && this.#pastSec > maxSec) {
      this.#pastSec -= this.#all[surplus]?.durationSec ?? 0
      this.#removedDsn = this.#all[surplus]?.dsn ?? null
      surplus++
    }
    if (surplus > 0) this.#all.splice(0, surplus)
    this.#past -= surplus
  }

  forget(): void {
    this.#all.splice(0, this.#past)
    this.#past = 0
    this.#pastSec = 0
    this.#removedDsn = null
  }
}

export class TrackWindow {
  readonly #listed = new ListedSegments()
  #segments: WindowSegment[] = []
  #open: GrowingSegment | null = null
  #peakBps = 0
  /** The peak comes from a segment that is too short to tell. */
  #isPeakDoubtful = true
  #totalBits = 0
  #totalSec = 0
  #iFramePeakBps = 0
  #iFrameBits = 0

  /** Bit rates over every segment so far; 0 before the first. */
  get peakBps(): number {
    return this.#peakBps
  }

  get averageBps(): number {
    return this.#totalSec === 0 ? 0 : this.#totalBits / this.#totalSec
  }

  /** Of the keyframes alone; 0 before the first. Never falls. `cellSec`: how long a segment lasts in the mean. */
  iFramePeakBps(targetDurationSec: number, cellSec: number): number {
    // Where keyframes come now and then only, the first runs are long: the largest one in a single cell is the promise.
    const largest = Math.max(0, ...this.#segments.slice(-RUN_SEGMENTS).map(({ parts }) => parts[0]?.keyframeBytes ?? 0))
    // What a new segment changes is in the runs that end with it.
    const rated = this.#segments.slice(-RUN_SEGMENTS).map(({ parts, durationSec }) => {
      return { bits: 8 * (parts[0]?.keyframeBytes ?? 0), durationSec }
    })
    const peakBps = Math.max(peakRateBps(rated, targetDurationSec) ?? 0, (8 * largest * FIRST_RUN_MARGIN) / cellSec)
    this.#iFramePeakBps = Math.max(this.#iFramePeakBps, peakBps)
    return this.#iFramePeakBps
  }

  get iFrameAverageBps(): number {
    return this.#totalSec === 0 ? 0 : this.#iFrameBits / this.#totalSec
  }

  get open(): OpenSegment | null {
    return this.#open
  }

  get newest(): PlaylistSegment | null {
    return this.#segments.at(-1) ?? null
  }

  /** Complete segments and gaps with a higher number, oldest first. */
  after(msn: number): readonly WindowSegment[] {
    let first = this.#segments.length
    while (first > 0 && (this.#segments[first - 1]?.msn ?? msn) > msn) first--
    return first === this.#segments.length ? [] : this.#segments.slice(first)
  }

  /** Everything held, oldest first: for an origin that joins late. */
  get segments(): readonly WindowSegment[] {
    return this.#segments
  }

  get openParts(): readonly WindowPart[] {
    return this.#open?.parts ?? []
  }

  startSegment(head: SegmentHead): void {
    this.#open = { ...head, parts: [] }
  }

  addPart(part: WindowPart): void {
    this.#open?.parts.push(part)
  }

  /** The finished segment with the slices its parts lie in, or `own`; null when it never got a part. */
  endSegment(
    durationSec: number,
    own: Slice | null = null,
    extension: MediaExtension = 'm4s',
  ): { readonly name: string; readonly slices: readonly Slice[] } | null {
    const open = this.#open
    this.#open = null
    if (open === null || open.parts.length === 0) return null
    const sizeBytes = own?.length ?? open.parts.reduce((sum, part) => sum + (part.slice?.length ?? 0), 0)
    const name = segmentName(open.msn, extension)
    const segment = { ...open, uri: name, durationSec, isGap: false, own, sizeBytes }
    this.#append(segment)
    this.#measure(sizeBytes * 8, durationSec)
    this.#iFrameBits += 8 * (open.parts[0]?.keyframeBytes ?? 0)
    return { name, slices: slicesOf(segment) }
  }

  /** The init segments that something in the window needs. */
  get initUris(): ReadonlySet<string> {
    const uris = new Set<string>()
    for (const { initUri } of this.#segments) if (initUri !== null) uris.add(initUri)
    if (this.#open !== null && this.#open.initUri !== null) uris.add(this.#open.initUri)
    return uris
  }

  /** Its parts are gaps, too (RFC 8216bis 6.2.1). */
  addGap(head: SegmentHead, durationSec: number, parts: readonly WindowPart[]): void {
    this.#append({
      ...head,
      uri: segmentName(head.msn),
      durationSec,
      isGap: true,
      parts,
      own: null,
      sizeBytes: 0,
    })
  }

  /** Takes out the segments that lie further than `keepSec` behind the end. */
  prune(keepSec: number): readonly WindowSegment[] {
    const kept = countFromEnd(this.#segments, keepSec)
    const surplus = this.#segments.length - kept
    this.#listed.drop(surplus)
    return this.#segments.splice(0, surplus)
  }

  /** What was taken out of memory and can be had from the recording, as far as the playlist is to reach back. */
  rememberPast(removed: readonly PlaylistSegment[], reachSec: number): void {
    this.#listed.remember(removed, reachSec)
  }

  /** What was recorded before this window began, oldest first; the last one is the cell before its first. */
  recall(segments: readonly PlaylistSegment[], reachSec: number): void {
    this.#listed.remember(segments, reachSec)
  }

  forgetPast(): void {
    this.#listed.forget()
  }

  /**
   * The segments to list: the newest that together reach `windowSec`, behind all that is remembered of the past. Until the
   * next change of the window: with a past it is not copied.
   */
  listed(windowSec: number): readonly PlaylistSegment[] {
    if (this.#listed.hasPast) return this.#listed.all
    return this.#segments.slice(this.#segments.length - countFromEnd(this.#segments, windowSec))
  }

  /** The same segments as keyframes. */
  iFrames(windowSec: number): readonly IFrameSegment[] {
    return this.#segments.slice(this.#segments.length - countFromEnd(this.#segments, windowSec)).map((segment) => {
      const { msn, dsn, uri, initUri, startsAtMs, durationSec, parts } = segment
      return { msn, dsn, uri, initUri, startsAtMs, durationSec, keyframeBytes: parts[0]?.keyframeBytes ?? null }
    })
  }

  /** Discontinuity number of the segment before the listed ones; null when nothing is held before them. */
  removedDsn(windowSec: number): number | null {
    if (this.#listed.hasPast) return this.#listed.removedDsn
    return this.#segments[this.#segments.length - countFromEnd(this.#segments, windowSec) - 1]?.dsn ?? null
  }

  #append(segment: WindowSegment): void {
    this.#segments.push(segment)
    this.#listed.push(segment)
  }

  #measure(bits: number, durationSec: number): void {
    this.#totalBits += bits
    this.#totalSec += durationSec
    // RFC 8216bis 4.4.6.2: the peak counts segments between 0.5 and 1.5 target durations; short ones would exaggerate it,
    // a lone keyframe of 40 ms a hundredfold. Until a longer one has come they are all there is.
    const isShort = durationSec < SHORT_SEGMENT_SEC
    if (isShort && !this.#isPeakDoubtful) return
    this.#peakBps = isShort === this.#isPeakDoubtful ? Math.max(this.#peakBps, bits / durationSec) : bits / durationSec
    this.#isPeakDoubtful = isShort
  }
}

/** Where the bytes of a segment lie. */
export function slicesOf({ own, parts }: Pick<WindowSegment, 'own' | 'parts'>): readonly Slice[] {
  return own === null ? mergeSlices(parts.flatMap(({ slice }) => slice ?? [])) : [own]
}

function countFromEnd(segments: readonly PlaylistSegment[], reachSec: number): number {
  let sumSec = 0
  let count = 0
  for (let index = segments.length - 1; index >= 0 && sumSec < reachSec; index--) {
    sumSec += segments[index]?.durationSec ?? 0
    count++
  }
  return count
}

/** Neighbours in one slab become one slice, so that a segment is usually sent by one write. */
function mergeSlices(slices: readonly Slice[]): readonly Slice[] {
  const merged: Slice[] = []
  for (const slice of slices) {
    const last = merged.at(-1)
    if (last !== undefined && last.slabId === slice.slabId && last.offset + last.length === slice.offset) {
      merged[merged.length - 1] = { ...last, length: last.length + slice.length }
    } else merged.push(slice)
  }
  return merged
}

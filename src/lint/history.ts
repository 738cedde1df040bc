// What has been seen of a presentation so far. The linter writes it, rules only read it. Everything has a limit.
import type { Exchange } from './exchange.ts'
import type { InitFacts, MediaFacts } from './media-facts.ts'
import type { MediaPlaylist, ParentSegment, Part, Segment } from './media-playlist-model.ts'
import type { Position } from './merge-delta.ts'
import type { MultivariantPlaylist } from './multivariant-model.ts'

/** Of one rendition; the oldest are forgotten. Two hours of two-second segments. */
export const MAX_SEGMENTS = 3600
export const MAX_RELOADS = 20_000

export interface SegmentRecord {
  readonly msn: number
  /** As last listed; null while it grows. */
  segment: Segment | null
  parent: ParentSegment
  /** Parts ever listed, by index. */
  readonly parts: Map<number, PartRecord>
  facts: MediaFacts | null
  clockZero: ClockZero | null
}

/**
 * Presentation date of media time zero in milliseconds since 1970: EXT-X-PROGRAM-DATE-TIME less the first timestamp. The
 * specification leaves open whether a date belongs to the first picture decoded or to the first one shown.
 */
export interface ClockZero {
  readonly earliestMs: number
  readonly latestMs: number
}

export interface PartRecord {
  readonly part: Part
  facts: MediaFacts | null
}

export interface ReloadRecord {
  readonly requestedAtMs: number
  readonly completedAtMs: number
  readonly position: Position
}

/** What a rendition report of another playlist says about this one. */
export interface Claim {
  readonly position: Position
  readonly madeAtMs: number
  /** Address of the playlist that carries the report. */
  readonly by: string
  readonly line: number
}

export interface RenditionHistory {
  readonly url: string
  /** `v0/playlist.m3u8`: what of the address differs between renditions. */
  readonly name: string
  /** First full playlist. */
  first: MediaPlaylist | null
  /** Newest playlist, delta updates merged. */
  latest: MediaPlaylist | null
  /** Newest full playlist as answered. */
  latestFull: { readonly playlist: MediaPlaylist; readonly exchange: Exchange } | null
  readonly segments: Map<number, SegmentRecord>
  readonly reloads: ReloadRecord[]
  reloadCount: number
  deltaCount: number
  heldCount: number
  failedCount: number
  /** When the newest segment, and the newest part, were first seen. */
  segmentChangedAtMs: number | null
  partChangedAtMs: number | null
  /** The furthest claim that another rendition made about this one and that is still to be borne out. */
  claim: Claim | null
  /** Milliseconds from the date of a part's or segment's end to its arrival. */
  readonly edgeDelaysMs: number[]
  /** IDs and tags of date ranges ever seen. */
  readonly dateRanges: Map<string, Map<string, string>>
}

export interface PresentationHistory {
  /** Address the watch began with. */
  readonly url: string
  multivariant: MultivariantPlaylist | null
  readonly renditions: Map<string, RenditionHistory>
  /** By address and range. */
  readonly inits: Map<string, InitFacts>
  /** First answer for each media address and range. */
  readonly firstMedia: Map<
    string,
    { readonly sha256: string; readonly etag: string | null; readonly sizeBytes: number }
  >
}

export function emptyPresentation(url: string): PresentationHistory {
  return { url, multivariant: null, renditions: new Map(), inits: new Map(), firstMedia: new Map() }
}

export function emptyRendition(url: string, name: string): RenditionHistory {
  return {
    url,
    name,
    first: null,
    latest: null,
    latestFull: null,
    segments: new Map(),
    reloads: [],
    reloadCount: 0,
    deltaCount: 0,
    heldCount: 0,
    failedCount: 0,
    segmentChangedAtMs: null,
    partChangedAtMs: null,
    claim: null,
    edgeDelaysMs: [],
    dateRanges: new Map(),
  }
}

export function mediaKey(url: string, range: { readonly first: number; readonly last: number } | null): string {
  return range === null ? url : `${url}#${range.first}-${range.last}`
}

/** Key of an init segment as a playlist names it. */
export function initKey(map: {
  readonly url: string
  readonly range: { length: number; offset: number } | null
}): string {
  const { url, range } = map
  return mediaKey(url, range === null ? null : { first: range.offset, last: range.offset + range.length - 1 })
}

export function initOf(presentation: PresentationHistory, segment: ParentSegment): InitFacts | null {
  return segment.map === null ? null : (presentation.inits.get(initKey(segment.map)) ?? null)
}

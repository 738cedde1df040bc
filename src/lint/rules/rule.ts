// A rule is a pure function: it is shown one thing that was seen, with what was seen before it, and names what is wrong.
import type { Exchange } from '../exchange.ts'
import type { PresentationHistory, RenditionHistory, SegmentRecord } from '../history.ts'
import type { IFrameFacts } from '../iframe-facts.ts'
import type { InitFacts, MediaFacts } from '../media-facts.ts'
import type { MediaPlaylist, Part } from '../media-playlist-model.ts'
import type { MultivariantPlaylist } from '../multivariant-model.ts'
import type { ParsedPlaylist } from '../playlist-parser.ts'

/** `must`: players may fail. `should`: the source advises against it. `advice`: worth knowing. */
export type Severity = 'must' | 'should' | 'advice'

export const BIS = 'RFC 8216bis-22'
export const APPLE = 'Apple HLS Authoring Specification'
export const HTTP = 'RFC 9110'

export interface Fault {
  /** What was seen, in words. */
  readonly seen: string
  readonly line?: number
  /** Where, when it is not the address of the exchange. */
  readonly url?: string
  /** Faults with the same subject count as one finding; default: the address and `seen`. */
  readonly subject?: string
}

/** A media playlist, its predecessor, and what is known of the rendition; the history does not contain it yet. */
export interface MediaPlaylistView {
  readonly exchange: Exchange
  readonly answered: MediaPlaylist
  /** With a delta update put onto its base; equals `answered` for a full playlist or where the base is missing. */
  readonly whole: MediaPlaylist
  /** Whether `whole` holds every segment. */
  readonly isWhole: boolean
  readonly previous: MediaPlaylist | null
  readonly rendition: RenditionHistory
  readonly presentation: PresentationHistory
}

export interface FactsView {
  readonly exchange: Exchange
  readonly facts: MediaFacts
  readonly init: InitFacts | null
  readonly record: SegmentRecord
  /** Null: the whole segment. */
  readonly part: Part | null
  /** Decode time by track at which the media before it ended; null when that was not seen or a discontinuity lies between. */
  readonly expected: ReadonlyMap<number, number> | null
  readonly rendition: RenditionHistory
  readonly presentation: PresentationHistory
}

/** A segment of an I-frame playlist. */
export interface IFrameView {
  readonly facts: IFrameFacts
  readonly record: SegmentRecord
}

export interface ExchangeView {
  readonly exchange: Exchange
  readonly sha256: string
  readonly playlist: ParsedPlaylist | null
  readonly rendition: RenditionHistory | null
  readonly presentation: PresentationHistory
}

export interface Rule {
  readonly id: string
  readonly severity: Severity
  /** What is asked, as a sentence. */
  readonly title: string
  readonly source: string
  /** Any playlist that could be read, also of a probe. */
  readonly playlist?: (playlist: ParsedPlaylist, exchange: Exchange) => Iterable<Fault>
  readonly multivariant?: (playlist: MultivariantPlaylist, presentation: PresentationHistory) => Iterable<Fault>
  /** Each answered reload of a media playlist. */
  readonly reload?: (view: MediaPlaylistView) => Iterable<Fault>
  readonly init?: (init: InitFacts, view: ExchangeView) => Iterable<Fault>
  readonly facts?: (view: FactsView) => Iterable<Fault>
  readonly iFrame?: (view: IFrameView) => Iterable<Fault>
  readonly exchange?: (view: ExchangeView) => Iterable<Fault>
  /** Once, when the watch is over. */
  readonly end?: (presentation: PresentationHistory) => Iterable<Fault>
}

/** Milliseconds and seconds for messages. */
export function sec(seconds: number): string {
  return `${Number(seconds.toFixed(5))} s`
}

export function ms(milliseconds: number): string {
  return `${Math.round(milliseconds)} ms`
}

/** Comparisons of written decimals allow for binary fractions. */
export const EPSILON = 1e-9

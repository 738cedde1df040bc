// A track as its presentation keeps it.
import type { TrackFacts } from '../../dvr/track-facts.ts'
import { DateRangeListing } from '../../hls/date-range.ts'
import type { PlaylistSegment } from '../../hls/media-playlist.ts'
import { PlaylistBlocks } from '../../hls/playlist-blocks.ts'
import type { TextTrack, TrackConfig } from '../../media/samples.ts'
import type { TrackRole } from '../../media/track-role.ts'
import { TrackWindow } from './track-window.ts'

export interface PresentedMedia extends Presented {
  readonly kind: 'video' | 'audio'
  config: TrackConfig
  role: TrackRole | null
  timescale: number
}

/** WebVTT: without initialization. */
export interface PresentedText extends Presented {
  readonly kind: 'subtitles'
  readonly text: TextTrack
}

export type PresentedTrack = PresentedMedia | PresentedText

interface Presented {
  readonly id: string
  readonly window: TrackWindow
  initUri: string | null
  /** By name: that of the current configuration, and those of earlier ones that the window still needs. */
  readonly inits: Map<string, Uint8Array>
  /** Name of the part that comes next, as far as the end of the last one tells. */
  preloadUri: string | null
  isDirty: boolean
  /** Segments came or went: the I-frame playlist is not what it was. */
  hasNewSegment: boolean
  readonly dateRanges: DateRangeListing
  readonly iFrameDateRanges: DateRangeListing
  readonly blocks: PlaylistBlocks<PlaylistSegment>
  /** What origins were told last: number of the oldest block, beyond all numbers when there is none. */
  blocksFromMsn: number
  /** Segments from here on were recorded, if any are. */
  recordedFromMsn: number
  /** What the recorder knows. */
  told: { readonly msn: number; readonly facts: TrackFacts | null }
}

const NOTHING_TOLD = { msn: -1, facts: null }

export function newPresented(id: string): Presented {
  return {
    id,
    window: new TrackWindow(),
    initUri: null,
    inits: new Map(),
    preloadUri: null,
    isDirty: false,
    hasNewSegment: false,
    dateRanges: new DateRangeListing(),
    iFrameDateRanges: new DateRangeListing(),
    blocks: new PlaylistBlocks(),
    blocksFromMsn: Number.MAX_SAFE_INTEGER,
    recordedFromMsn: -1,
    told: NOTHING_TOLD,
  }
}

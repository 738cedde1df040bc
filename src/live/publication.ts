// What a stream's owner tells every origin thread. Media travels by reference into shared slabs, never by copy.
import type { TrackFacts } from '../dvr/track-facts.ts'
import type { PlaylistPosition } from '../hls/blocking-reload.ts'
import type { PlaylistBlock } from '../hls/playlist-blocks.ts'

/** A run of bytes in a slab. */
export interface Slice {
  readonly slabId: number
  readonly offset: number
  readonly length: number
}

/** A text as it is sent: rendered and compressed once, shared by every request. */
export interface RenderedText {
  readonly plain: Uint8Array
  readonly gzip: Uint8Array
}

/** A full playlist whose middle was published before, block by block. */
export interface BlockedText {
  readonly first: Uint8Array
  /** Number of the first block, and how many there are. */
  readonly blocksFromMsn: number
  readonly blocks: number
  readonly last: Uint8Array
}

export interface RenderedPlaylist {
  readonly full: RenderedText | BlockedText
  /** Null when there is nothing to skip: the full text is then the answer to a delta request, too. */
  readonly delta: RenderedText | null
  /** For `_HLS_skip=v2`. */
  readonly deltaV2: RenderedText | null
  readonly position: PlaylistPosition
  readonly targetDurationSec: number
  /** The hinted part: a request for it is held until it is complete. */
  readonly preloadName: string | null
}

export type Publication =
  /** Forget everything about the stream: a new session begins, or the stream is gone. Waiting requests stay. */
  | { readonly kind: 'reset'; readonly streamId: string }
  /** A replaced owner begins where a dead one left off: what there is stays until it is replaced or has been of use. */
  | { readonly kind: 'renew'; readonly streamId: string }
  | { readonly kind: 'slab'; readonly streamId: string; readonly slabId: number; readonly memory: SharedArrayBuffer }
  /** No media lies in the slab any more; answer `released` when nothing is being sent from it. */
  | { readonly kind: 'retire'; readonly streamId: string; readonly slabId: number }
  /** An init segment: small, so it is copied. */
  | {
      readonly kind: 'init'
      readonly streamId: string
      readonly trackId: string
      readonly name: string
      readonly bytes: Uint8Array
    }
  | {
      readonly kind: 'media'
      readonly streamId: string
      readonly trackId: string
      readonly name: string
      readonly slices: readonly Slice[]
    }
  /** What is recorded about a track; again whenever that changes. */
  | { readonly kind: 'track'; readonly streamId: string; readonly trackId: string; readonly facts: TrackFacts }
  /** A cell is complete: its bytes are the media of that name, or there are none. */
  | {
      readonly kind: 'segment'
      readonly streamId: string
      readonly trackId: string
      readonly name: string
      readonly msn: number
      readonly dsn: number
      readonly startsAtMs: number
      readonly durationSec: number
      readonly initName: string | null
      readonly isGap: boolean
    }
  | { readonly kind: 'drop'; readonly streamId: string; readonly trackId: string; readonly names: readonly string[] }
  /** Pieces of playlists to come; those before `fromMsn` are not needed any more. */
  | {
      readonly kind: 'blocks'
      readonly streamId: string
      readonly trackId: string
      readonly added: readonly PlaylistBlock[]
      readonly fromMsn: number
    }
  | {
      readonly kind: 'playlist'
      readonly streamId: string
      readonly trackId: string
      readonly playlist: RenderedPlaylist
    }
  /** The I-frame playlist of a video track. */
  | {
      readonly kind: 'iframes'
      readonly streamId: string
      readonly trackId: string
      readonly playlist: RenderedPlaylist
    }
  | { readonly kind: 'multivariant'; readonly streamId: string; readonly text: RenderedText }
  /**
   * `starting`: a publisher is there, so a request for the playlist is worth holding. `reviving`: the same after the death
   * of the stream's owner; what is left of its window answers meanwhile.
   */
  | {
      readonly kind: 'phase'
      readonly streamId: string
      readonly phase: 'offline' | 'starting' | 'reviving' | 'live' | 'ended'
    }

/** An origin's answer to `retire`. */
export interface SlabReleased {
  readonly streamId: string
  readonly slabId: number
  /** Number of the origin thread that has let go. */
  readonly origin: number
}

/** `vtt`: subtitles. */
export type MediaExtension = 'm4s' | 'vtt'

/** Names below `/stream/<id>/<track>/`. Identity comes from media time alone, so two origins name the same bytes alike. */
export function segmentName(msn: number, extension: MediaExtension = 'm4s'): string {
  return `${msn}.${extension}`
}

/**
 * A part is named by the time its first sample is decoded, not by a number within its segment: the name of the next part
 * is then known before it is known whether it opens a new segment, so that preload hints are kept.
 */
export function partName(dsn: number, startDts: number, extension: MediaExtension = 'm4s'): string {
  return `p${dsn}-${startDts}.${extension}`
}

export function initName(hash: string): string {
  return `init-${hash}.mp4`
}

// What a player says about itself: for its page, for tests and for support.
import type { TrackChoices } from './track-choices.ts'

export type PlayerState =
  /** Asking for the playlist. */
  | 'loading'
  /** The stream exists but nobody publishes; asked again until it is live. */
  | 'waiting'
  /** The server knows no such stream. Asked again, rarely: it may be created any minute. */
  | 'unknown'
  | 'playing'
  | 'paused'
  /** Was playing and ran dry. */
  | 'stalled'
  /** The server cannot be reached; tried again with growing pauses. */
  | 'reconnecting'
  /** This browser cannot play it. Nothing is retried. */
  | 'failed'

export interface PlayerError {
  readonly atMs: number
  readonly details: string
  readonly fatal: boolean
  readonly message: string
}

/** `window.__mirrorPlayer`: plain and frozen; each read is a new snapshot. */
export interface PlayerStats {
  readonly engine: 'hls.js' | 'native' | 'none'
  readonly url: string
  readonly state: PlayerState
  /** One sentence for a person, when the state needs one. */
  readonly message: string | null
  /** Times that playback ran dry after it had started (not after a seek). */
  readonly stalls: number
  readonly stalledMs: number
  /** This computer's clock minus the program date time on screen; null without program date times. */
  readonly latencySec: number | null
  readonly targetLatencySec: number | null
  readonly positionSec: number
  /** Program date time on screen, milliseconds since 1970. */
  readonly playingAtMs: number | null
  readonly bufferedSec: number
  readonly atLiveEdge: boolean
  readonly tracks: TrackChoices
  readonly muted: boolean
  readonly widthPx: number
  readonly heightPx: number
  readonly decodedFrames: number
  readonly droppedFrames: number
  /** From asking for the playlist to the first moving picture. */
  readonly startupMs: number | null
  readonly errors: readonly PlayerError[]
  readonly fatalErrors: number
  readonly mediaRecoveries: number
  readonly reloads: number
}

/** How far behind the target still counts as live. */
const LIVE_TOLERANCE_SEC = 2.5

/** `edgeSec` is the distance to the live edge; null while nobody knows. */
export function isAtLiveEdge(edgeSec: number | null, targetSec: number | null): boolean {
  if (edgeSec === null) return true
  return edgeSec <= (targetSec ?? 3) + LIVE_TOLERANCE_SEC
}

/** What a viewer is told for an hls.js error that ends playback. */
export function explainPlayerError(details: string): string {
  switch (details) {
    case 'manifestIncompatibleCodecsError':
    case 'bufferAddCodecError':
    case 'bufferIncompatibleCodecsError':
      return 'This browser cannot decode the codec of this stream. HEVC plays in Safari, on most phones, and in VLC or ffplay.'
    case 'manifestParsingError':
    case 'levelParsingError':
      return 'The playlist could not be understood.'
    case 'keySystemNoAccess':
      return 'This browser has no support for the content protection of this stream.'
    case 'unsupported':
      return 'This browser supports neither Media Source Extensions nor HLS. Use a current browser, or open the playlist in VLC.'
    default:
      return 'The player ran into an error it cannot get over.'
  }
}

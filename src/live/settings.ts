import type { TrackRole } from '../media/track-role.ts'
import type { SlateSource } from './slate/slate-profile.ts'

/** What a stream may be told; the catalog stores it, the owner obeys it. */
export interface StreamSettings {
  /** Aimed-at segment length; a cell is this rounded to whole frames (docs/decisions/timeline.md). 300 ms – 10 s. */
  readonly segmentMs: number
  /** Aimed-at part length, 80 ms – 1 s. */
  readonly partMs: number
  /** How much of the newest media the live playlist lists from memory. */
  readonly windowMs: number
  /** How long a silent stream is kept alive with GAP segments before it ends. */
  readonly graceMs: number
  /** `fixed`: keyframes divide the cell, so TARGETDURATION is halved and INDEPENDENT-SEGMENTS advertised. */
  readonly gop: 'auto' | 'fixed'
  /** What happens to a second encoder. Configured inputs stand by whatever this says. */
  readonly onBusy: 'refuse' | 'takeover' | 'standby'
  /** Silence of the input on air after which one that stands by takes its place. */
  readonly switchAfterMs: number
  /** How long an input that comes earlier in the order must be healthy before it is taken again; null: never. */
  readonly returnAfterMs: number | null
  /** Shown while no input brings media; null: the playlist goes on with gaps until `graceMs` is over. */
  readonly slate: SlateSource | null
  /** What Mirror itself listens to or fetches for this stream, the most wanted first; encoders with a key come before. */
  readonly inputs: readonly StreamInputConfig[]
  readonly dvr: DvrSettings
  /** What viewers are told of tracks; takes effect at once. */
  readonly tracks: readonly TrackDescription[]
}

/** Each null leaves what the input says. */
export interface TrackDescription {
  /** `a1`, `s0`; `CC1` for captions in the pictures; unique. */
  readonly id: string
  /** BCP 47. */
  readonly language: string | null
  /** As players show it. */
  readonly name: string | null
  readonly role: TrackRole | null
  /** Chosen for those who have no preference. */
  readonly isDefault: boolean
}

/** Recording. Times count back from now. */
export interface DvrSettings {
  readonly isEnabled: boolean
  /** What the stream's own playlist reaches back. */
  readonly rewindMs: number
  /** How long media is kept; never below `rewindMs`. */
  readonly retentionMs: number
}

export type StreamInputConfig = DatagramInputConfig | PullInputConfig

/** MPEG-TS in datagrams, bare or in RTP, on a port of its own: for hardware encoders that know no keys. */
export interface DatagramInputConfig {
  /** Unique within its stream. */
  readonly id: string
  readonly kind: 'udp' | 'rtp'
  readonly port: number
  /** Address to bind to, or the multicast group to join; null: the address that Mirror is bound to. */
  readonly address: string | null
}

/** An address that ffmpeg reads. */
export interface PullInputConfig {
  readonly id: string
  readonly kind: 'pull'
  /** May hold credentials: shown and logged only through `maskUrl`. */
  readonly url: string
  readonly isEnabled: boolean
}

export const MAX_INPUTS_PER_STREAM = 8

/** Ten years. */
export const MAX_RETENTION_MS = 3653 * 86_400_000

export const DEFAULT_STREAM_SETTINGS: StreamSettings = {
  segmentMs: 2000,
  partMs: 200,
  windowMs: 30_000,
  graceMs: 300_000,
  gop: 'auto',
  onBusy: 'refuse',
  switchAfterMs: 1000,
  returnAfterMs: 10_000,
  slate: null,
  inputs: [],
  dvr: { isEnabled: false, rewindMs: 4 * 3_600_000, retentionMs: 24 * 3_600_000 },
  tracks: [],
}

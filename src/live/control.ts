// What the control plane may ask of the media plane, and what it hears from it. Implemented by supervisor.ts.
import type { ConnectionRefusal } from '../core/connection-guard.ts'
import type { ArchiveAnswer, ArchiveRequest } from '../dvr/archive-requests.ts'
import type { CacheReport } from '../dvr/cache/segment-cache.ts'
import type { WriteMode } from '../dvr/drainer.ts'
import type { Growth } from '../dvr/growth.ts'
import type { DateRange } from '../hls/date-range.ts'
import type { MirrorEvent } from './events.ts'
import type { StreamSettings } from './settings.ts'

/** Milliseconds since 1970. */
export interface Hold {
  readonly fromMs: number
  /** Null: it goes on, and so the stream is recorded. */
  readonly toMs: number | null
}

/** A stream as the media plane knows it: what is needed to admit publishers and viewers without asking anybody. */
export interface RegisteredStream {
  readonly id: string
  readonly tenantId: string
  readonly settings: StreamSettings
  /** What playlists announce: those that may still reach into one. */
  readonly dateRanges: readonly DateRange[]
  /** What of its past is kept, however old it is. */
  readonly holds: readonly Hold[]
  /** HMACs of the accepted publish keys, hex. */
  readonly keyLookups: readonly string[]
}

export type StreamStatus = 'offline' | 'starting' | 'live' | 'interrupted' | 'ended'
export type InputProtocol = 'rtmp' | 'srt' | 'cmaf' | 'test' | 'udp' | 'rtp' | 'pull'

/** How one of the stream's configured inputs (settings) is doing. */
export interface ConfiguredInputStatus {
  readonly inputId: string
  /** `configured`: nothing arrives, and nothing is wrong with that. */
  readonly state: 'configured' | 'receiving' | 'failing'
  /** What went wrong last, in a sentence without secrets; null: nothing since it last worked. */
  readonly error: string | null
}

export interface TrackStatus {
  readonly id: string
  readonly kind: 'video' | 'audio' | 'subtitles'
  readonly codec: string
  readonly codecString: string
  readonly widthPx: number | null
  readonly heightPx: number | null
  readonly frameRate: number | null
  readonly sampleRateHz: number | null
  readonly channels: number | null
  readonly language: string | null
  readonly bitrateBps: number
  /** Viewer sessions that took this track within the last ten seconds. */
  readonly viewers: number
}

export interface InputStatus {
  readonly protocol: InputProtocol
  readonly connectedAtMs: number
  readonly receivedBytes: number
  /** Network figures where the protocol has them (SRT): round trip, lost and retransmitted packets. */
  readonly rttMs: number | null
  readonly packetsLost: number | null
  readonly packetsRetransmitted: number | null
  /** Lost for good: no retransmission came in time. */
  readonly packetsDropped: number | null
}

export interface SlateStatus {
  /** `waiting`: for the first publisher, whose tracks it must resemble. */
  readonly state: 'waiting' | 'preparing' | 'ready' | 'failed' | 'on_air'
  readonly error: string | null
}

/** One of the inputs that a stream has at the moment. */
export interface ConnectedInputStatus extends InputStatus {
  /** `push-1`, … for encoders that connected, `test-1` for the test source, else the id of the configured input. */
  readonly id: string
  readonly isConfigured: boolean
  readonly role: 'active' | 'standby'
  /** `starting`: nothing that could be shown has come yet. `silent`: no media for longer than `switchAfter`. */
  readonly health: 'healthy' | 'silent' | 'starting'
  /** Since when media comes without a silence. */
  readonly healthySinceMs: number | null
  readonly bitrateBps: number
  /** Whether its frames and timestamps are those of the active input, so that a switch is seamless; null for that itself. */
  readonly isSameFeed: boolean | null
  /** Put on air by request: it stays there while it works. */
  readonly isPinned: boolean
}

export interface LiveStatus {
  readonly id: string
  readonly status: StreamStatus
  readonly startedAtMs: number | null
  /** The input on air. */
  readonly input: InputStatus | null
  /** That and those which stand by. */
  readonly inputs: readonly ConnectedInputStatus[]
  readonly tracks: readonly TrackStatus[]
  readonly bitrateBps: number
  readonly fps: number
  readonly viewers: number
  /** From arrival of a sample to its part being fetchable, and from the media's own time to that; milliseconds over the last 10 s. */
  readonly packagingMs: Percentiles | null
  readonly latencyMs: Percentiles | null
  readonly discontinuitySequence: number
  readonly newestMsn: number | null
  /** Seconds between keyframes as seen last; null before the second keyframe. */
  readonly keyframeIntervalSec: number | null
  /** What an encoder's owner should change, in sentences; empty when all is well. */
  readonly advice: readonly string[]
  /** Counts since the stream's start, by cause. */
  readonly drops: Readonly<Record<string, number>>
  readonly repairs: Readonly<Record<string, number>>
  /** How often another input was put on air, by reason: silent, closed, returned, manual. */
  readonly switches: Readonly<Record<string, number>>
  /** Null: the stream has none. */
  readonly slate: SlateStatus | null
}

/** A status as the owner of the stream knows it: viewers are counted elsewhere. */
export type OwnerStatus = Omit<LiveStatus, 'viewers' | 'tracks'> & { readonly tracks: readonly OwnerTrackStatus[] }
export type OwnerTrackStatus = Omit<TrackStatus, 'viewers'>

export interface Percentiles {
  readonly p50: number
  readonly p95: number
}

/** A finished observation for the histograms, in seconds. */
export interface LatencyObservation {
  readonly streamId: string
  readonly stage: 'ingestion' | 'packaging' | 'segment' | 'e2e'
  readonly valuesSec: readonly number[]
}

/** How recording goes. Counts since the start of the archive thread. */
export interface DvrReport {
  readonly spoolBytes: number
  readonly spoolMaxBytes: number
  /** Start of the oldest segment that is not in its store yet; null when all are. */
  readonly oldestUnsavedAtMs: number | null
  /** How recordings lie in the store: an object for each segment, or packs of many. */
  readonly writeMode: WriteMode
  /** The most media that is nowhere but in the spool while the store takes what it is given: what a lost machine loses. */
  readonly rpoMs: number
  /** Null: nothing is kept of what is read out of the store. */
  readonly cache: CacheReport | null
  readonly streams: readonly {
    readonly streamId: string
    /** Safe on the disk. */
    readonly segments: number
    readonly bytes: number
    /** Not recorded: the disk was full or did not keep up. */
    readonly lost: number
    /** In the store and in the spool; null: not known yet. */
    readonly storedBytes: number | null
    readonly growth: Growth
  }[]
}

/** Where the bytes of a segment came from: the live window, the spool, the store, or a copy of what lies there. */
export const SEGMENT_SOURCES = ['memory', 'spool', 'store', 'cache'] as const
export type SegmentSource = (typeof SEGMENT_SOURCES)[number]
/** Whole segments that players asked for. */
export type ServedCounts = Readonly<Record<SegmentSource, number>>

/** Connections to the media port; all but `open` since the start. */
export interface ConnectionStatus {
  readonly open: number
  /** Idle ones that gave way when all places were taken. */
  readonly evicted: number
  readonly refused: Readonly<Record<ConnectionRefusal, number>>
}

export interface LiveControl extends AsyncDisposable {
  /** Takes effect in every media thread within milliseconds; settings of a live stream apply from its next session. */
  register(stream: RegisteredStream): void
  /** Ends its inputs and forgets it. */
  unregister(streamId: string): void
  /** Ends the current inputs; the encoder may reconnect. */
  restart(streamId: string): void
  /** Begins a configured input again: a new socket or a new ffmpeg, without the pause after failures. */
  restartInput(streamId: string, inputId: string): void
  /**
   * Puts a connected input on air, where it stays while it works. Throws `stream_not_found` or `input_not_ready`.
   */
  activateInput(streamId: string, inputId: string): Promise<void>
  /** Of every configured input that has told of itself; in no order. */
  configuredInputs(streamId: string): readonly ConfiguredInputStatus[]
  /** Throws `stream_not_found`, `stream_busy` or `ffmpeg_missing`; resolves when the test source is running. */
  startTestSource(streamId: string): Promise<void>
  stopTestSource(streamId: string): Promise<void>
  /** Null when the stream is not registered. At most about a second old. */
  status(streamId: string): LiveStatus | null
  statuses(): readonly LiveStatus[]
  connections(): ConnectionStatus
  /** Null until the archive thread has told of itself. */
  dvr(): DvrReport | null
  /** Since the start. */
  served(): ServedCounts
  /** Resolves when every media thread knows what it was told before, or after a second; never rejects. */
  synced(): Promise<void>
  /** Never rejects. */
  askArchive(request: ArchiveRequest): Promise<ArchiveAnswer>
  /** Returns the way to stop listening. Listeners must not throw. */
  onEvent(listener: (event: MirrorEvent) => void): () => void
  onStatus(listener: (statuses: readonly LiveStatus[]) => void): () => void
  onLatency(listener: (observation: LatencyObservation) => void): () => void
  /** Names of capabilities that are missing, with the catalogue's advice: SRT without libsrt, test source without ffmpeg. */
  health(): {
    readonly ready: boolean
    readonly problems: readonly { readonly code: string; readonly message: string }[]
  }
}

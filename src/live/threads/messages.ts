// What main thread, media workers and ingest thread say to each other. Peers talk over their own ports, so that media
// flows on while the main thread is busy.
import type { MessagePort } from 'node:worker_threads'
import type { ErrorCode } from '../../core/errors.ts'
import type { ArchiveAnswer, ArchiveRequest } from '../../dvr/archive-requests.ts'
import type { CacheOptions } from '../../dvr/cache/segment-cache.ts'
import type { WriteMode } from '../../dvr/drainer.ts'
import type { DeletedHour } from '../../dvr/retention.ts'
import type { SpoolLimits } from '../../dvr/spool/spool.ts'
import type { StoreLocation } from '../../storage/open-store.ts'
import type {
  ConfiguredInputStatus,
  ConnectionStatus,
  DvrReport,
  LatencyObservation,
  OwnerStatus,
  RegisteredStream,
  ServedCounts,
} from '../control.ts'
import type { MirrorEvent } from '../events.ts'
import type { FromOwner, ToOwner } from '../ingest/protocol.ts'
import type { SlateAnswer, SlateWish } from '../owner/slate.ts'
import type { Publication, SlabReleased } from '../publication.ts'

/** `ingest`, `archive`, or the number of a media worker. */
export type PeerName = 'ingest' | 'archive' | number

export interface CommonThreadData {
  readonly mediaWorkers: number
  readonly registry: readonly RegisteredStream[]
  /** HMAC key that publish keys are looked up with. */
  readonly keySecret: Uint8Array
  readonly maxPublishers: number
  /** One row per media worker, and the last one for the ingest thread. */
  readonly publisherCounts: SharedArrayBuffer
  /** As `parseAddressSet` reads it: no limits per address for these. */
  readonly trustedAddresses: string
  /** Differs between incarnations of a thread. */
  readonly incarnation: number
  /** A thread of this name died. */
  readonly isReplacement: boolean
}

/** Where timeline entries are kept and agreed on. */
export type TimelineLocation = StoreLocation | { readonly kind: 'postgres'; readonly url: string }

export interface ArchiveThreadData extends CommonThreadData {
  readonly spoolDir: string
  readonly limits: SpoolLimits
  readonly store: StoreLocation
  readonly writeMode: WriteMode
  /** Copies of what was read out of the store; null: none are kept. */
  readonly cache: CacheOptions | null
}

export interface MediaWorkerData extends CommonThreadData {
  readonly index: number
  readonly host: string
  readonly port: number
  readonly tls: { readonly cert: string; readonly key: string } | null
  readonly timeline: TimelineLocation
  /** Where recordings lie. */
  readonly store: StoreLocation
  /** HMAC key of addresses of assets. */
  readonly playbackKey: Uint8Array
  readonly windowMaxBytes: number
  readonly maxFragmentBytes: number
  /** A CMAF publisher that sends nothing for this long is ended. */
  readonly inputIdleMs: number
  /** Of all media workers together, counted in `connectionCounts`. */
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly connectionCounts: SharedArrayBuffer
  /** Folder of the built player page; null: not built. */
  readonly watchDir: string | null
  /** Main wants to hear of archived objects that viewers want. */
  readonly restoresOnPlay: boolean
}

export interface IngestThreadData extends CommonThreadData {
  readonly host: string
  readonly rtmpPort: number | null
  readonly srt: { readonly port: number; readonly latencyMs: number; readonly passphrase: string | null } | null
  readonly maxConnectionsPerAddress: number
  readonly ffmpegPath: string
}

export type ToThread =
  | { readonly kind: 'peer'; readonly name: PeerName; readonly port: MessagePort }
  | { readonly kind: 'register'; readonly stream: RegisteredStream }
  | { readonly kind: 'unregister'; readonly streamId: string }
  | { readonly kind: 'restart'; readonly streamId: string }
  | { readonly kind: 'restartInput'; readonly streamId: string; readonly inputId: string }
  | { readonly kind: 'slate'; readonly answer: SlateAnswer }
  | {
      readonly kind: 'activateInput'
      readonly requestId: number
      readonly streamId: string
      readonly inputId: string
    }
  | {
      readonly kind: 'testSource'
      readonly requestId: number
      readonly streamId: string
      readonly action: 'start' | 'stop'
    }
  | { readonly kind: 'archive'; readonly requestId: number; readonly request: ArchiveRequest }
  | { readonly kind: 'archiveCancel'; readonly requestId: number }
  /** Answered when everything sent before it has taken effect. */
  | { readonly kind: 'sync'; readonly requestId: number }
  /** Stop accepting, finish what is under way, exit. */
  | { readonly kind: 'drain' }

export type FromThread =
  | { readonly kind: 'ready'; readonly rtmpPort?: number | null; readonly srtPort?: number | null }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'event'; readonly event: MirrorEvent }
  /** Retention has taken an hour of a track. */
  | { readonly kind: 'expired'; readonly deleted: DeletedHour }
  /** A viewer wants an object that has to be restored first. */
  | { readonly kind: 'archived'; readonly key: string }
  | {
      readonly kind: 'log'
      readonly area: string
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly message: string
      readonly facts: Readonly<Record<string, unknown>>
    }
  | {
      readonly kind: 'report'
      readonly statuses: readonly OwnerStatus[]
      readonly latencies: readonly LatencyObservation[]
      readonly viewers: ViewerReport
      readonly connections: ConnectionStatus
      /** Since the last report. */
      readonly served: ServedCounts
    }
  /** `message` null: the subject works again. */
  | {
      readonly kind: 'problem'
      readonly subject: 'srt' | 'ffmpeg' | 'dvr-store' | 'dvr-spool'
      readonly code: ErrorCode
      readonly message: string | null
    }
  /** It will not go on by itself. */
  | { readonly kind: 'testSourceEnded'; readonly streamId: string }
  /** Answered by `slate`. */
  | { readonly kind: 'slateWish'; readonly wish: SlateWish }
  /** Answers what has a request id. `code` null: it was done. */
  | {
      readonly kind: 'done'
      readonly requestId: number
      readonly code: ErrorCode | null
      readonly message: string
    }
  /** `status` null: the input is gone. */
  | {
      readonly kind: 'inputStatus'
      readonly streamId: string
      readonly inputId: string
      readonly status: ConfiguredInputStatus | null
    }
  | { readonly kind: 'archiveAnswer'; readonly requestId: number; readonly answer: ArchiveAnswer }
  | { readonly kind: 'synced'; readonly requestId: number }
  | { readonly kind: 'dvrReport'; readonly report: DvrReport }
  | { readonly kind: 'drained' }

/** Sessions seen lately in one worker, hashed: stream id → [session, track]. */
export type ViewerReport = readonly {
  readonly streamId: string
  readonly sessions: readonly (readonly [string, string])[]
}[]

export type PeerMessage =
  | { readonly to: 'owner'; readonly message: ToOwner }
  | { readonly to: 'gate'; readonly message: FromOwner }
  | { readonly to: 'origin'; readonly batch: readonly Publication[] }
  /** To a worker that replaces the owner of the stream: what another one still has of it. */
  | { readonly to: 'handover'; readonly streamId: string; readonly batch: readonly Publication[] }
  | { readonly to: 'archive'; readonly requestId: number; readonly request: ArchiveRequest }
  /** Nobody waits for the answer any more. */
  | { readonly to: 'archiveCancel'; readonly requestId: number }
  | { readonly to: 'archiveAnswer'; readonly requestId: number; readonly answer: ArchiveAnswer }
  | { readonly to: 'slabs'; readonly released: SlabReleased }
  | { readonly to: 'registry'; readonly streamId: string; readonly isBusy: boolean }

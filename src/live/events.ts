// Things that happened, in the words that API, console, WebSocket and log share.
import type { ErrorCode } from '../core/errors.ts'
import type { RepairCause } from '../media/samples.ts'

export const EVENT_TYPES = [
  'stream.created',
  'stream.updated',
  'stream.deleted',
  'stream.started',
  'stream.stopped',
  'stream.error',
  'stream.warning',
  'stream.quality_change',
  'stream.input_connected',
  'stream.input_disconnected',
  'stream.input_switched',
  'stream.interrupted',
  'stream.resumed',
  'stream.viewers',
  'job.started',
  'job.done',
  'job.failed',
  'job.cancelled',
  'store.added',
  'store.probed',
  'store.removed',
  'recording.received',
  'recording.stored',
  'recording.verified',
  'recording.completed',
  'recording.failed',
  'recording.mismatch',
  'recording.deleted',
  'policy.changed',
  'policy.applied',
  'asset.created',
  'asset.updated',
  'asset.progress',
  'asset.ready',
  'asset.failed',
  'asset.deleted',
  'asset.restored',
  'asset.purged',
  'webhook.added',
  'webhook.disabled',
  'webhook.removed',
  'system.warning',
  'system.error',
] as const
export type EventType = (typeof EVENT_TYPES)[number]

/** Told while they happen, and of no interest afterwards: neither kept nor sent to webhooks. */
export const PASSING_EVENTS: ReadonlySet<EventType> = new Set(['stream.viewers', 'asset.progress'])

/** `code` says what exactly: an error of the catalogue, a repair, or one of the few below. */
export type EventCode =
  | ErrorCode
  | RepairCause
  | 'timeline_unconfirmed'
  | 'discontinuity'
  | 'worker_restarted'
  | 'media_silent'
  | 'media_returned'
  | 'segment_length_fixed'
  | 'slate_failed'
  | 'input_silent'
  | 'input_lost'
  | 'input_returned'
  | 'input_chosen'
  | 'dvr_segment_lost'
  | 'recording_truncated'
  | 'recording_differs'
  | 'catalog_backup_overdue'
  | 'catalog_backup_resumed'

export interface MirrorEvent {
  readonly type: EventType
  readonly severity: 'info' | 'warning' | 'error'
  readonly streamId: string | null
  /** Whose it is; omitted: the default tenant's. */
  readonly tenantId?: string
  readonly atMs: number
  readonly code: EventCode | null
  /** One sentence for a person. */
  readonly message: string
  readonly details: Readonly<Record<string, string | number | boolean>>
}

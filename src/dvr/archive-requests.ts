// What origin threads ask the archive thread, and what it answers.
import type { ErrorCode, ErrorDetails } from '../core/errors.ts'
import type { ObjectKey } from '../storage/object-store.ts'
import type { Location } from './archive.ts'
import type { TimeRange } from './hour-index.ts'
import type { RecordedType } from './recorded-presentation.ts'
import type { PastTrack } from './rewound-past.ts'
import type { TimeShift } from './time-shift.ts'

/** Of a registered stream, or of an asset (`assetStreamId`), whose tenant is told. */
type Of = { readonly streamId: string; readonly tenantId?: string }

export type ArchiveRequest =
  /** `notAt`: where it was said to be, and nothing was. */
  | (Of & { readonly kind: 'segment'; readonly trackId: string; readonly msn: number; readonly notAt?: ObjectKey })
  | (Of & { readonly kind: 'init'; readonly trackId: string; readonly name: string })
  | (Of & { readonly kind: 'multivariant'; readonly range: TimeShift })
  | (Of & {
      readonly kind: 'playlist'
      readonly trackId: string
      readonly range: TimeShift
      readonly type: RecordedType
    })
  | (Of & { readonly kind: 'ranges'; readonly range: TimeRange })
  /** What a live playlist that begins now lists of the time since then. */
  | (Of & { readonly kind: 'past'; readonly fromMs: number })

export type ArchiveAnswer =
  | { readonly kind: 'location'; readonly location: Location }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** A playlist. `isFinal`: it will not change any more. */
  | { readonly kind: 'text'; readonly gzip: Uint8Array; readonly isFinal: boolean }
  | { readonly kind: 'ranges'; readonly tracks: readonly RecordedRanges[] }
  | { readonly kind: 'past'; readonly tracks: readonly PastTrack[] }
  /** Nothing was recorded there, or it has expired. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly details?: ErrorDetails }

export interface RecordedRanges {
  readonly trackId: string
  readonly media: readonly TimeRange[]
  readonly gaps: readonly TimeRange[]
  readonly segments: number
  readonly bytes: number
}

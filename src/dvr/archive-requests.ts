// What origin threads ask the archive thread, and what it answers.
import type { ErrorCode, ErrorDetails } from '../core/errors.ts'
import type { ObjectKey } from '../storage/object-store.ts'
import type { Location } from './archive.ts'
import type { TimeRange } from './hour-index.ts'
import type { RecordedType } from './recorded-presentation.ts'
import type { PastTrack } from './rewound-past.ts'
import type { TimeShift } from './time-shift.ts'

export type ArchiveRequest =
  /** `notAt`: where it was said to be, and nothing was. */
  | {
      readonly kind: 'segment'
      readonly streamId: string
      readonly trackId: string
      readonly msn: number
      readonly notAt?: ObjectKey
    }
  | { readonly kind: 'init'; readonly streamId: string; readonly trackId: string; readonly name: string }
  | { readonly kind: 'multivariant'; readonly streamId: string; readonly range: TimeShift }
  | {
      readonly kind: 'playlist'
      readonly streamId: string
      readonly trackId: string
      readonly range: TimeShift
      readonly type: RecordedType
    }
  | { readonly kind: 'ranges'; readonly streamId: string; readonly range: TimeRange }
  /** What a live playlist that begins now lists of the time since then. */
  | { readonly kind: 'past'; readonly streamId: string; readonly fromMs: number }

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

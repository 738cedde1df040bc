// A recording of a call: what the PBX said of it, and what its bytes say.
import type { Tier } from '../../storage/tiers.ts'
import type { RecordingState } from './recording-state.ts'

/** What whoever sent it said about it; null: nothing. */
export interface RecordingClaims {
  readonly format: string | null
  readonly durationSec: number | null
  readonly channels: number | null
}

/** How the bytes differ from what was said. Reported, never hidden, and no failure: a truncated call is better than none. */
export interface RecordingIssue {
  readonly kind: 'truncated' | 'longer' | 'channels' | 'format' | 'checksum'
  /** One sentence for a person. */
  readonly message: string
}

/** Of bytes that are no longer kept. */
export interface OriginalFacts {
  readonly sha256: string
  readonly sizeBytes: number
  readonly format: string
  readonly codec: string
}

export interface RecordingRow {
  readonly id: string
  readonly tenantId: string
  /** Of the PBX. Several recordings may belong to one call. */
  readonly callId: string
  readonly legId: string | null
  readonly status: RecordingState
  /** An error of the catalogue; null: it has not failed. */
  readonly failureCode: string | null
  readonly failure: string | null
  /** Where it was pulled from, sealed (src/core/secrets.ts): addresses may hold credentials. Null: it was uploaded. */
  readonly sealedSourceUrl: string | null
  /** Where its bytes are, or will be. */
  readonly objectKey: string
  /** As the sender named it; null: it did not. */
  readonly fileName: string | null
  readonly said: RecordingClaims
  /** These are of the bytes; null: not known yet. */
  readonly contentType: string | null
  /** Short name of what holds the sound: `wav`, `mp3`, `ogg`. */
  readonly format: string | null
  readonly codec: string | null
  readonly sizeBytes: number | null
  /** Of all bytes, hex. */
  readonly sha256: string | null
  readonly durationMs: number | null
  readonly channels: number | null
  readonly sampleRateHz: number | null
  /** What came in, where its sound is kept compressed now; null: it is what is kept. */
  readonly original: OriginalFacts | null
  /** What was compressed, until the store is rid of it. */
  readonly replacedKey: string | null
  /** Where its waveform is. */
  readonly waveformKey: string | null
  readonly issues: readonly RecordingIssue[]
  readonly tier: Tier
  /** The version of the tenant's policy by which `scheduledDeletionAtMs` was fixed; null: the configuration's. */
  readonly policyId: string | null
  /** What the sender wants kept with it. */
  readonly metadata: Readonly<Record<string, unknown>>
  readonly movedToWarmAtMs: number | null
  /** Null: it is kept for ever. */
  readonly scheduledDeletionAtMs: number | null
  /** From then on it is not to be seen; its bytes go. */
  readonly deletedAtMs: number | null
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

/** What may change in the life of a recording. */
export type RecordingChange = Partial<Omit<RecordingRow, 'id' | 'tenantId' | 'createdAtMs' | 'updatedAtMs'>>

import type { Tier } from '../storage/tiers.ts'

/**
 * `intent` before anything is done, `verified` when the successor of what goes is whole, `done` when what was asked is so,
 * `failed` when it is not and nothing was changed.
 */
export const LEDGER_STATES = ['intent', 'verified', 'done', 'failed'] as const
export type LedgerState = (typeof LEDGER_STATES)[number]

/** One step of what happens to stored bytes. Steps are added, never changed. */
export interface LedgerEntry {
  readonly action: 'move' | 'restore' | 'delete' | 'compress'
  readonly state: LedgerState
  /** Of an object; ending with a slash: of everything below. */
  readonly key: string
  readonly streamId: string | null
  /** Null: of several, or it was not looked at. */
  readonly from: Tier | null
  readonly to: Tier | null
  readonly objects: number
  readonly bytes: number | null
  /** Of the bytes as they were read while they were copied, hex; null: nobody read them. */
  readonly sha256: string | null
  /** The job that does it; null: retention. */
  readonly jobId: string | null
  /** Of the job. */
  readonly attempt: number
  /** Why it failed, or what else there is to say. */
  readonly note: string | null
  readonly atMs: number
}

export interface LedgerRow extends LedgerEntry {
  readonly seq: number
}

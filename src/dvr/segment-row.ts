// A segment of a pack as one row of JSON: in the journal of the spool, and in what a stored pack says about itself. Pure.
import type { RecordedSegment } from './recorded-segment.ts'

/** `offset` within the pack, also for a gap, which has no bytes there. */
export interface PackedSegment extends RecordedSegment {
  readonly offset: number
}

export type SegmentRow = readonly [
  msn: number,
  dsn: number,
  startsAtMs: number,
  durationSec: number,
  initName: string | null,
  sizeBytes: number,
  sha256: string,
  offset: number,
]

export function rowOf(segment: PackedSegment): SegmentRow {
  const { msn, dsn, startsAtMs, durationSec, initName, sizeBytes, sha256, offset } = segment
  return [msn, dsn, startsAtMs, durationSec, initName, sizeBytes, sha256, offset]
}

/** Null: this is no row. */
export function segmentOf(row: unknown): PackedSegment | null {
  if (!Array.isArray(row) || row.length !== 8) return null
  const [msn, dsn, startsAtMs, durationSec, initName, sizeBytes, sha256, offset] = row as unknown as SegmentRow
  const numbers = [msn, dsn, startsAtMs, durationSec, sizeBytes, offset]
  if (!numbers.every(Number.isFinite) || typeof sha256 !== 'string') return null
  if (initName !== null && typeof initName !== 'string') return null
  return { msn, dsn, startsAtMs, durationSec, initName, sizeBytes, sha256, offset }
}

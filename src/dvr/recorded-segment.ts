/** What is known about one recorded segment, wherever its bytes lie. */
export interface RecordedSegment {
  /** Media sequence number: the cell. */
  readonly msn: number
  readonly dsn: number
  /** Presentation time of the first sample, milliseconds since 1970. */
  readonly startsAtMs: number
  readonly durationSec: number
  /** `init-<hash>.mp4`; null for a gap before the first media. */
  readonly initName: string | null
  /** 0 for a gap: the encoder was silent, or the segment could not be recorded. */
  readonly sizeBytes: number
  /** Of the bytes, hex; empty for a gap. */
  readonly sha256: string
}

/** Where the bytes of a segment lie within a file or object. */
export interface Span {
  readonly offset: number
  readonly length: number
}

export function isGap(segment: Pick<RecordedSegment, 'sizeBytes'>): boolean {
  return segment.sizeBytes === 0
}

export function endsAtMs({ startsAtMs, durationSec }: Pick<RecordedSegment, 'startsAtMs' | 'durationSec'>): number {
  return startsAtMs + durationSec * 1000
}

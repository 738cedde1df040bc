import { TIMELINE_EPOCH_MS } from '../media/timeline/cell.ts'
import type { TrackPath } from '../storage/keys.ts'
import type { IndexedSegment } from './hour-index.ts'
import type { Recording } from './spool/spool.ts'
import type { VideoFacts } from './track-facts.ts'

export const TRACK: TrackPath = { tenantId: 'default', streamId: 'demo', trackId: 'v0' }
export const HOUR_MS = Date.UTC(2026, 10, 21, 7)

export const FACTS: VideoFacts = {
  kind: 'video',
  cell: { num: 2, den: 1 },
  targetDurationSec: 4,
  hasIndependentSegments: false,
  codecs: 'avc1.64001f',
  widthPx: 1280,
  heightPx: 720,
  frameRate: { num: 30, den: 1 },
}

/** Number of the segment that starts `n` cells of two seconds after the full hour. */
export function msnOf(n: number): number {
  return (HOUR_MS - TIMELINE_EPOCH_MS) / 2000 + n
}

/** Segment `n` of two seconds after the full hour; every byte of it is `n`. */
export function recording(n: number, change: Partial<Recording> = {}): Recording {
  return {
    track: TRACK,
    facts: FACTS,
    init: { name: 'init-1.mp4', bytes: Buffer.from('init one') },
    segment: { msn: msnOf(n), dsn: 0, startsAtMs: HOUR_MS + n * 2000, durationSec: 2, initName: 'init-1.mp4' },
    buffers: [Buffer.alloc(60, n), Buffer.alloc(40, n)],
    ...change,
  }
}

export function indexed(n: number, change: Partial<IndexedSegment> = {}): IndexedSegment {
  const { segment } = recording(n)
  return { ...segment, sizeBytes: 100, sha256: `hash${n}`, placement: { kind: 'object' }, ...change }
}

export const GAP = { sizeBytes: 0, sha256: '', placement: null } as const

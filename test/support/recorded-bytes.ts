// What the process that is killed records: bytes that follow from the number, so that anybody can tell whether they are whole.
import { createHash } from 'node:crypto'
import type { WriteMode } from '../../src/dvr/drainer.ts'
import type { Retention } from '../../src/dvr/retention.ts'
import type { SpoolLimits } from '../../src/dvr/spool/spool.ts'
import type { TrackFacts } from '../../src/dvr/track-facts.ts'
import { TIMELINE_EPOCH_MS } from '../../src/media/timeline/cell.ts'
import type { TrackPath } from '../../src/storage/keys.ts'
import type { StoreLocation } from '../../src/storage/open-store.ts'
import type { MovingOrder } from './moving.ts'

export interface ChildOrder {
  readonly spoolDir: string
  readonly store: StoreLocation
  readonly mode: WriteMode
  /** By track, the number to go on with. */
  readonly next: Readonly<Record<string, number>>
  /** Omitted: nothing is moved. */
  readonly moving?: MovingOrder
}

/** Sixty segments an hour, so that hours begin and expire all the time. */
export const CELL_MS = 60_000
export const LIMITS: SpoolLimits = { maxBytes: 2 ** 26, packMs: 10 * CELL_MS, packBytes: 2 ** 20 }
export const RETENTION: Retention = { retentionMs: 4 * 3_600_000, holds: [] }
export const FIRST_MSN = (Date.UTC(2026, 10, 21) - TIMELINE_EPOCH_MS) / CELL_MS

export function startsAtMs(msn: number): number {
  return TIMELINE_EPOCH_MS + msn * CELL_MS
}

export function pathOf(trackId: string): TrackPath {
  return { tenantId: 'default', streamId: 'cam', trackId }
}

export function facts(trackId: string): TrackFacts {
  const common = { cell: { num: 60, den: 1 }, targetDurationSec: 120, hasIndependentSegments: false }
  if (trackId === 'v0') {
    return { ...common, kind: 'video', codecs: 'avc1.42c00b', widthPx: 160, heightPx: 90, frameRate: null }
  }
  const label = { language: 'und', name: null, role: null, isDefault: true }
  return { ...common, ...label, kind: 'audio', codecs: 'mp4a.40.2', codec: 'aac', channels: 2 }
}

export function segmentBytes(trackId: string, msn: number): Buffer {
  const line = createHash('sha256').update(`${trackId}/${msn}`).digest()
  return Buffer.alloc(500 + (msn % 7) * 700, line)
}

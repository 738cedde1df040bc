// A recorded past of hours, as the drainer leaves it: hour indexes of whole hours and a stream index. Of the media only a
// few segments an hour exist in full size; the rows of the index share them, so that days fit into the memory of a machine.
import { createHash, randomFillSync } from 'node:crypto'
import { hourOfCell } from '../../src/dvr/cell-hour.ts'
import type { IndexedSegment } from '../../src/dvr/hour-index.ts'
import { IndexStore } from '../../src/dvr/index-store.ts'
import type { VideoFacts } from '../../src/dvr/track-facts.ts'
import { TIMELINE_EPOCH_MS } from '../../src/media/timeline/cell.ts'
import { HOUR_MS, type Hour, packKey, recordedInitKey, type TrackPath } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'

export const SEGMENT_MS = 2000
const INIT_NAME = 'init-0123456789abcdef.mp4'

export const BENCH_FACTS: VideoFacts = {
  kind: 'video',
  cell: { num: 2, den: 1 },
  targetDurationSec: 4,
  hasIndependentSegments: false,
  codecs: 'avc1.64001f',
  widthPx: 1280,
  heightPx: 720,
  frameRate: { num: 30, den: 1 },
}

export interface History {
  readonly track: TrackPath
  readonly hours: number
  /** Segments that have media of their own, in no order of time. */
  readonly distinct: readonly number[]
  readonly fromMs: number
  readonly toMs: number
}

export interface HistoryWish {
  readonly streamId: string
  readonly hours: number
  /** The hour that begins now is not part of it. */
  readonly endsAtMs: number
  readonly segmentBytes: number
  /** With media of their own, in each hour. */
  readonly distinctPerHour: number
}

export async function putHistory(store: ObjectStore, wish: HistoryWish, signal: AbortSignal): Promise<History> {
  const { streamId, hours, segmentBytes, distinctPerHour } = wish
  const track: TrackPath = { tenantId: 'default', streamId, trackId: 'v0' }
  const toMs = Math.floor(wish.endsAtMs / HOUR_MS) * HOUR_MS
  const fromMs = toMs - hours * HOUR_MS
  const indexes = new IndexStore(store, Date.now)
  const distinct: number[] = []
  await store.put(recordedInitKey(track, INIT_NAME), Buffer.alloc(800), { signal, contentType: 'video/mp4' })
  for (let hourMs = fromMs; hourMs < toMs; hourMs += HOUR_MS) {
    const rows = await putHour(store, track, { hourMs, segmentBytes, distinctPerHour }, signal)
    const hour = hourOfCell(rows[0]?.msn ?? 0, BENCH_FACTS.cell)
    await indexes.addSegments(track, hour, BENCH_FACTS, rows, { signal })
    await indexes.addHour(track, BENCH_FACTS, hour, { signal })
    const step = rows.length / distinctPerHour
    for (let n = 0; n < distinctPerHour; n++) distinct.push(rows[Math.floor(n * step)]?.msn ?? 0)
  }
  return { track, hours, distinct, fromMs, toMs }
}

async function putHour(
  store: ObjectStore,
  track: TrackPath,
  wish: { readonly hourMs: number; readonly segmentBytes: number; readonly distinctPerHour: number },
  signal: AbortSignal,
): Promise<readonly IndexedSegment[]> {
  const { hourMs, segmentBytes, distinctPerHour } = wish
  const count = HOUR_MS / SEGMENT_MS
  const firstMsn = (hourMs - TIMELINE_EPOCH_MS) / SEGMENT_MS
  const media = Array.from({ length: distinctPerHour }, () => randomFillSync(Buffer.alloc(segmentBytes)))
  const hashes = media.map((bytes) => createHash('sha256').update(bytes).digest('hex'))
  const id = `bench-${firstMsn}`
  const rows = Array.from({ length: count }, (_, index): IndexedSegment => {
    const which = Math.floor((index * distinctPerHour) / count)
    return {
      msn: firstMsn + index,
      dsn: 0,
      startsAtMs: hourMs + index * SEGMENT_MS,
      durationSec: SEGMENT_MS / 1000,
      initName: INIT_NAME,
      sizeBytes: segmentBytes,
      sha256: hashes[which] ?? '',
      placement: { kind: 'pack', id, offset: which * segmentBytes, length: segmentBytes },
    }
  })
  const hour: Hour = hourOfCell(firstMsn, BENCH_FACTS.cell)
  const put = { signal, contentType: 'application/octet-stream' }
  await store.put(packKey(track, hour, id), Buffer.concat(media), put)
  return rows
}

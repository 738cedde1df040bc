// From the row of a recording, and what the archive found of it, to what the API shows. Pure.
import type { DvrRecordingRow } from '../catalog/types.ts'
import type { RecordedRanges } from '../dvr/archive-requests.ts'
import type { DvrRecordingDetailView, DvrRecordingView } from './dvr-contract.ts'
import { type Addresses, mediaUrl } from './stream-urls.ts'
import { isoTime } from './stream-view.ts'

export function renderDvrRecording(row: DvrRecordingRow, isLive: boolean, addresses: Addresses): DvrRecordingView {
  const { id, streamId, title, startsAtMs, endsAtMs, failure } = row
  return {
    id,
    streamId,
    title,
    state: stateOf(row, isLive),
    cause: failure,
    startedAt: isoTime(startsAtMs),
    endedAt: endsAtMs === null ? null : isoTime(endsAtMs),
    playlist: failure === null ? playlistOf(row, addresses) : null,
  }
}

export function renderDvrRecordingDetail(
  row: DvrRecordingRow,
  isLive: boolean,
  tracks: readonly RecordedRanges[],
  addresses: Addresses,
  nowMs: number,
): DvrRecordingDetailView {
  // Video tells what can be watched; without video the first track does.
  const shown = tracks.find(({ trackId }) => trackId.startsWith('v')) ?? tracks[0]
  const span = { fromMs: row.startsAtMs, toMs: row.endsAtMs ?? nowMs }
  return {
    ...renderDvrRecording(row, isLive, addresses),
    durationSec: (shown?.media ?? []).reduce((sum, range) => sum + overlapMs(range, span) / 1000, 0),
    bytes: tracks.reduce((sum, { bytes }) => sum + bytes, 0),
    segments: tracks.reduce((sum, { segments }) => sum + segments, 0),
    gaps: (shown?.gaps ?? []).map(({ fromMs, toMs }) => ({ from: isoTime(fromMs), to: isoTime(toMs) })),
  }
}

/** One that runs while nothing is live goes on by itself when the stream does, also after Mirror was restarted. */
function stateOf({ endsAtMs, failure }: DvrRecordingRow, isLive: boolean): DvrRecordingView['state'] {
  if (failure !== null) return 'failed'
  if (endsAtMs !== null) return 'complete'
  return isLive ? 'active' : 'interrupted'
}

function playlistOf({ streamId, startsAtMs, endsAtMs }: DvrRecordingRow, addresses: Addresses): string {
  const end = endsAtMs === null ? '' : `&end=${endsAtMs}`
  return `${mediaUrl(addresses)}/stream/${streamId}/playlist.m3u8?start=${startsAtMs}${end}`
}

interface Range {
  readonly fromMs: number
  readonly toMs: number
}

function overlapMs(left: Range, right: Range): number {
  return Math.max(0, Math.min(left.toMs, right.toMs) - Math.max(left.fromMs, right.fromMs))
}

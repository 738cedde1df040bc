// From what the archive found to what the API shows. Pure.
import type { RecordedRanges } from '../dvr/archive-requests.ts'
import type { TimeRange } from '../dvr/hour-index.ts'
import type { DvrReport } from '../live/control.ts'
import type { DvrSettingsView, DvrView } from './contract.ts'
import { type Addresses, mediaUrl } from './stream-urls.ts'
import { isoTime } from './stream-view.ts'

export function renderRecordings(
  streamId: string,
  settings: DvrSettingsView,
  tracks: readonly RecordedRanges[],
  range: TimeRange,
  report: DvrReport | null,
  addresses: Addresses,
  nowMs: number,
): DvrView {
  const counts = report?.streams.find((stream) => stream.streamId === streamId)
  // Video tells what can be watched; without video the first track does.
  const shown = tracks.find(({ trackId }) => trackId.startsWith('v')) ?? tracks[0]
  const media = shown?.media ?? []
  return {
    ...settings,
    from: isoTime(range.fromMs),
    to: isoTime(range.toMs),
    ranges: media.map(renderRange),
    gaps: (shown?.gaps ?? []).map(renderRange),
    durationSec: media.reduce((sum, { fromMs, toMs }) => sum + (toMs - fromMs) / 1000, 0),
    bytes: tracks.reduce((sum, { bytes }) => sum + bytes, 0),
    segments: tracks.reduce((sum, { segments }) => sum + segments, 0),
    tracks: tracks.map(({ trackId, segments, bytes }) => ({ id: trackId, segments, bytes })),
    playlist: media.length === 0 ? null : playlistUrl(addresses, streamId, range, nowMs),
    recordedSegments: counts?.segments ?? 0,
    lostSegments: counts?.lost ?? 0,
    spool: {
      bytes: report?.spoolBytes ?? 0,
      maxBytes: report?.spoolMaxBytes ?? 0,
      oldestUnsavedAt: report?.oldestUnsavedAtMs == null ? null : isoTime(report.oldestUnsavedAtMs),
    },
  }
}

function playlistUrl(addresses: Addresses, streamId: string, { fromMs, toMs }: TimeRange, nowMs: number): string {
  const end = toMs < nowMs ? `&end=${Math.floor(toMs)}` : ''
  return `${mediaUrl(addresses)}/stream/${streamId}/playlist.m3u8?start=${Math.floor(fromMs)}${end}`
}

function renderRange({ fromMs, toMs }: TimeRange): { readonly from: string; readonly to: string } {
  return { from: isoTime(fromMs), to: isoTime(toMs) }
}

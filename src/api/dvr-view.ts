// From what the archive found to what the API shows. Pure.
import type { RecordedRanges } from '../dvr/archive-requests.ts'
import type { TimeRange } from '../dvr/hour-index.ts'
import type { DvrReport } from '../live/control.ts'
import type { DvrOverviewView, DvrSettingsView, DvrView } from './dvr-contract.ts'
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
    ...(report !== null && counts === undefined ? NOTHING_KEPT : renderGrowth(counts)),
    ...renderStore(report, nowMs),
  }
}

/** All streams together. */
export function renderDvrOverview(recordedStreams: number, report: DvrReport | null, nowMs: number): DvrOverviewView {
  const streams = (report?.streams ?? []).map((stream) => ({
    id: stream.streamId,
    ...renderGrowth(stream),
    lostSegments: stream.lost,
  }))
  return {
    recordedStreams,
    storedBytes: sumOf(streams.map(({ storedBytes }) => storedBytes)),
    bytesPerHour: sumOf(streams.map(({ bytesPerHour }) => bytesPerHour)),
    bytesPerDayForecast: sumOf(streams.map(({ bytesPerDayForecast }) => bytesPerDayForecast)),
    ...renderStore(report, nowMs),
    streams: streams.toSorted(
      (a, b) =>
        (b.bytesPerDayForecast ?? 0) - (a.bytesPerDayForecast ?? 0) || (b.storedBytes ?? 0) - (a.storedBytes ?? 0),
    ),
  }
}

/** A stream that was never recorded is in no report. */
const NOTHING_KEPT = { storedBytes: 0, bytesPerHour: null, bytesPerDayForecast: null }

function renderGrowth(stream: DvrReport['streams'][number] | undefined) {
  return {
    storedBytes: stream?.storedBytes ?? null,
    bytesPerHour: stream?.growth.bytesPerHour ?? null,
    bytesPerDayForecast: stream?.growth.bytesPerDay ?? null,
  }
}

function renderStore(report: DvrReport | null, nowMs: number): Pick<DvrOverviewView, 'write' | 'rpoSec' | 'spool'> {
  const oldestAtMs = report?.oldestUnsavedAtMs ?? null
  return {
    write: report?.writeMode ?? null,
    rpoSec: report === null ? null : report.rpoMs / 1000,
    spool: {
      bytes: report?.spoolBytes ?? 0,
      maxBytes: report?.spoolMaxBytes ?? 0,
      oldestUnsavedAt: oldestAtMs === null ? null : isoTime(oldestAtMs),
      oldestUnsavedSec: oldestAtMs === null ? 0 : Math.max(0, (nowMs - oldestAtMs) / 1000),
    },
  }
}

/** Of what is known; null when nothing is known of any. */
function sumOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 && values.length > 0 ? null : known.reduce((sum, value) => sum + value, 0)
}

function playlistUrl(addresses: Addresses, streamId: string, { fromMs, toMs }: TimeRange, nowMs: number): string {
  const end = toMs < nowMs ? `&end=${Math.floor(toMs)}` : ''
  return `${mediaUrl(addresses)}/stream/${streamId}/playlist.m3u8?start=${Math.floor(fromMs)}${end}`
}

function renderRange({ fromMs, toMs }: TimeRange): { readonly from: string; readonly to: string } {
  return { from: isoTime(fromMs), to: isoTime(toMs) }
}

// Playlists of a range of a recording. Pure.
import { scaleFloor, toNumber } from '../core/rational.ts'
import { type AudioRendition, renderMultivariantPlaylist, type VideoRendition } from '../hls/multivariant-playlist.ts'
import { recordedVersion } from '../hls/recorded-playlist.ts'
import { TIMELINE_EPOCH_MS } from '../media/timeline/cell.ts'
import { trackOrder } from '../media/track-id.ts'
import { endsAtMs, isGap, type RecordedSegment } from './recorded-segment.ts'
import type { TrackFacts } from './track-facts.ts'

export interface PresentedTrack {
  readonly id: string
  readonly facts: TrackFacts
  readonly segments: readonly RecordedSegment[]
}

export type RecordedType = 'VOD' | 'EVENT'

/** An open-ended range is over when nothing was recorded for this long. */
const ENDS_AFTER_MS = 10 * 60_000

/** Whether an end has come that nothing changes any more. */
export function isOver(
  segments: readonly RecordedSegment[],
  { toMs, nowMs }: { readonly toMs: number | null; readonly nowMs: number },
): boolean {
  const last = segments.at(-1)
  const recordedToMs = last === undefined ? Number.NEGATIVE_INFINITY : endsAtMs(last)
  if (toMs !== null && recordedToMs >= toMs) return true
  // What is recorded reaches the index within a minute or so; an end in the past waits for it.
  const waitedFromMs = Math.max(recordedToMs, toMs ?? Number.NEGATIVE_INFINITY)
  return nowMs - waitedFromMs >= ENDS_AFTER_MS
}

/** `query` is appended to each address, so that a player asks for the same range of every track. */
export function renderRecordedMultivariant(
  tracks: readonly PresentedTrack[],
  { query, mayHaveGaps }: { readonly query: string; readonly mayHaveGaps: boolean },
): string {
  const ordered = tracks.filter(hasMedia).toSorted((a, b) => trackOrder(a.id) - trackOrder(b.id))
  return renderMultivariantPlaylist({
    version: recordedVersion({ mayHaveGaps, hasInit: true }),
    video: ordered.flatMap(({ id, facts, segments }): VideoRendition[] =>
      facts.kind === 'video'
        ? [{ ...facts, ...ratesOf(segments), iFrames: null, uri: `${id}/playlist.m3u8${query}` }]
        : [],
    ),
    audio: ordered.flatMap(({ id, facts, segments }): AudioRendition[] =>
      facts.kind === 'audio' ? [{ ...facts, ...ratesOf(segments), uri: `${id}/playlist.m3u8${query}` }] : [],
    ),
    subtitles: ordered.flatMap(({ id, facts }) =>
      facts.kind === 'subtitles' ? [{ ...facts, uri: `${id}/playlist.m3u8${query}` }] : [],
    ),
    captions: null,
    hasIndependentSegments: ordered.every(({ facts }) => facts.hasIndependentSegments),
  })
}

/** What holes are filled with; without it each is like the segment before. */
export interface HoleRule {
  /** Discontinuity number of a cell; null: that of the cell before. */
  readonly dsnOf: (msn: number) => number | null
  /** Gaps go on to the cell before this one. */
  readonly untilMsn: number
}

export type Listed = Omit<RecordedSegment, 'sha256'>

/**
 * Every cell has a segment: a number that is missing (Mirror was down, the disk was full) becomes a gap, from the end of
 * the one before to the start of the next cell.
 */
export function withoutHoles(segments: readonly Listed[], facts: TrackFacts, rule?: HoleRule): readonly Listed[] {
  const whole: Listed[] = []
  for (const segment of segments) {
    const previous = whole.at(-1)
    if (previous !== undefined && segment.msn !== previous.msn + 1) {
      whole.push(...gapsBetween(previous, segment, facts, rule))
    }
    whole.push(segment)
  }
  if (rule !== undefined) {
    const next = { msn: rule.untilMsn, startsAtMs: cellStartMs(rule.untilMsn, facts.cell) }
    whole.push(...gapsBetween(whole.at(-1), next, facts, rule))
  }
  return whole
}

/** Gaps for the numbers between two segments; none when nothing comes before. */
export function gapsBetween(
  previous: Listed | undefined,
  next: Pick<Listed, 'msn' | 'startsAtMs'>,
  { cell, targetDurationSec }: TrackFacts,
  rule?: HoleRule,
): readonly Listed[] {
  if (previous === undefined) return []
  const gaps: Listed[] = []
  // Program-date-time strays from media time by a correction; within a hole that of its end holds.
  const strayMs = Math.min(next.startsAtMs - cellStartMs(next.msn, cell), toNumber(cell) * 1000)
  let { dsn } = previous
  let startsAtMs = endsAtMs(previous)
  for (let msn = previous.msn + 1; msn < next.msn; msn += 1) {
    dsn = rule?.dsnOf(msn) ?? dsn
    const lastsMs = cellStartMs(msn + 1, cell) + strayMs - startsAtMs
    const durationSec = Math.min(Math.max(lastsMs, 1) / 1000, targetDurationSec)
    gaps.push({ msn, dsn, initName: previous.initName, startsAtMs, durationSec, sizeBytes: 0 })
    startsAtMs += durationSec * 1000
  }
  return gaps
}

function cellStartMs(msn: number, cell: TrackFacts['cell']): number {
  return TIMELINE_EPOCH_MS + scaleFloor(msn, 1000 * cell.num, cell.den)
}

function hasMedia({ segments }: PresentedTrack): boolean {
  return segments.some((segment) => !isGap(segment))
}

/** RFC 8216bis 4.4.6.2: peaks count segments of at least half a target duration; here of half a second, as live does. */
function ratesOf(segments: readonly RecordedSegment[]): { readonly peakBps: number; readonly averageBps: number } {
  let bits = 0
  let seconds = 0
  let peakBps = 0
  let shortPeakBps = 0
  for (const { sizeBytes, durationSec } of segments) {
    if (sizeBytes === 0) continue
    bits += sizeBytes * 8
    seconds += durationSec
    const bps = (sizeBytes * 8) / durationSec
    if (durationSec >= 0.5) peakBps = Math.max(peakBps, bps)
    else shortPeakBps = Math.max(shortPeakBps, bps)
  }
  const averageBps = Math.ceil(bits / seconds)
  // A short end that does not count as a peak may still lift the average above all that do.
  return { peakBps: Math.max(Math.ceil(peakBps === 0 ? shortPeakBps : peakBps), averageBps), averageBps }
}

// A timeline entry maps an input clock to wall-clock media time. It is immutable and shared through a store, which is
// what makes two origins agree on names and bytes. Rules: docs/decisions/timeline.md, "Timeline entries".
import { z } from 'zod'
import { scaleRound, toNumber } from '../../core/rational.ts'
import type { InputClock } from '../samples.ts'
import { TIMELINE_EPOCH_SEC } from './cell.ts'
import { type DriftPoint, driftSec } from './drift.ts'
import { snapToFrames } from './frame-grid.ts'
import { unwrapNear } from './unwrap.ts'

const rationalSchema = z.object({ num: z.int().positive(), den: z.int().positive() })

const entryTrackSchema = z.object({
  id: z.string(),
  /** Ticks per second of the input clock. */
  ticksPerSec: z.int().positive(),
  /** Decode time of the track's first sample, in input ticks, as it came (not unwrapped). */
  firstTimestamp: z.number(),
  /** Ticks per second of the media we write. */
  timescale: z.int().positive(),
  /** Length of a frame in our ticks; null when frames have no fixed length. */
  frameTicks: z.int().positive().nullable(),
  /** Frames per second that timestamps are snapped to. */
  rate: rationalSchema.nullable(),
})

export const timelineEntrySchema = z.object({
  version: z.literal(1),
  /** Discontinuity sequence number. */
  dsn: z.int().nonnegative(),
  /** Cell length in seconds. */
  cell: rationalSchema,
  clock: z.enum(['ts', 'rtmp', 'media', 'epoch']),
  /** Microseconds since 1970 of the first track's first sample. */
  epochUs: z.int(),
  configHash: z.string(),
  tracks: z.array(entryTrackSchema).min(1).max(48),
  createdAtMs: z.int(),
  /** Of an entry that goes on with a playlist, the first cell: there every track begins with the first picture. */
  startCell: z.int().nonnegative().optional(),
})

export type TimelineEntry = z.infer<typeof timelineEntrySchema>
export type EntryTrack = z.infer<typeof entryTrackSchema>

/** fMP4 decode times from here on are seconds since 1970 (DASH-IF live media ingest, "epoch locked"). */
const EPOCH_CLOCK_FROM_SEC = 1_000_000_000
/** An epoch clock further than this from the arrival is an encoder with a wrong clock: mapped like any other. */
const EPOCH_CLOCK_TOLERANCE_SEC = 3600
/** An entry is adopted when it puts the first sample this near to its arrival. */
const ADOPT_WITHIN_SEC = 2

export function clockKind(clock: InputClock, firstTimestamp: number, arrivedAtMs: number): TimelineEntry['clock'] {
  if (clock.kind !== 'media') return clock.kind
  const sec = firstTimestamp / clock.ticksPerSec
  return sec >= EPOCH_CLOCK_FROM_SEC && Math.abs(sec - arrivedAtMs / 1000) <= EPOCH_CLOCK_TOLERANCE_SEC
    ? 'epoch'
    : 'media'
}

/** What a new input shows of itself before it is decided which entry maps it. */
export interface FirstSight {
  readonly clock: TimelineEntry['clock']
  readonly configHash: string
  /** The first sample of the first track. */
  readonly trackId: string
  readonly timestamp: number
  readonly ticksPerSec: number
  readonly arrivedAtMs: number
  /**
   * Number of the entry that another input was on until now. Clocks of different encoders may be near each other by
   * chance, so only one that counts from 1970 goes on with it.
   */
  readonly relievedDsn?: number | null
}

/** Seconds since 1970 of a time of the input clock, for what has no frames to be snapped to and never wraps: text. */
export function entrySec({ clock, epochUs, tracks }: TimelineEntry, inputSec: number): number {
  const first = tracks[0]
  if (clock === 'epoch' || first === undefined) return inputSec
  return epochUs / 1e6 + inputSec - first.firstTimestamp / first.ticksPerSec
}

/** Whether two entries map every timestamp alike. */
export function isSameMap(a: TimelineEntry, b: TimelineEntry): boolean {
  return JSON.stringify({ ...a, createdAtMs: 0 }) === JSON.stringify({ ...b, createdAtMs: 0 })
}

/** Whether the input continues on this entry, whose clock is known to have drifted as `point` tells. */
export function canAdopt(entry: TimelineEntry, sight: FirstSight, point: DriftPoint | null): boolean {
  if (!isSameInput(entry, sight)) return false
  const track = entry.tracks.find((candidate) => candidate.id === sight.trackId)
  if (track === undefined) return false
  if (entry.clock === 'epoch') return true
  if (entry.dsn === sight.relievedDsn) return false
  const elapsed = elapsedNear(entry, track, sight)
  const mappedSec = entryStartSec(entry, track) + elapsed / track.ticksPerSec
  const msn = Math.floor((mappedSec - TIMELINE_EPOCH_SEC) / toNumber(entry.cell))
  return Math.abs(mappedSec + driftSec(point, entry.cell, msn) - sight.arrivedAtMs / 1000) <= ADOPT_WITHIN_SEC
}

/** Whether the entry was made for an input like this one; the clock is another question. */
export function isSameInput(entry: TimelineEntry, sight: FirstSight): boolean {
  if (entry.clock !== sight.clock || entry.configHash !== sight.configHash) return false
  const track = entry.tracks.find((candidate) => candidate.id === sight.trackId)
  return track !== undefined && track.ticksPerSec === sight.ticksPerSec
}

function wrapBitsOf(entry: TimelineEntry): 32 | 33 | null {
  return entry.clock === 'ts' ? 33 : entry.clock === 'rtmp' ? 32 : null
}

/** Seconds since 1970 of a track's first sample. */
function entryStartSec(entry: TimelineEntry, track: EntryTrack): number {
  return entry.epochUs / 1e6 + offsetFromFirstTrackSec(entry, track)
}

function offsetFromFirstTrackSec(entry: TimelineEntry, track: EntryTrack): number {
  const first = entry.tracks[0]
  if (first === undefined || first.id === track.id) return 0
  const firstInTrackTicks = (first.firstTimestamp / first.ticksPerSec) * track.ticksPerSec
  return (
    (unwrapNear(track.firstTimestamp, firstInTrackTicks, wrapBitsOf(entry)) - firstInTrackTicks) / track.ticksPerSec
  )
}

/** Input ticks since the track's first timestamp, choosing the wrap that lies nearest to the arrival. */
function elapsedNear(
  entry: TimelineEntry,
  track: EntryTrack,
  sight: Pick<FirstSight, 'timestamp' | 'arrivedAtMs'>,
): number {
  const expected = (sight.arrivedAtMs / 1000 - entryStartSec(entry, track)) * track.ticksPerSec
  return unwrapNear(sight.timestamp - track.firstTimestamp, expected, wrapBitsOf(entry))
}

/** Maps one track's input timestamps to media ticks since TIMELINE_EPOCH_MS. Keeps only the unwrapped neighbour. */
export class TrackMap {
  readonly track: EntryTrack
  readonly #anchorTicks: number
  readonly #entry: TimelineEntry
  #lastElapsed: number | null = null

  constructor(entry: TimelineEntry, track: EntryTrack) {
    this.track = track
    this.#entry = entry
    this.#anchorTicks = anchorTicks(entry, track)
  }

  /** Input ticks since the track's first timestamp, unwrapped. `arrivedAtMs` matters only for the first one. */
  elapsed(timestamp: number, arrivedAtMs: number): number {
    const since = timestamp - this.track.firstTimestamp
    if (this.#lastElapsed !== null) return unwrapNear(since, this.#lastElapsed, wrapBitsOf(this.#entry))
    return this.#entry.clock === 'epoch' ? since : elapsedNear(this.#entry, this.track, { timestamp, arrivedAtMs })
  }

  /** Remembers where the clock stands, so that the next wrap is found. */
  advance(elapsed: number): void {
    this.#lastElapsed = elapsed
  }

  /** Media ticks of an elapsed input time, and whether it lay on the frame grid. */
  toTicks(elapsed: number): { readonly ticks: number; readonly isOnGrid: boolean } {
    const { ticksPerSec, timescale, rate, frameTicks } = this.track
    if (rate !== null && frameTicks !== null) {
      const frames = snapToFrames(elapsed, ticksPerSec, rate)
      if (frames !== null) return { ticks: this.#anchorTicks + frames * frameTicks, isOnGrid: true }
    }
    return { ticks: this.#anchorTicks + scaleRound(elapsed, timescale, ticksPerSec), isOnGrid: false }
  }

  /** A composition offset in input ticks → media ticks, on the frame grid where it fits. */
  offsetToTicks(cto: number): number {
    const { ticksPerSec, timescale, rate, frameTicks } = this.track
    if (cto === 0) return 0
    if (rate !== null && frameTicks !== null) {
      const frames = snapToFrames(cto, ticksPerSec, rate)
      if (frames !== null) return frames * frameTicks
    }
    return Math.round((cto * timescale) / ticksPerSec)
  }
}

/** Media ticks of the track's first sample: the entry's microsecond anchor plus the track's own offset, rounded once. */
function anchorTicks(entry: TimelineEntry, track: EntryTrack): number {
  if (entry.clock === 'epoch') {
    return scaleRound(track.firstTimestamp, track.timescale, track.ticksPerSec) - TIMELINE_EPOCH_SEC * track.timescale
  }
  const sinceEpochUs = entry.epochUs - TIMELINE_EPOCH_SEC * 1_000_000
  return (
    scaleRound(sinceEpochUs, track.timescale, 1_000_000) +
    Math.round(offsetFromFirstTrackSec(entry, track) * track.timescale)
  )
}

// Between demuxer and packager: input timestamps become media time, jitter is snapped, jumps are gated.
import type { InputSample, Repair } from '../samples.ts'
import { TIMELINE_EPOCH_SEC } from './cell.ts'
import { type TimelineEntry, TrackMap } from './entry.ts'

/** A sample on the media timeline; ticks of its track's output timescale. */
export interface TimedSample {
  readonly dts: number
  readonly cto: number
  /** Nominal length, or null when only the next sample will tell. */
  readonly duration: number | null
  readonly isKeyframe: boolean
  readonly data: Uint8Array
  readonly arrivedAtMs: number
}

export type TimingResult =
  /** `mediaSec`: where the clock puts it, in seconds since 1970. */
  | { readonly kind: 'sample'; readonly sample: TimedSample; readonly mediaSec: number }
  /** The same media came once more: an encoder repeats the fragment that a reconnect had cut (DASH-IF live media ingest). */
  | { readonly kind: 'repeated' }
  /** The input clock was changed: this sample needs a new timeline entry. */
  | { readonly kind: 'jump'; readonly bySec: number }
  /** The track is not part of the entry. */
  | { readonly kind: 'unknown_track' }

/** A step beyond this is a new clock, unless the new time fits its arrival (then media was lost in between). */
const JUMP_FORWARD_SEC = 10
/** A smaller step forward is one when it leads ahead of the arrival, which no loss or delay explains. */
const JUMP_AHEAD_SEC = 2
const JUMP_BACKWARD_SEC = 0.5
/** Still smaller jumps add up: one that leaves its clock so far from the arrival that no entry would be adopted is one, too. */
const JUMP_TELLING_SEC = 0.2
const FITS_ARRIVAL_WITHIN_SEC = 2
/** Fragments that are sent again are no older than this. */
const REPEATED_WITHIN_SEC = 10

interface TrackState {
  readonly map: TrackMap
  lastElapsed: number | null
  lastStepSec: number | null
  lastDts: number
}

/** Applies one timeline entry to one input. */
export class Timing {
  readonly entry: TimelineEntry
  readonly #tracks = new Map<string, TrackState>()
  readonly #onRepair: (repair: Repair) => void
  /** In fragmented MP4 decode times never fall. */
  readonly #isFragmented: boolean
  readonly #driftSecAt: (mediaSec: number) => number

  /** `driftSecAt`: seconds that wall-clock time lies after a media time, as far as it is known. */
  constructor(
    entry: TimelineEntry,
    onRepair: (repair: Repair) => void,
    driftSecAt: (mediaSec: number) => number = () => 0,
  ) {
    this.entry = entry
    this.#onRepair = onRepair
    this.#driftSecAt = driftSecAt
    this.#isFragmented = entry.clock === 'media' || entry.clock === 'epoch'
    for (const track of entry.tracks) {
      this.#tracks.set(track.id, {
        map: new TrackMap(entry, track),
        lastElapsed: null,
        lastStepSec: null,
        lastDts: Number.NEGATIVE_INFINITY,
      })
    }
  }

  /** Whether the sample lies at or before what was placed last: a second input repeats what the first one brought. */
  isBehind(sample: InputSample, arrivedAtMs: number): boolean {
    const state = this.#tracks.get(sample.trackId)
    if (state === undefined || state.lastElapsed === null) return false
    return state.map.elapsed(sample.dts, arrivedAtMs) <= state.lastElapsed
  }

  place(sample: InputSample, arrivedAtMs: number): TimingResult {
    const state = this.#tracks.get(sample.trackId)
    if (state === undefined) return { kind: 'unknown_track' }
    const { map } = state
    const { timescale, ticksPerSec, frameTicks } = map.track
    const elapsed = map.elapsed(sample.dts, arrivedAtMs)
    const { ticks, isOnGrid } = map.toTicks(elapsed)
    const mediaSec = ticks / timescale + TIMELINE_EPOCH_SEC

    if (state.lastElapsed !== null) {
      const stepSec = (elapsed - state.lastElapsed) / ticksPerSec
      const behindSec = arrivedAtMs / 1000 - mediaSec - this.#driftSecAt(mediaSec)
      const isRepeated = stepSec <= 0 && stepSec >= -REPEATED_WITHIN_SEC && behindSec <= REPEATED_WITHIN_SEC
      if (isRepeated && this.#isFragmented) {
        this.#onRepair({
          cause: 'timestamp_backward',
          trackId: sample.trackId,
          count: 1,
          detail: 'media that had been received came again and was left out',
        })
        return { kind: 'repeated' }
      }
      if (isJump(stepSec, state.lastStepSec ?? stepSec, behindSec)) return { kind: 'jump', bySec: stepSec }
      state.lastStepSec = stepSec
    }
    state.lastElapsed = elapsed
    map.advance(elapsed)

    let dts = ticks
    if (dts <= state.lastDts) {
      // Decode times must rise (ISO 14496-12 8.6.1.2); a small step back becomes the smallest step forward.
      dts = state.lastDts + 1
      this.#onRepair({
        cause: 'timestamp_backward',
        trackId: sample.trackId,
        count: 1,
        detail: `decode time went back ${Math.round(((state.lastDts - ticks) / timescale) * 1000)} ms`,
      })
    }
    state.lastDts = dts

    const declared =
      sample.duration === null || sample.duration === 0 ? null : Math.round((sample.duration * timescale) / ticksPerSec)
    return {
      kind: 'sample',
      mediaSec,
      sample: {
        dts,
        cto: map.offsetToTicks(sample.cto),
        duration: isOnGrid ? frameTicks : declared,
        isKeyframe: sample.isKeyframe,
        data: sample.data,
        arrivedAtMs,
      },
    }
  }
}

function isJump(stepSec: number, usualSec: number, behindSec: number): boolean {
  if (stepSec < -JUMP_BACKWARD_SEC) return true
  if (stepSec > JUMP_AHEAD_SEC && behindSec < -FITS_ARRIVAL_WITHIN_SEC) return true
  if (stepSec > usualSec + JUMP_TELLING_SEC && behindSec < -FITS_ARRIVAL_WITHIN_SEC) return true
  if (stepSec < Math.min(0, usualSec - JUMP_TELLING_SEC) && behindSec > FITS_ARRIVAL_WITHIN_SEC) return true
  return stepSec > JUMP_FORWARD_SEC && behindSec > FITS_ARRIVAL_WITHIN_SEC
}

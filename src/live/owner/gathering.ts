// What a publisher shows of itself before it is decided which timeline entry maps it. Pure: no clock, no store.
import { createHash } from 'node:crypto'
import type { Rational } from '../../core/rational.ts'
import { rational } from '../../core/rational.ts'
import { initHash, writeInitSegment } from '../../media/fmp4/init-segment.ts'
import type { InputSample, InputTrack } from '../../media/samples.ts'
import { cellLength } from '../../media/timeline/cell.ts'
import { clockKind, type EntryTrack, type FirstSight, type TimelineEntry } from '../../media/timeline/entry.ts'
import { guessFrameRate, videoTimescale } from '../../media/timeline/frame-grid.ts'
import { trackOrder } from '../../media/track-id.ts'
import { startedInOneCell } from './first-cells.ts'

export interface ArrivedSample {
  readonly sample: InputSample
  readonly arrivedAtMs: number
}

/** How long a declared track may stay silent, while Mirror listens, before the stream starts without it. */
const WAIT_FOR_TRACKS_MS = 2000
/**
 * How long video that comes in without a keyframe is waited for: x264's default is 250 frames, 10.4 s at 24 fps. Without
 * it, an origin that joins between two keyframes would start an audio-only timeline entry of its own.
 */
const WAIT_FOR_KEYFRAME_MS = 12_000
/** Samples that the frame rate is read from when no header declares it. */
const SAMPLES_FOR_RATE = 8
/** A publisher that fills this without becoming ready is refused. */
export const GATHERING_MAX_BYTES = 64 * 1024 * 1024

export class Gathering {
  readonly #tracks = new Map<string, InputTrack>()
  #expected: readonly string[] | null = null
  readonly #firsts = new Map<string, ArrivedSample>()
  readonly #videoTimes = new Map<string, number[]>()
  /** Video tracks whose pictures come but cannot be decoded yet. */
  readonly #awaitingKeyframe = new Set<string>()
  #samples: ArrivedSample[] = []
  #sizeBytes = 0
  /** Since the first sample. */
  #waitedMs = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get hasMedia(): boolean {
    return this.#firsts.size > 0
  }

  addTrack(track: InputTrack): void {
    this.#tracks.set(track.id, track)
  }

  expect(trackIds: readonly string[]): void {
    this.#expected = trackIds
  }

  /** False: the sample is of no use. */
  add(arrived: ArrivedSample): boolean {
    const { sample } = arrived
    const track = this.#tracks.get(sample.trackId)
    if (track === undefined) return false
    // Nothing can be decoded before the first keyframe.
    if (track.config.kind === 'video' && !sample.isKeyframe && !this.#firsts.has(track.id)) {
      this.noteKeyframeAwaited(track.id)
      return false
    }
    // What the keyframe tells less than everything about, such as the frame rate, has the usual time to show.
    if (this.#awaitingKeyframe.delete(track.id)) this.#waitedMs = 0
    if (!this.#firsts.has(track.id)) this.#firsts.set(track.id, arrived)
    if (track.config.kind === 'video') {
      const times = this.#videoTimes.get(track.id) ?? []
      if (times.length < SAMPLES_FOR_RATE) times.push(sample.dts)
      this.#videoTimes.set(track.id, times)
    }
    this.#samples.push(arrived)
    this.#sizeBytes += sample.data.length
    return true
  }

  noteKeyframeAwaited(trackId: string): void {
    if (!this.#firsts.has(trackId)) this.#awaitingKeyframe.add(trackId)
  }

  /**
   * Time has passed in which Mirror listened. Not what a clock says: after a stand-still what came meanwhile is still to
   * be read, and a track is not silent because nobody has listened.
   */
  wait(ms: number): void {
    if (this.#firsts.size > 0) this.#waitedMs += ms
  }

  get isReady(): boolean {
    if (this.#firsts.size === 0) return false
    const waitMs = this.#awaitingKeyframe.size > 0 ? WAIT_FOR_KEYFRAME_MS : WAIT_FOR_TRACKS_MS
    if (this.#waitedMs >= waitMs) return true
    return this.#expected?.every((id) => this.#firsts.has(id)) === true && this.#ratesAreKnown()
  }

  /** The tracks that have shown media, video first. */
  tracks(): readonly InputTrack[] {
    const shown = [...this.#tracks.values()].filter((track) => this.#firsts.has(track.id))
    return shown.toSorted((a, b) => trackOrder(a.id) - trackOrder(b.id))
  }

  /** Hands over everything that was kept, in order of arrival. */
  take(): readonly ArrivedSample[] {
    const samples = this.#samples
    this.#samples = []
    this.#sizeBytes = 0
    return samples
  }

  /** First sample of each track. */
  firsts(): readonly ArrivedSample[] {
    return [...this.#firsts.values()]
  }

  sight(): FirstSight {
    const { track, first } = this.#leader()
    return {
      clock: clockKind(track.clock, first.sample.dts, first.arrivedAtMs),
      configHash: this.#configHash(),
      trackId: track.id,
      timestamp: first.sample.dts,
      ticksPerSec: track.clock.ticksPerSec,
      arrivedAtMs: first.arrivedAtMs,
    }
  }

  /** A new entry for this input. The cell length is fixed for the stream's life, so it comes from the newest entry if there is one. */
  makeEntry(dsn: number, newest: TimelineEntry | null, segmentMs: number, nowMs: number): TimelineEntry {
    const { track, first } = this.#leader()
    const clock = clockKind(track.clock, first.sample.dts, first.arrivedAtMs)
    const videoRate = track.config.kind === 'video' ? this.#rateOf(track) : null
    const entry: TimelineEntry = {
      version: 1,
      dsn,
      cell: newest?.cell ?? cellLength(segmentMs, videoRate),
      clock,
      epochUs:
        clock === 'epoch'
          ? Math.round((first.sample.dts / track.clock.ticksPerSec) * 1e6)
          : Math.round(first.arrivedAtMs * 1000),
      configHash: this.#configHash(),
      tracks: this.tracks().map((each) => this.#entryTrack(each)),
      createdAtMs: Math.round(nowMs),
    }
    return startedInOneCell(entry, this.firsts())
  }

  /** Frame length in seconds per track, where there is one. */
  frameSecs(): readonly number[] {
    return this.tracks().flatMap((track) => {
      const rate = this.#rateOf(track)
      return rate === null ? [] : [rate.den / rate.num]
    })
  }

  /** True when some video track neither declares nor shows a frame rate. */
  get isFrameRateUnknown(): boolean {
    return this.tracks().some((track) => track.config.kind === 'video' && this.#rateOf(track) === null)
  }

  #leader(): { readonly track: InputTrack; readonly first: ArrivedSample } {
    const track = this.tracks()[0]
    const first = track === undefined ? undefined : this.#firsts.get(track.id)
    if (track === undefined || first === undefined) throw new Error('gathering has no media yet')
    return { track, first }
  }

  #entryTrack(track: InputTrack): EntryTrack {
    const rate = this.#rateOf(track)
    const { timescale, frameTicks } = outputScale(track, rate)
    const firstTimestamp = this.#firsts.get(track.id)?.sample.dts ?? 0
    return { id: track.id, ticksPerSec: track.clock.ticksPerSec, firstTimestamp, timescale, frameTicks, rate }
  }

  #rateOf({ id, clock, config }: InputTrack): Rational | null {
    if (config.kind === 'audio') return rational(config.sampleRateHz, config.samplesPerFrame)
    return config.frameRate ?? guessFrameRate(this.#videoTimes.get(id) ?? [], clock.ticksPerSec)
  }

  #ratesAreKnown(): boolean {
    return [...this.#tracks.values()].every(
      (track) =>
        track.config.kind === 'audio' ||
        track.config.frameRate !== null ||
        (this.#videoTimes.get(track.id)?.length ?? 0) >= SAMPLES_FOR_RATE,
    )
  }

  /** Equal for equal decoder configurations, whatever the order of arrival. */
  #configHash(): string {
    const hash = createHash('sha256')
    for (const track of this.tracks()) {
      const { timescale } = outputScale(track, this.#rateOf(track))
      hash.update(`${track.id}:${initHash(writeInitSegment({ config: track.config, timescale }))};`)
    }
    return hash.digest('hex').slice(0, 32)
  }
}

/** Ticks per second that a track is written in. */
export function outputScale(
  { config }: InputTrack,
  rate: Rational | null,
): { readonly timescale: number; readonly frameTicks: number | null } {
  return config.kind === 'audio'
    ? { timescale: config.sampleRateHz, frameTicks: config.samplesPerFrame }
    : videoTimescale(rate)
}

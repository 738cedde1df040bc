// What is measured of one stream: bit and frame rates per track, keyframe intervals, latencies.
import type { PackagedPart } from '../../media/packager/track-packager.ts'
import type { InputSample } from '../../media/samples.ts'
import type { LatencyObservation, Percentiles } from '../control.ts'
import { LatencyMeter, RateMeter } from './rates.ts'

interface TrackMeters {
  readonly bits: RateMeter
  readonly frames: RateMeter
  lastKeyframeDts: number | null
  keyframeIntervalSec: number | null
}

export class StreamMeters {
  #tracks = new Map<string, TrackMeters>()
  readonly #latency = new LatencyMeter()
  readonly #packaging = new LatencyMeter()

  /** A part can be fetched; its media ends at `endsAtMs` of its own time. */
  addPart(trackId: string, part: PackagedPart, sizeBytes: number, endsAtMs: number, nowMs: number): void {
    this.#of(trackId).bits.add(sizeBytes * 8, nowMs)
    this.#latency.add(Math.max(0, nowMs - endsAtMs), nowMs)
    this.#packaging.add(Math.max(0, nowMs - (part.samples.at(-1)?.arrivedAtMs ?? nowMs)), nowMs)
  }

  /** `ticksPerSec` of the sample's clock; null when the track is not mapped. */
  addSample(sample: InputSample, ticksPerSec: number | null, nowMs: number): void {
    const track = this.#of(sample.trackId)
    track.frames.add(1, nowMs)
    if (!sample.isKeyframe || !sample.trackId.startsWith('v')) return
    const intervalTicks = sample.dts - (track.lastKeyframeDts ?? sample.dts)
    if (ticksPerSec !== null && intervalTicks > 0) track.keyframeIntervalSec = intervalTicks / ticksPerSec
    track.lastKeyframeDts = sample.dts
  }

  bitsPerSec(trackId: string, nowMs: number): number {
    return this.#tracks.get(trackId)?.bits.perSec(nowMs) ?? 0
  }

  framesPerSec(trackId: string, nowMs: number): number {
    return this.#tracks.get(trackId)?.frames.perSec(nowMs) ?? 0
  }

  /** Null before the second keyframe. */
  keyframeIntervalSec(trackId: string): number | null {
    return this.#tracks.get(trackId)?.keyframeIntervalSec ?? null
  }

  latencyMs(nowMs: number): Percentiles | null {
    return this.#latency.percentiles(nowMs)
  }

  packagingMs(nowMs: number): Percentiles | null {
    return this.#packaging.percentiles(nowMs)
  }

  /** Each observation once. */
  takeLatencies(streamId: string): readonly LatencyObservation[] {
    const e2e = { streamId, stage: 'e2e', valuesSec: this.#latency.takeUnreported() } as const
    const packaging = { streamId, stage: 'packaging', valuesSec: this.#packaging.takeUnreported() } as const
    return [e2e, packaging].filter(({ valuesSec }) => valuesSec.length > 0)
  }

  /** Another presentation begins: its rates start from nothing. */
  reset(): void {
    this.#tracks = new Map()
  }

  #of(trackId: string): TrackMeters {
    const existing = this.#tracks.get(trackId)
    if (existing !== undefined) return existing
    const track: TrackMeters = {
      bits: new RateMeter(),
      frames: new RateMeter(),
      lastKeyframeDts: null,
      keyframeIntervalSec: null,
    }
    this.#tracks.set(trackId, track)
    return track
  }
}

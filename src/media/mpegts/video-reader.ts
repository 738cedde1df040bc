import { findAnnexBNals, type NalCodec, type NalSpans, packAccessUnit } from '../codecs/nal-units.ts'
import { ParameterSets } from '../codecs/parameter-sets.ts'
import { type PesConsumer, TS_CLOCK_MODULUS } from './pes-reader.ts'
import type { TrackSlot } from './track-slot.ts'

/** H.264 or HEVC, one access unit per PES packet. What comes before the first usable keyframe is dropped silently. */
export class VideoReader implements PesConsumer {
  readonly keepsBegun = false
  readonly #slot: TrackSlot
  readonly #codec: NalCodec
  readonly #sets: ParameterSets
  readonly #spans: NalSpans = []
  #isStarted = false

  constructor(slot: TrackSlot, codec: NalCodec) {
    this.#slot = slot
    this.#codec = codec
    this.#sets = new ParameterSets(codec)
  }

  get trackId(): string {
    return this.#slot.id
  }

  pes(bytes: Uint8Array, start: number, end: number, pts: number | null, dts: number | null): void {
    const count = findAnnexBNals(bytes, start, end, this.#spans)
    const unit = packAccessUnit(this.#codec, bytes, this.#spans, count)
    if (unit.parameterSets.length > 0) {
      const broken = this.#sets.offer(unit.parameterSets)
      if (broken > 0) this.#slot.repair('corrupt_sample', 'a parameter set cannot be parsed and was ignored')
    }
    if (!unit.hasPicture) return

    const { config } = this.#sets
    if (!this.#isStarted && (config === null || !unit.isKeyframe)) {
      this.#slot.awaitsKeyframe()
      return
    }
    if (pts === null) {
      this.corruptPes('it has no timestamp')
      return
    }
    this.#isStarted = true
    if (config !== null) this.#slot.announce(config)
    const decodeTime = dts ?? pts
    this.#slot.sample(decodeTime, presentationOffset(pts, decodeTime), unit.isKeyframe, unit.data)
  }

  gap(): void {}

  corruptPes(reason: string): void {
    this.#slot.repair('ts_corrupt_pes', `a PES packet was dropped: ${reason}`)
  }
}

/** A picture cannot be shown before it is decoded, so a smaller PTS counts as equal. */
function presentationOffset(pts: number, dts: number): number {
  const difference = (pts - dts + TS_CLOCK_MODULUS) % TS_CLOCK_MODULUS
  return difference >= TS_CLOCK_MODULUS / 2 ? 0 : difference
}

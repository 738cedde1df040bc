// `avc3` and `hev1` may carry parameter sets in their samples, and some encoders write short NAL unit lengths: both are
// brought into the form that `InputSample` promises.
import { findSizedNals, type NalCodec, packAccessUnit } from '../codecs/nal-units.ts'
import { ParameterSets } from '../codecs/parameter-sets.ts'
import type { VideoConfig } from '../samples.ts'

const NOTHING = new Uint8Array(0)

export class InBandTrack {
  readonly #codec: NalCodec
  readonly #lengthSize: number
  readonly #sets: ParameterSets
  readonly #spans: number[] = []

  /** `config` is null when only the samples tell how they are coded. */
  constructor(codec: NalCodec, lengthSize: number, config: VideoConfig | null) {
    this.#codec = codec
    this.#lengthSize = lengthSize
    this.#sets = config === null ? new ParameterSets(codec) : ParameterSets.fromConfig({ ...config, codec })
  }

  /** Another object after every real change; null until the parameter sets have come. */
  get config(): VideoConfig | null {
    return this.#sets.config
  }

  /** The sample without parameter sets and delimiters; empty when it holds no picture or cannot be read. */
  unpack(sample: Uint8Array): Uint8Array {
    const count = findSizedNals(sample, this.#lengthSize, this.#spans)
    if (count === null) return NOTHING
    const unit = packAccessUnit(this.#codec, sample, this.#spans, count)
    if (unit.parameterSets.length > 0) this.#sets.offer(unit.parameterSets)
    return unit.data
  }
}

import { isSameConfig } from '../codecs/same-config.ts'
import type { DemuxSink, InputClock, RepairCause, TrackConfig } from '../samples.ts'
import type { TrackRole } from '../track-role.ts'

const TS_CLOCK: InputClock = { kind: 'ts', ticksPerSec: 90_000, wrapBits: 33 }

/** A track's place in the program. It outlives a change of PIDs, so that an unchanged configuration is not announced twice. */
export class TrackSlot {
  readonly id: string
  /** As the program map says now. */
  role: TrackRole | null = null
  readonly #sink: DemuxSink
  #announced: TrackConfig | null = null

  constructor(id: string, sink: DemuxSink) {
    this.id = id
    this.#sink = sink
  }

  announce(config: TrackConfig): void {
    if (config === this.#announced) return
    const isChange = this.#announced === null || !isSameConfig(this.#announced, config)
    if (!isChange) return
    this.#announced = config
    this.#sink.onTrack({ id: this.id, clock: TS_CLOCK, config, ...(this.role === null ? {} : { role: this.role }) })
  }

  sample(dts: number, cto: number, isKeyframe: boolean, data: Uint8Array): void {
    this.#sink.onSample({ trackId: this.id, dts, cto, duration: null, isKeyframe, data })
  }

  /** A picture that cannot be decoded yet: the track is alive. */
  awaitsKeyframe(): void {
    this.#sink.onKeyframeAwaited?.(this.id)
  }

  repair(cause: RepairCause, detail: string): void {
    this.#sink.onRepair({ cause, trackId: this.id, count: 1, detail })
  }
}

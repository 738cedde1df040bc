// What one stream puts out: the presentation with its memory, and what is measured and mended on the way there.
import { advertisedPartTargetMs } from '../../media/packager/part-target.ts'
import type { InputSample, Repair } from '../../media/samples.ts'
import type { TimelineEntry } from '../../media/timeline/entry.ts'
import type { OwnerTrackStatus, RegisteredStream } from '../control.ts'
import type { Publication } from '../publication.ts'
import { Presentation } from './presentation.ts'
import { RepairCounter } from './repair-counter.ts'
import { type MemoryBudget, SLAB_BYTES, SlabPool } from './slab-pool.ts'
import type { StreamEmit } from './stream-events.ts'
import { StreamMeters } from './stream-meters.ts'
import { textStatus, trackStatus } from './stream-wording.ts'

export interface StreamOutputOptions {
  readonly streamId: string
  readonly budget: MemoryBudget
  /** Number of origin threads. */
  readonly origins: number
  readonly now: () => number
  readonly publish: (publication: Publication) => void
  readonly emit: StreamEmit
  /** First slab id of a new pool; unique over the life of the process and its successors. */
  readonly nextSlabId: () => number
}

export class StreamOutput {
  readonly meters = new StreamMeters()
  readonly #options: StreamOutputOptions
  #presentation: Presentation | null = null
  #slabs: SlabPool | null = null
  readonly #repairs = new RepairCounter()

  constructor(options: StreamOutputOptions) {
    this.#options = options
  }

  get presentation(): Presentation | null {
    return this.#presentation
  }

  /** False: there is no memory for another stream. */
  get hasRoom(): boolean {
    return this.#slabs !== null || this.#options.budget.canTake(SLAB_BYTES)
  }

  get usedBytes(): number {
    return this.#options.budget.usedBytes
  }

  /** Another playlist in place of the last one. `frameSecs`: the frame lengths that parts should fit. */
  begin({ settings, dateRanges }: RegisteredStream, entry: TimelineEntry, frameSecs: readonly number[]): Presentation {
    this.reset()
    const { publish, streamId, budget, origins, nextSlabId, now } = this.#options
    const slabs = new SlabPool(budget, origins, nextSlabId(), {
      onSlab: (slabId, memory) => publish({ kind: 'slab', streamId, slabId, memory }),
      onRetire: (slabId) => publish({ kind: 'retire', streamId, slabId }),
    })
    this.#slabs = slabs
    this.#repairs.restart()
    this.#presentation = new Presentation({
      streamId,
      settings,
      dateRanges,
      cell: entry.cell,
      partTargetMs: advertisedPartTargetMs(settings.partMs, frameSecs),
      slabs,
      publish,
      onPart: (trackId, part, bytes, endsAtMs) => this.meters.addPart(trackId, part, bytes, endsAtMs, now()),
      onRepair: (repair) => this.noteRepair(repair),
    })
    return this.#presentation
  }

  /** Frees its memory and tells origins to forget. */
  reset(): void {
    this.#slabs?.close()
    this.#slabs = null
    this.#presentation = null
    this.meters.reset()
    this.#options.publish({ kind: 'reset', streamId: this.#options.streamId })
  }

  onSlabReleased(slabId: number, origin: number): void {
    this.#slabs?.onReleased(slabId, origin)
  }

  onOriginLost(origin: number): void {
    this.#slabs?.onOriginLost(origin)
  }

  measure(sample: InputSample, entry: TimelineEntry | null): void {
    const track = entry?.tracks.find(({ id }) => id === sample.trackId)
    this.meters.addSample(sample, track?.ticksPerSec ?? null, this.#options.now())
  }

  noteRepair(repair: Repair): void {
    const told = this.#repairs.add(repair, this.#options.now())
    if (told === 0) return
    const times = told > 1 ? ` (${told} times)` : ''
    // Clocks drift with every encoder: worth telling, not worth an alarm.
    const severity = repair.cause === 'clock_drift' ? 'info' : 'warning'
    this.#options.emit('stream.warning', severity, repair.cause, `${repair.detail}${times}`, {
      count: told,
      ...(repair.trackId === null ? {} : { track: repair.trackId }),
    })
  }

  drops(): Readonly<Record<string, number>> {
    return this.#repairs.drops()
  }

  repairs(): Readonly<Record<string, number>> {
    return this.#repairs.repairs()
  }

  trackStatuses(isLive: boolean, nowMs: number): readonly OwnerTrackStatus[] {
    const presentation = this.#presentation
    if (presentation === null) return []
    const media = presentation.trackIds.flatMap((id) => {
      const config = presentation.config(id)
      const bitrateBps = isLive ? this.meters.bitsPerSec(id, nowMs) : 0
      return config === null ? [] : [trackStatus(id, config, bitrateBps)]
    })
    return [...media, ...presentation.textTracks.map(textStatus)]
  }
}

// The newest media of an input that is not on air, from a keyframe on, so that a switch to it shows a picture at once.
import type { ArrivedSample } from './gathering.ts'
import type { MemoryBudget } from './slab-pool.ts'

/** Kept beyond the time after which an input is silent: that an equal feed may lag behind the one on air. */
const KEEP_MS = 3000
/** Eight seconds at 50 Mbit/s. Beyond it the oldest group of pictures goes; one that is larger by itself is not kept. */
export const STANDBY_MAX_BYTES = 48 * 1024 * 1024

/** What a keyframe begins, with the sound that came along. */
interface Group {
  readonly startsAtMs: number
  readonly samples: ArrivedSample[]
  sizeBytes: number
}

export class StandbyBuffer {
  readonly #budget: Pick<MemoryBudget, 'canTake' | 'take' | 'give'>
  #groups: Group[] = []
  #sizeBytes = 0

  constructor(budget: Pick<MemoryBudget, 'canTake' | 'take' | 'give'>) {
    this.#budget = budget
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Something that can be shown is kept. */
  get isReady(): boolean {
    return this.#groups.length > 0
  }

  /** `leads`: the sample can be the first that is shown (a keyframe of the first video track; sound if there is none). */
  add(arrived: ArrivedSample, leads: boolean, silenceMs: number): void {
    if (leads) {
      this.#groups.push({ startsAtMs: arrived.arrivedAtMs, samples: [], sizeBytes: 0 })
      this.#dropOld(arrived.arrivedAtMs - KEEP_MS - silenceMs)
    }
    const bytes = arrived.sample.data.length
    while (this.#groups.length > 0 && !this.#hasRoom(bytes)) this.#dropFirst()
    const group = this.#groups.at(-1)
    if (group === undefined) return
    group.samples.push(arrived)
    group.sizeBytes += bytes
    this.#sizeBytes += bytes
    this.#budget.take(bytes)
  }

  /** Hands over everything, in order of arrival. */
  take(): readonly ArrivedSample[] {
    const samples = this.#groups.flatMap((group) => group.samples)
    this.clear()
    return samples
  }

  clear(): void {
    this.#groups = []
    this.#budget.give(this.#sizeBytes)
    this.#sizeBytes = 0
  }

  #hasRoom(bytes: number): boolean {
    return this.#sizeBytes + bytes <= STANDBY_MAX_BYTES && this.#budget.canTake(bytes)
  }

  /** Drops groups as long as what stays reaches back to `untilMs`. */
  #dropOld(untilMs: number): void {
    while ((this.#groups[1]?.startsAtMs ?? Number.POSITIVE_INFINITY) <= untilMs) this.#dropFirst()
  }

  #dropFirst(): void {
    const [first, ...rest] = this.#groups
    if (first === undefined) return
    this.#groups = rest
    this.#sizeBytes -= first.sizeBytes
    this.#budget.give(first.sizeBytes)
  }
}

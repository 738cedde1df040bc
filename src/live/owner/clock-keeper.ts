// Keeps the wall-clock times of one session true while its encoder's clock drifts: measures, appends points that all
// origins share, and reads those of others. The network's delays differ between origins; the points never do.
import { toNumber } from '../../core/rational.ts'
import { TIMELINE_EPOCH_SEC } from '../../media/timeline/cell.ts'
import { type DriftPoint, driftSec, isSettled, planDriftPoint } from '../../media/timeline/drift.ts'
import type { TimelineEntry } from '../../media/timeline/entry.ts'
import { LagMeter } from '../../media/timeline/lag-meter.ts'
import type { TimelineStore } from './timeline-store.ts'

/** Three times before a point that is announced three minutes ahead comes into force. */
const READ_EVERY_MS = 60_000
/** An origin that joins takes its lag of the first minutes for its network's delay, but not more of it than this. */
const DELAY_MAX_SEC = 0.5

export interface ClockKeeperOptions {
  readonly stream: { readonly tenantId: string; readonly id: string }
  readonly entry: TimelineEntry
  /** Whether another origin, or this one before a restart, made the entry. */
  readonly isAdopted: boolean
  readonly point: DriftPoint | null
  readonly timeline: Pick<TimelineStore, 'newestPoint' | 'appendPoint'>
  readonly now: () => number
  /** A point was appended by this origin or another. */
  readonly onPoint: (point: DriftPoint) => void
}

export class ClockKeeper {
  readonly #options: ClockKeeperOptions
  readonly #meter = new LagMeter()
  readonly #closing = new AbortController()
  readonly #cellSec: number
  #point: DriftPoint | null
  /** Null until an origin that joined has measured it. */
  #delaySec: number | null
  #isBusy = false
  #readAtMs: number

  constructor(options: ClockKeeperOptions) {
    this.#options = options
    this.#point = options.point
    this.#cellSec = toNumber(options.entry.cell)
    this.#delaySec = options.isAdopted ? null : 0
    this.#readAtMs = options.now()
  }

  /** Seconds that wall-clock time lies after media time in a segment. */
  driftSec(msn: number): number {
    return driftSec(this.#point, this.#options.entry.cell, msn)
  }

  /** The same for a moment of media time, in seconds since 1970. */
  driftSecAt(mediaSec: number): number {
    return this.driftSec(Math.floor((mediaSec - TIMELINE_EPOCH_SEC) / this.#cellSec))
  }

  /** A frame that belongs at `mediaSec` (since 1970) has arrived. */
  noteArrival(arrivedAtMs: number, mediaSec: number): void {
    this.#meter.add(arrivedAtMs, arrivedAtMs / 1000 - mediaSec)
  }

  /** A newer point than the one in use, for example after a reconnect. */
  take(point: DriftPoint | null): void {
    if (point === null || point.n <= (this.#point?.n ?? 0)) return
    this.#point = point
    this.#options.onPoint(point)
  }

  /** Now and then; `msn` is the newest cell that has begun. What the store does not answer is asked again later. */
  tick(msn: number): void {
    // A clock that counts from 1970 is the encoder's word for when something happened.
    if (this.#isBusy || this.#closing.signal.aborted || this.#options.entry.clock === 'epoch') return
    const nowMs = this.#options.now()
    const planned = this.#plan(msn, nowMs)
    if (planned === null && nowMs - this.#readAtMs < READ_EVERY_MS) return
    this.#readAtMs = nowMs
    this.#isBusy = true
    const { timeline, stream, entry } = this.#options
    const { signal } = this.#closing
    const answer =
      planned === null
        ? timeline.newestPoint(stream, entry, signal)
        : timeline.appendPoint(stream, entry, planned, signal)
    answer
      .then((point) => this.take(point))
      .catch(() => {}) // A store that is away is told of elsewhere; times stay as they are until it is back.
      .finally(() => {
        this.#isBusy = false
      })
  }

  close(): void {
    this.#closing.abort()
  }

  #plan(msn: number, nowMs: number): DriftPoint | null {
    const newest = this.#point
    if (!isSettled(newest, msn)) return null
    const lagSec = this.#meter.lagSec(nowMs)
    if (lagSec === null) return null
    this.#delaySec ??= Math.max(-DELAY_MAX_SEC, Math.min(DELAY_MAX_SEC, lagSec - this.driftSec(msn)))
    const { cell } = this.#options.entry
    return planDriftPoint({ newest, cell, msn, lagSec, delaySec: this.#delaySec, ppm: this.#meter.ppm, nowMs })
  }
}

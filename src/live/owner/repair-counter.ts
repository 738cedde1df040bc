// Counts repairs by cause and decides which of them are worth an event: the first, then at most one per interval with the count since.
import { REPAIR_CAUSES } from '../../media/repair-causes.ts'
import type { Repair, RepairCause } from '../../media/samples.ts'

const EVENT_INTERVAL_MS = 10_000

interface CauseState {
  total: number
  sinceEvent: number
  lastEventAtMs: number
}

export class RepairCounter {
  readonly #causes = new Map<RepairCause, CauseState>()

  /** Returns the number of repairs that an event should tell about now, or 0. */
  add(repair: Repair, nowMs: number): number {
    const state = this.#causes.get(repair.cause) ?? { total: 0, sinceEvent: 0, lastEventAtMs: Number.NEGATIVE_INFINITY }
    this.#causes.set(repair.cause, state)
    state.total += repair.count
    state.sinceEvent += repair.count
    if (nowMs - state.lastEventAtMs < EVENT_INTERVAL_MS) return 0
    const told = state.sinceEvent
    state.sinceEvent = 0
    state.lastEventAtMs = nowMs
    return told
  }

  /** A presentation begins: it is counted anew. What was told a moment ago is still no news. */
  restart(): void {
    for (const state of this.#causes.values()) state.total = 0
  }

  drops(): Readonly<Record<string, number>> {
    return this.#totals((cause) => REPAIR_CAUSES[cause].isLoss)
  }

  repairs(): Readonly<Record<string, number>> {
    return this.#totals((cause) => !REPAIR_CAUSES[cause].isLoss)
  }

  #totals(isWanted: (cause: RepairCause) => boolean): Record<string, number> {
    const totals: Record<string, number> = {}
    for (const [cause, state] of this.#causes) if (isWanted(cause) && state.total > 0) totals[cause] = state.total
    return totals
  }
}

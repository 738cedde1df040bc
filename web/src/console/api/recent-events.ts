// Events as they come over the WebSocket. The API lists an event only after it is stored, up to a second later, and it
// is numbered only then: both lists are merged by what the event says.
import type { EventView } from '../../../../src/api/event-contract.ts'

const EVENTS_KEPT = 300

export class RecentEvents {
  readonly #listeners = new Set<() => void>()
  #events: readonly EventView[] = []

  /** Newest first. */
  get all(): readonly EventView[] {
    return this.#events
  }

  add(event: EventView): void {
    const key = eventKey(event)
    if (this.#events.some((known) => eventKey(known) === key)) return
    this.#events = [event, ...this.#events].slice(0, EVENTS_KEPT)
    for (const listener of this.#listeners) listener()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

export function eventKey(event: EventView): string {
  return `${event.at} ${event.type} ${event.streamId ?? ''} ${event.message}`
}

/** Newest first, each once. `streamId` null is the whole installation. */
export function mergeEvents(
  stored: readonly EventView[],
  recent: readonly EventView[],
  streamId: string | null,
): readonly EventView[] {
  const known = new Set(stored.map(eventKey))
  const fresh = recent.filter(
    (event) => (streamId === null || event.streamId === streamId) && !known.has(eventKey(event)),
  )
  if (fresh.length === 0) return stored
  // Both lists are in order already; the sort is stable, so equal times keep theirs.
  return [...fresh, ...stored].toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))
}

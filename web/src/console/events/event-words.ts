import type { EventView } from '../../../../src/api/event-contract.ts'

/** Changes of the viewer count and steps of processing are figures, not happenings. */
export function isToldInFeed(event: EventView): boolean {
  return event.type !== 'stream.viewers' && event.type !== 'asset.progress'
}

export function matchesText(event: EventView, text: string | undefined): boolean {
  if (text === undefined || text === '') return true
  const wanted = text.toLowerCase()
  return [event.message, event.code, event.streamId, event.type].some(
    (each) => each?.toLowerCase().includes(wanted) === true,
  )
}

export interface EventDay {
  readonly day: string
  readonly events: readonly EventView[]
}

/** Neighbours of one day, in the order given. `dayOf` turns a time into the words above the group. */
export function groupByDay(events: readonly EventView[], dayOf: (atMs: number) => string): readonly EventDay[] {
  const days: { day: string; events: EventView[] }[] = []
  for (const event of events) {
    const day = dayOf(Date.parse(event.at))
    const last = days.at(-1)
    if (last?.day === day) last.events.push(event)
    else days.push({ day, events: [event] })
  }
  return days
}

import { Link } from '@tanstack/react-router'
import { CircleAlert, CirclePlay, Info, type LucideIcon, Plug, Square, TriangleAlert, Unplug } from 'lucide-react'
import type { EventView } from '../../../../src/api/event-contract.ts'
import { eventKey } from '../api/recent-events.ts'
import { formatDay } from '../format/moment.ts'
import { RelativeTime } from '../ui/relative-time.tsx'
import { groupByDay } from './event-words.ts'

const TYPE_ICONS: Readonly<Record<string, LucideIcon>> = {
  'stream.started': CirclePlay,
  'stream.resumed': CirclePlay,
  'stream.stopped': Square,
  'stream.input_connected': Plug,
  'stream.input_disconnected': Unplug,
}

export function EventIcon({ event }: { readonly event: EventView }) {
  if (event.severity === 'error') return <CircleAlert size={15} className="text-bad" aria-label="Error" />
  if (event.severity === 'warning') return <TriangleAlert size={15} className="text-warn" aria-label="Warning" />
  const Icon = TYPE_ICONS[event.type] ?? Info
  return <Icon size={15} className="text-soft" aria-hidden />
}

/** Happenings in words, newest first, under the day they belong to. */
export function EventList({
  events,
  showsStream,
}: {
  readonly events: readonly EventView[]
  readonly showsStream: boolean
}) {
  const nowMs = Date.now()
  return groupByDay(events, (atMs) => formatDay(atMs, nowMs)).map(({ day, events: ofDay }) => (
    <section key={day}>
      <h3 className="border-line border-b bg-sunken/60 px-4 py-1.5 font-medium text-soft text-xs">{day}</h3>
      <ul>
        {ofDay.map((event) => (
          <EventRow key={eventKey(event)} event={event} showsStream={showsStream} />
        ))}
      </ul>
    </section>
  ))
}

/** Of content and of calls: where to look at it. It may be gone by now; its page says so. */
function SubjectLink({ event: { type, details } }: { readonly event: EventView }) {
  const { assetId, recordingId } = details
  if (typeof assetId === 'string' && type !== 'asset.purged') {
    return (
      <Link to="/library/$id" params={{ id: assetId }} className="font-medium text-accent hover:underline">
        Show asset
      </Link>
    )
  }
  if (typeof recordingId === 'string' && type !== 'recording.deleted') {
    return (
      <Link to="/recordings" search={{ open: recordingId }} className="font-medium text-accent hover:underline">
        Show recording
      </Link>
    )
  }
  return null
}

export function EventRow({ event, showsStream }: { readonly event: EventView; readonly showsStream: boolean }) {
  return (
    <li className="flex gap-3 border-line border-b px-4 py-2 last:border-b-0">
      <span className="mt-0.5 shrink-0">
        <EventIcon event={event} />
      </span>
      <div className="min-w-0 flex-1">
        <p className="wrap-break-word">{event.message}</p>
        <p className="flex flex-wrap gap-x-2 text-soft text-xs">
          {showsStream && event.streamId !== null && (
            <Link to="/streams/$id" params={{ id: event.streamId }} className="font-medium text-accent hover:underline">
              {event.streamId}
            </Link>
          )}
          <SubjectLink event={event} />
          {event.code !== null && <code className="font-mono">{event.code}</code>}
          <span className="tnum">
            <RelativeTime at={event.at} />
          </span>
        </p>
      </div>
    </li>
  )
}

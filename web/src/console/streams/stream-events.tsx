import { Link } from '@tanstack/react-router'
import { useEvents } from '../api/live-context.tsx'
import { eventKey } from '../api/recent-events.ts'
import { EventRow } from '../events/event-list.tsx'
import { Section } from '../ui/section.tsx'
import { ErrorState, Skeleton } from '../ui/states.tsx'

const SHOWN = 12

export function StreamEvents({ streamId }: { readonly streamId: string }) {
  const { query, events } = useEvents(streamId)
  return (
    <Section
      title="Events"
      isFlush
      actions={
        <Link to="/events" search={{ stream: streamId }} className="text-accent text-xs hover:underline">
          All events
        </Link>
      }
    >
      {query.isPending && (
        <div className="space-y-2 px-4 pb-4">
          <Skeleton className="h-8" />
          <Skeleton className="h-8" />
          <Skeleton className="h-8" />
        </div>
      )}
      {query.isError && <ErrorState error={query.error} onRetry={() => void query.refetch()} />}
      {query.isSuccess && events.length === 0 && (
        <p className="px-4 pb-4 text-soft">Nothing has happened on this stream yet.</p>
      )}
      <ul className="border-line border-t empty:hidden">
        {events.slice(0, SHOWN).map((event) => (
          <EventRow key={eventKey(event)} event={event} showsStream={false} />
        ))}
      </ul>
    </Section>
  )
}

import { getRouteApi } from '@tanstack/react-router'
import { Activity, Search, SearchX, X } from 'lucide-react'
import type { EventView } from '../../../../src/api/event-contract.ts'
import { isProblem } from '../api/client.ts'
import { useEvents } from '../api/live-context.tsx'
import { type EventSearch, SEVERITIES, type Severity } from '../search-params.ts'
import { Button } from '../ui/button.tsx'
import { INPUT_CLASS } from '../ui/field.tsx'
import { PageHeader } from '../ui/section.tsx'
import { EmptyState, ErrorState, Skeleton } from '../ui/states.tsx'
import { EventList } from './event-list.tsx'
import { matchesText } from './event-words.ts'

const route = getRouteApi('/shell/events')
const SEVERITY_WORDS: Readonly<Record<Severity, string>> = { info: 'Info', warning: 'Warnings', error: 'Errors' }

type Change = (next: { [Key in keyof EventSearch]: EventSearch[Key] | undefined }) => void

export function EventsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { query, events: all } = useEvents(search.stream ?? null)
  const change: Change = (next) => {
    void navigate({
      search: (previous) =>
        Object.fromEntries(
          Object.entries({ ...previous, ...next }).filter(([, value]) => value !== undefined),
        ) as EventSearch,
      replace: true,
    })
  }
  const events = all.filter(
    (event) => (search.severity === undefined || event.severity === search.severity) && matchesText(event, search.q),
  )
  return (
    <>
      <PageHeader title="Events" />
      <Filters search={search} change={change} />
      <div className="card overflow-hidden">
        {query.isPending ? (
          <LoadingEvents />
        ) : query.isError && query.data === undefined ? (
          <Failed error={query.error} streamId={search.stream} onRetry={() => void query.refetch()} />
        ) : (
          <Feed events={events} hasAny={all.length > 0} showsStream={search.stream === undefined} change={change} />
        )}
      </div>
      {query.hasNextPage && (
        <div className="mt-4 flex justify-center">
          <Button isBusy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Show older events
          </Button>
        </div>
      )}
    </>
  )
}

function Feed({
  events,
  hasAny,
  showsStream,
  change,
}: {
  readonly events: readonly EventView[]
  readonly hasAny: boolean
  readonly showsStream: boolean
  readonly change: Change
}) {
  if (events.length > 0) return <EventList events={events} showsStream={showsStream} />
  if (!hasAny) {
    return (
      <EmptyState icon={<Activity size={20} />} title="Nothing has happened yet">
        Encoders that connect or are refused, streams that start, stall and end, and whatever goes wrong: it is told
        here, within a second.
      </EmptyState>
    )
  }
  return (
    <EmptyState
      icon={<SearchX size={20} />}
      title="No event matches"
      actions={<Button onClick={() => change({ severity: undefined, q: undefined })}>Clear filters</Button>}
    >
      Only the events loaded so far were searched; there may be older ones.
    </EmptyState>
  )
}

function Filters({ search, change }: { readonly search: EventSearch; readonly change: Change }) {
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <div className="relative w-64 max-md:w-full">
        <Search size={14} className="pointer-events-none absolute inset-y-0 left-2.5 my-auto text-soft" aria-hidden />
        <input
          type="search"
          aria-label="Search events"
          placeholder="Search words, codes, streams"
          value={search.q ?? ''}
          onChange={(event) => change({ q: event.target.value === '' ? undefined : event.target.value })}
          className={`${INPUT_CLASS} pl-8`}
        />
      </div>
      <fieldset className="flex gap-0.5 rounded-lg bg-sunken p-0.5">
        <legend className="sr-only">Severity</legend>
        {[undefined, ...SEVERITIES].map((severity) => (
          <button
            key={severity ?? 'all'}
            type="button"
            aria-pressed={search.severity === severity}
            onClick={() => change({ severity })}
            className="h-7 rounded-md px-2.5 font-medium text-soft text-xs hover:text-ink aria-pressed:bg-surface aria-pressed:text-ink aria-pressed:shadow-card max-md:h-9"
          >
            {severity === undefined ? 'All' : SEVERITY_WORDS[severity]}
          </button>
        ))}
      </fieldset>
      {search.stream !== undefined && (
        <button
          type="button"
          onClick={() => change({ stream: undefined })}
          className="flex h-8 items-center gap-1.5 rounded-lg border border-line bg-surface px-2.5 text-xs hover:bg-hover max-md:h-9"
        >
          Stream <span className="font-medium">{search.stream}</span>
          <X size={13} aria-label="Remove this filter" />
        </button>
      )}
    </div>
  )
}

function Failed({
  error,
  streamId,
  onRetry,
}: {
  readonly error: unknown
  readonly streamId: string | undefined
  readonly onRetry: () => void
}) {
  if (isProblem(error, 'stream_not_found')) {
    return (
      <EmptyState icon={<SearchX size={20} />} title={`There is no stream “${streamId ?? ''}”`}>
        Remove the filter to see the events of all streams, deleted ones included.
      </EmptyState>
    )
  }
  return <ErrorState error={error} onRetry={onRetry} />
}

function LoadingEvents() {
  return (
    <div role="status" aria-label="Loading events" className="divide-y divide-line">
      {['a', 'b', 'c', 'd', 'e', 'f'].map((row) => (
        <div key={row} className="flex gap-3 px-4 py-3">
          <Skeleton className="size-4 shrink-0" />
          <div className="flex-1 space-y-2">
            <Skeleton className="h-3.5 w-2/3" />
            <Skeleton className="h-3 w-32" />
          </div>
        </div>
      ))}
    </div>
  )
}

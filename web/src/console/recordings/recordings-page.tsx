import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { PhoneCall, SearchX } from 'lucide-react'
import { useMemo } from 'react'
import { formatCount } from '../format/quantity.ts'
import { Button } from '../ui/button.tsx'
import { CommandBlock } from '../ui/copy.tsx'
import { AgeFilter, FilterSelect, SearchBox } from '../ui/filters.tsx'
import { PageHeader, Section } from '../ui/section.tsx'
import { EmptyState, ErrorState, Skeleton } from '../ui/states.tsx'
import { PolicyLine } from './policy-line.tsx'
import { RecordingById } from './recording-panel.tsx'
import { recordingsQuery } from './recording-queries.ts'
import {
  hasFilters,
  NO_FILTERS,
  RECORDING_FILTERS,
  type RecordingFilter,
  type RecordingSearch,
} from './recording-search.ts'
import { RecordingTable } from './recording-table.tsx'
import { FILTER_WORDS } from './recording-words.ts'

const route = getRouteApi('/shell/recordings')

type Change = (next: { [Key in keyof RecordingSearch]: RecordingSearch[Key] | undefined }) => void

export function RecordingsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const query = useInfiniteQuery(recordingsQuery(search))
  const change: Change = (next) => {
    void navigate({
      search: (previous) =>
        Object.fromEntries(
          Object.entries({ ...previous, ...next }).filter(([, value]) => value !== undefined),
        ) as RecordingSearch,
      replace: true,
      resetScroll: false,
    })
  }
  const total = query.data?.pages.at(-1)?.total
  return (
    <>
      <PageHeader title="Recordings">
        <p className="tnum h-5 text-soft">
          {total === undefined || (total === 0 && !hasFilters(search))
            ? ''
            : `${formatCount(total)} ${total === 1 ? 'call' : 'calls'}${hasFilters(search) ? ' found' : ''}`}
        </p>
        <PolicyLine />
      </PageHeader>
      <Filters search={search} change={change} />
      <Results search={search} change={change} />
    </>
  )
}

function Filters({ search, change }: { readonly search: RecordingSearch; readonly change: Change }) {
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <SearchBox
        label="Search by call id"
        placeholder="Call id, or its beginning"
        value={search.q ?? ''}
        onChange={(q) => change({ q })}
      />
      <FilterSelect
        label="Status"
        any="Any status"
        value={search.status}
        options={RECORDING_FILTERS.map((status) => ({ value: status, label: FILTER_WORDS[status] }))}
        onChange={(status) => change({ status: status as RecordingFilter | undefined })}
      />
      <AgeFilter label="Received" search={search} onChange={change} />
      {hasFilters(search) && (
        <Button kind="quiet" onClick={() => change(NO_FILTERS)}>
          Clear
        </Button>
      )}
    </div>
  )
}

function Results({ search, change }: { readonly search: RecordingSearch; readonly change: Change }) {
  const query = useInfiniteQuery(recordingsQuery(search))
  const recordings = useMemo(() => (query.data?.pages ?? []).flatMap((page) => page.recordings), [query.data])
  const { open } = search
  const toggle = (id: string): void => change({ open: open === id ? undefined : id })
  if (query.isError && query.data === undefined) {
    return (
      <div className="card">
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      </div>
    )
  }
  if (query.data === undefined) return <LoadingTable />
  // A link to one that is on no page that is loaded: it is shown all the same, above.
  const isAside = open !== undefined && !recordings.some(({ id }) => id === open)
  return (
    <>
      {isAside && <RecordingById key={open} id={open} onClose={() => change({ open: undefined })} />}
      {recordings.length > 0 ? (
        <RecordingTable recordings={recordings} openId={open} onToggle={toggle} />
      ) : (
        <Nothing search={search} change={change} />
      )}
      {query.hasNextPage && (
        <div className="mt-4 flex justify-center">
          <Button isBusy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Show older recordings
          </Button>
        </div>
      )}
    </>
  )
}

function Nothing({ search, change }: { readonly search: RecordingSearch; readonly change: Change }) {
  if (hasFilters(search)) {
    return (
      <div className="card">
        <EmptyState
          icon={<SearchX size={20} />}
          title="No recording matches"
          actions={<Button onClick={() => change(NO_FILTERS)}>Clear filters</Button>}
        >
          {search.q !== undefined && 'A call id is found by its beginning, as the PBX wrote it: capitals count.'}
        </EmptyState>
      </div>
    )
  }
  const api = `${location.origin}/api/v1`
  return (
    <div className="space-y-4">
      <div className="card">
        <EmptyState icon={<PhoneCall size={20} />} title="No recordings of calls yet">
          A PBX sends each call when it is over, or tells Mirror where to fetch it. Both need an API key of an operator,
          which you make in the settings.
        </EmptyState>
      </div>
      <Section title="Try it">
        <div className="space-y-3">
          <CommandBlock
            label="Send a recording"
            command={`curl -H "Authorization: Bearer $KEY" -F callId=test-1 -F file=@call.wav ${api}/recordings/upload`}
          />
          <CommandBlock
            label="Have it fetched"
            command={`curl -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{"callId":"test-2","url":"https://pbx.example/7.wav"}' ${api}/recordings/upload`}
          />
        </div>
      </Section>
    </div>
  )
}

function LoadingTable() {
  return (
    <div role="status" aria-label="Loading recordings" className="card divide-y divide-line">
      {['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((row) => (
        <div key={row} className="flex h-12 items-center gap-6 px-4">
          <Skeleton className="h-3.5 w-44" />
          <Skeleton className="h-3.5 w-24 max-md:hidden" />
          <Skeleton className="ml-auto h-3.5 w-16" />
        </div>
      ))}
    </div>
  )
}

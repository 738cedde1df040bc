import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ArrowDown, ArrowUp, Plus, RadioTower, Search, SearchX } from 'lucide-react'
import type { ReactNode } from 'react'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { useHistory, useStaleMs } from '../api/live-context.tsx'
import { streamsQuery } from '../api/queries.ts'
import { formatBitrate, formatCount, formatLatency } from '../format/quantity.ts'
import { matchesStatus, type SortKey, STATUS_FILTERS, type StatusFilter, type StreamsSearch } from '../search-params.ts'
import { useMayOperate } from '../shell/session.ts'
import { Button } from '../ui/button.tsx'
import { INPUT_CLASS } from '../ui/field.tsx'
import { PageHeader } from '../ui/section.tsx'
import { Sparkline } from '../ui/sparkline.tsx'
import { EmptyState, ErrorState, Skeleton } from '../ui/states.tsx'
import { StatusBadge, statusWord } from '../ui/status.tsx'
import { ColumnHead, TableHead } from '../ui/table.tsx'
import { CreateDialog } from './create-dialog.tsx'
import { selectStreams } from './stream-order.ts'
import { mediaWords } from './stream-summary.ts'

const route = getRouteApi('/shell/streams')
const SPARK_SAMPLES = 60

export function StreamsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const streams = useQuery(streamsQuery)
  const mayOperate = useMayOperate()
  const change = (next: { [Key in keyof StreamsSearch]: StreamsSearch[Key] | undefined }): void => {
    void navigate({ search: (previous) => dropUndefined({ ...previous, ...next }), replace: true })
  }
  const create = mayOperate ? (
    <Button kind="primary" icon={<Plus size={15} />} onClick={() => change({ create: true })}>
      Create stream
    </Button>
  ) : null

  return (
    <>
      <PageHeader title="Streams" actions={create} />
      {streams.isError && streams.data === undefined ? (
        <div className="card">
          <ErrorState error={streams.error} onRetry={() => void streams.refetch()} />
        </div>
      ) : streams.data === undefined ? (
        <LoadingList />
      ) : streams.data.length === 0 ? (
        <div className="card">
          <EmptyState icon={<RadioTower size={20} />} title="No streams yet" actions={create}>
            A stream is a channel that an encoder publishes to and people watch. Create one to get its addresses and
            key.
          </EmptyState>
        </div>
      ) : (
        <>
          <Filters streams={streams.data} search={search} change={change} />
          <StreamTable streams={selectStreams(streams.data, search)} search={search} change={change} />
        </>
      )}
      <CreateDialog isOpen={search.create === true} onClose={() => change({ create: undefined })} />
    </>
  )
}

type Change = (next: { [Key in keyof StreamsSearch]: StreamsSearch[Key] | undefined }) => void

function Filters({
  streams,
  search,
  change,
}: {
  readonly streams: readonly StreamView[]
  readonly search: StreamsSearch
  readonly change: Change
}) {
  const count = (state: StatusFilter | undefined): number =>
    streams.filter((stream) => matchesStatus(stream.status, state)).length
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <div className="relative w-64 max-md:w-full">
        <Search size={14} className="pointer-events-none absolute inset-y-0 left-2.5 my-auto text-soft" aria-hidden />
        <input
          type="search"
          aria-label="Search streams"
          placeholder="Search by id or name"
          value={search.q ?? ''}
          onChange={(event) => change({ q: event.target.value === '' ? undefined : event.target.value })}
          className={`${INPUT_CLASS} pl-8`}
        />
      </div>
      <fieldset className="flex gap-0.5 overflow-x-auto rounded-lg bg-sunken p-0.5">
        <legend className="sr-only">State</legend>
        {[undefined, ...STATUS_FILTERS].map((state) => (
          <button
            key={state ?? 'all'}
            type="button"
            aria-pressed={search.state === state}
            onClick={() => change({ state })}
            className="flex h-7 items-center gap-1.5 rounded-md px-2.5 font-medium text-soft text-xs hover:text-ink aria-pressed:bg-surface aria-pressed:text-ink aria-pressed:shadow-card max-md:h-9 max-md:px-2"
          >
            {state === undefined ? 'All' : statusWord(state)}
            <span className="tnum font-normal text-soft">{count(state)}</span>
          </button>
        ))}
      </fieldset>
    </div>
  )
}

function StreamTable({
  streams,
  search,
  change,
}: {
  readonly streams: readonly StreamView[]
  readonly search: StreamsSearch
  readonly change: Change
}) {
  if (streams.length === 0) {
    return (
      <div className="card">
        <EmptyState
          icon={<SearchX size={20} />}
          title="No stream matches"
          actions={<Button onClick={() => change({ q: undefined, state: undefined })}>Clear filters</Button>}
        />
      </div>
    )
  }
  const head = { search, change }
  return (
    <div className="card overflow-hidden">
      <table className="w-full border-collapse text-left">
        <TableHead>
          <SortHead {...head} sort="id" className="pl-4">
            Stream
          </SortHead>
          <SortHead {...head} sort="status">
            State
          </SortHead>
          <ColumnHead className="max-lg:hidden">Media</ColumnHead>
          <SortHead {...head} sort="viewers" isNumber>
            Viewers
          </SortHead>
          <SortHead {...head} sort="bitrate" isNumber>
            Bit rate
          </SortHead>
          <SortHead {...head} sort="latency" isNumber className="pr-4">
            Latency p95
          </SortHead>
        </TableHead>
        <tbody>
          {streams.map((stream) => (
            <StreamRow key={stream.id} stream={stream} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function SortHead({
  sort,
  children,
  search,
  change,
  isNumber = false,
  className = '',
}: {
  readonly sort: SortKey
  readonly children: ReactNode
  readonly search: StreamsSearch
  readonly change: Change
  readonly isNumber?: boolean
  readonly className?: string
}) {
  const isActive = (search.sort ?? 'status') === sort
  const isDescending = search.desc === true
  const Arrow = isDescending ? ArrowDown : ArrowUp
  return (
    <th
      scope="col"
      aria-sort={isActive ? (isDescending ? 'descending' : 'ascending') : 'none'}
      className={`h-9 px-3 font-medium ${isNumber ? 'text-right' : ''} ${className}`}
    >
      <button
        type="button"
        // Figures are looked at from the largest down.
        onClick={() =>
          change({ sort, desc: isActive ? (isDescending ? undefined : true) : isNumber ? true : undefined })
        }
        className={`inline-flex items-center gap-1 rounded hover:text-ink ${isNumber ? 'flex-row-reverse' : ''} ${isActive ? 'text-ink' : ''}`}
      >
        {children}
        <Arrow size={12} className={isActive ? '' : 'invisible'} aria-hidden />
      </button>
    </th>
  )
}

function StreamRow({ stream }: { readonly stream: StreamView }) {
  const { live } = stream
  const isOnAir = stream.status === 'live' || stream.status === 'interrupted' || stream.status === 'starting'
  const staleMs = useStaleMs(stream.id, stream.status === 'live')
  const history = useHistory(stream.id)
  const trend = history.slice(-SPARK_SAMPLES).map((sample) => sample.bitrateBps)
  const isLive = stream.status === 'live' || stream.status === 'starting'
  const isStale = staleMs !== null
  return (
    <tr className="relative border-line border-b last:border-b-0 hover:bg-hover/50 max-md:block max-md:px-4 max-md:py-3">
      <td className="h-12 py-1.5 pr-3 pl-4 max-md:block max-md:h-auto max-md:p-0">
        <Link
          to="/streams/$id"
          params={{ id: stream.id }}
          className="block font-medium outline-none after:absolute after:inset-0 focus-visible:after:outline-2 focus-visible:after:outline-accent focus-visible:after:-outline-offset-2"
        >
          <span className="break-all">{stream.id}</span>
        </Link>
        {stream.name !== '' && <span className="block max-w-64 truncate text-soft text-xs">{stream.name}</span>}
      </td>
      <td className="px-3 max-md:absolute max-md:top-3 max-md:right-4 max-md:p-0">
        <StatusBadge status={stream.status} isStale={isStale} />
        {staleMs !== null && <span className="tnum block text-soft text-xs">{Math.round(staleMs / 1000)} s ago</span>}
      </td>
      <td className="px-3 text-soft text-xs max-lg:hidden">{mediaWords(live) ?? '–'}</td>
      <td className={figureClass(isOnAir, isStale)}>
        {isOnAir ? formatCount(live.viewers) : '–'}
        <span className="md:hidden"> {live.viewers === 1 ? 'viewer' : 'viewers'}</span>
      </td>
      <td className={figureClass(isLive, isStale)}>
        <span className="inline-flex items-center gap-3 md:justify-end">
          {isOnAir && (
            <span className="max-md:hidden">
              <Sparkline values={trend} />
            </span>
          )}
          <span className="md:min-w-20 md:text-right">{isLive ? formatBitrate(live.bitrateBps) : '–'}</span>
        </span>
      </td>
      <td className={`${figureClass(isLive, isStale)} md:pr-4`}>
        {isLive ? formatLatency(live.latencyMs?.p95 ?? null) : '–'}
      </td>
    </tr>
  )
}

/** On a phone the cells of a row become one line of text, and what is not known is left out. */
function figureClass(isKnown: boolean, isStale: boolean): string {
  const phone = isKnown ? 'max-md:inline-block' : 'max-md:hidden'
  return `tnum whitespace-nowrap px-3 text-right max-md:mt-1.5 max-md:p-0 max-md:pr-3 max-md:text-xs ${phone} ${
    isKnown ? '' : 'text-soft'
  } ${isStale ? 'opacity-50' : ''}`
}

function LoadingList() {
  return (
    <div role="status" aria-label="Loading streams">
      <Skeleton className="mb-3 h-8 w-64" />
      <div className="card divide-y divide-line">
        {['a', 'b', 'c', 'd', 'e'].map((row) => (
          <div key={row} className="flex h-12 items-center gap-6 px-4">
            <Skeleton className="h-3.5 w-40" />
            <Skeleton className="h-3.5 w-16" />
            <Skeleton className="ml-auto h-3.5 w-24" />
          </div>
        ))}
      </div>
    </div>
  )
}

function dropUndefined(search: { [Key in keyof StreamsSearch]: StreamsSearch[Key] | undefined }): StreamsSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as StreamsSearch
}

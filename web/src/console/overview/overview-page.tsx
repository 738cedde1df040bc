import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { ArrowRight, CirclePlay, Plus } from 'lucide-react'
import type { ReactNode } from 'react'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { useEvents, useHistory } from '../api/live-context.tsx'
import { dvrOverviewQuery, streamsQuery, systemQuery } from '../api/queries.ts'
import { eventKey } from '../api/recent-events.ts'
import { EventRow } from '../events/event-list.tsx'
import { formatBitrate, formatBytes, formatCount, formatLatency, plural } from '../format/quantity.ts'
import { useMayOperate } from '../shell/session.ts'
import { SPOOL_ALARM_SHARE, spoolShare } from '../streams/dvr-words.ts'
import { startDemo } from '../streams/stream-actions.ts'
import { selectStreams } from '../streams/stream-order.ts'
import { mediaWords } from '../streams/stream-summary.ts'
import { useAttempt } from '../ui/attempt.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { PageHeader, Section } from '../ui/section.tsx'
import { Sparkline } from '../ui/sparkline.tsx'
import { ErrorState, Notice, Skeleton } from '../ui/states.tsx'
import { StatusBadge } from '../ui/status.tsx'
import { FirstSteps } from './first-steps.tsx'

const EVENTS_SHOWN = 8
const STREAMS_SHOWN = 8

export function OverviewPage() {
  const streams = useQuery(streamsQuery)
  const system = useQuery(systemQuery)
  return (
    <>
      <PageHeader
        title="Overview"
        actions={streams.data !== undefined && streams.data.length > 0 ? <TestStreamButton /> : undefined}
      />
      {system.data?.problems.map((problem) => (
        <div key={problem.code} className="mb-4">
          <Notice>{problem.message}</Notice>
        </div>
      ))}
      {streams.data !== undefined ? (
        streams.data.length === 0 ? (
          <FirstSteps system={system.data ?? null} testStream={<TestStreamButton isPrimary />} />
        ) : (
          <Dashboard streams={streams.data} />
        )
      ) : streams.isError ? (
        <div className="card">
          <ErrorState error={streams.error} onRetry={() => void streams.refetch()} />
        </div>
      ) : (
        <Loading />
      )}
    </>
  )
}

function TestStreamButton({ isPrimary = false }: { readonly isPrimary?: boolean }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const mayOperate = useMayOperate()
  const { isBusy, start } = useAttempt(() => startDemo(client, navigate))
  if (!mayOperate) return null
  return (
    <Button kind={isPrimary ? 'primary' : 'plain'} icon={<CirclePlay size={15} />} isBusy={isBusy} onClick={start}>
      Start test stream
    </Button>
  )
}

function Dashboard({ streams }: { readonly streams: readonly StreamView[] }) {
  const mayOperate = useMayOperate()
  const onAir = selectStreams(streams, { state: 'live' })
  const interrupted = selectStreams(streams, { state: 'interrupted' })
  const shown = [...interrupted, ...onAir].slice(0, STREAMS_SHOWN)
  const viewers = streams.reduce((sum, stream) => sum + stream.live.viewers, 0)
  const bitrate = [...onAir, ...interrupted].reduce((sum, stream) => sum + stream.live.bitrateBps, 0)
  return (
    <div className="space-y-4">
      <div className="card grid grid-cols-2 divide-line max-lg:gap-y-px lg:grid-cols-4 lg:divide-x">
        <Total label="On air" value={`${onAir.length}`} note={`of ${streams.length}`} />
        <Total label="Interrupted" value={`${interrupted.length}`} tone={interrupted.length > 0 ? 'warn' : undefined} />
        <Total label="Viewers" value={formatCount(viewers)} />
        <Total label="Coming in" value={bitrate === 0 ? '0' : formatBitrate(bitrate)} />
      </div>
      <Recordings streamCount={streams.length} />
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1.5fr)_minmax(0,1fr)]">
        <Section
          title="On air"
          isFlush
          actions={
            <Link to="/streams" className="inline-flex items-center gap-1 text-accent text-xs hover:underline">
              All streams <ArrowRight size={13} />
            </Link>
          }
        >
          {shown.length === 0 ? (
            <div className="px-4 pb-4 text-soft">
              <p>No encoder publishes right now. The page of each stream shows how to connect one.</p>
              {mayOperate && (
                <Link to="/streams" search={{ create: true }} className={`${buttonClass('plain', true)} mt-3`}>
                  <Plus size={14} /> Create stream
                </Link>
              )}
            </div>
          ) : (
            <ul className="border-line border-t">
              {shown.map((stream) => (
                <OnAirRow key={stream.id} stream={stream} />
              ))}
            </ul>
          )}
        </Section>
        <LatestEvents />
      </div>
    </div>
  )
}

/** Only where something is recorded, or was. */
function Recordings({ streamCount }: { readonly streamCount: number }) {
  const { data } = useQuery(dvrOverviewQuery)
  if (data === undefined || (data.recordedStreams === 0 && (data.storedBytes ?? 0) === 0)) return null
  const share = spoolShare(data.spool)
  return (
    <div className="card grid grid-cols-2 divide-line max-lg:gap-y-px lg:grid-cols-4 lg:divide-x">
      <Total label="Recorded" value={`${data.recordedStreams}`} note={`of ${streamCount}`} />
      <Total label="Recordings kept" value={data.storedBytes === null ? '–' : formatBytes(data.storedBytes)} />
      <Total
        label="They grow by"
        value={data.bytesPerDayForecast === null ? '–' : formatBytes(data.bytesPerDayForecast)}
        note="a day"
      />
      <Total
        label="Not in the store yet"
        value={formatBytes(data.spool.bytes)}
        note={`${Math.round(share * 100)} % of the spool`}
        tone={share >= SPOOL_ALARM_SHARE ? 'warn' : undefined}
      />
    </div>
  )
}

function Total({
  label,
  value,
  note,
  tone,
}: {
  readonly label: string
  readonly value: string
  readonly note?: string
  readonly tone?: 'warn' | undefined
}) {
  return (
    <div className="px-4 py-3">
      <div className="text-soft text-xs">{label}</div>
      <div className={`tnum mt-0.5 font-semibold text-lg tracking-tight ${tone === 'warn' ? 'text-warn' : ''}`}>
        {value} {note !== undefined && <span className="font-normal text-sm text-soft">{note}</span>}
      </div>
    </div>
  )
}

function OnAirRow({ stream }: { readonly stream: StreamView }) {
  const isLive = stream.status === 'live'
  const history = useHistory(stream.id)
  return (
    <li className="relative flex flex-wrap items-center gap-x-4 gap-y-1 border-line border-b px-4 py-2.5 last:border-b-0 hover:bg-hover/50">
      <div className="min-w-0 flex-1">
        <Link
          to="/streams/$id"
          params={{ id: stream.id }}
          className="block truncate font-medium outline-none after:absolute after:inset-0 focus-visible:after:outline-2 focus-visible:after:outline-accent focus-visible:after:-outline-offset-2"
        >
          {stream.name === '' ? stream.id : stream.name}
        </Link>
        <span className="block truncate text-soft text-xs">{mediaWords(stream.live) ?? stream.id}</span>
      </div>
      <div className="sm:w-24">
        <StatusBadge status={stream.status} />
      </div>
      <div className="tnum flex items-center gap-4 max-sm:basis-full max-sm:gap-3 max-sm:text-xs">
        <span className="max-sm:hidden">
          <Sparkline values={history.slice(-60).map((sample) => sample.bitrateBps)} />
        </span>
        <span className={`text-right sm:w-20 ${isLive ? '' : 'max-sm:hidden'}`}>
          {formatBitrate(stream.live.bitrateBps)}
        </span>
        <span className={`text-right sm:w-16 ${isLive ? '' : 'max-sm:hidden'}`}>
          {formatLatency(stream.live.latencyMs?.p95 ?? null)}
        </span>
        <span className="whitespace-nowrap text-right text-soft sm:w-24">
          {plural(stream.live.viewers, 'viewer', 'viewers')}
        </span>
      </div>
    </li>
  )
}

function LatestEvents() {
  const { query, events } = useEvents(null)
  let content: ReactNode
  if (query.isPending) content = <Skeleton className="mx-4 mb-4 h-24" />
  else if (query.isError && query.data === undefined) {
    content = <ErrorState error={query.error} onRetry={() => void query.refetch()} />
  } else if (events.length === 0) content = <p className="px-4 pb-4 text-soft">Nothing has happened yet.</p>
  else {
    content = (
      <ul className="border-line border-t">
        {events.slice(0, EVENTS_SHOWN).map((event) => (
          <EventRow key={eventKey(event)} event={event} showsStream />
        ))}
      </ul>
    )
  }
  return (
    <Section
      title="Latest events"
      isFlush
      actions={
        <Link to="/events" className="inline-flex items-center gap-1 text-accent text-xs hover:underline">
          All events <ArrowRight size={13} />
        </Link>
      }
    >
      {content}
    </Section>
  )
}

function Loading() {
  return (
    <div role="status" aria-label="Loading the overview" className="space-y-4">
      <Skeleton className="h-18 rounded-[10px]" />
      <div className="grid gap-4 xl:grid-cols-[minmax(0,1.5fr)_minmax(0,1fr)]">
        <Skeleton className="h-64 rounded-[10px]" />
        <Skeleton className="h-64 rounded-[10px]" />
      </div>
    </div>
  )
}

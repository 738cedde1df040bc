import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ChevronRight, CirclePlay, CircleStop, Ellipsis, ExternalLink, RotateCw, SearchX, Trash2 } from 'lucide-react'
import { type ReactNode, useRef, useState } from 'react'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import { isProblem } from '../api/client.ts'
import { useEvents, useStaleMs, useTopic } from '../api/live-context.tsx'
import { streamQuery } from '../api/queries.ts'
import type { ConnectTab, Range, StreamTab } from '../search-params.ts'
import { useMayOperate } from '../shell/session.ts'
import { useAttempt } from '../ui/attempt.ts'
import { Button, buttonClass, IconButton } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { Menu } from '../ui/menu.tsx'
import { EmptyState, ErrorState, Notice, Skeleton } from '../ui/states.tsx'
import { Tabs } from '../ui/tabs.tsx'
import { toastDone, toastError } from '../ui/toast.tsx'
import { secondsOf } from './connect-commands.ts'
import { ConnectPanel } from './connect-panel.tsx'
import { DeleteDialog } from './delete-dialog.tsx'
import { DvrPanel } from './dvr-panel.tsx'
import { HealthPanel } from './health-panel.tsx'
import { InputsPanel } from './inputs-panel.tsx'
import { KeysPanel } from './keys-panel.tsx'
import { LivePicture } from './live-picture.tsx'
import { SettingsPanel } from './settings-panel.tsx'
import { SlatePanel } from './slate-panel.tsx'
import { restartStream, setTestSource } from './stream-actions.ts'
import { StreamEvents } from './stream-events.tsx'
import { RangeSwitch, StreamPlots } from './stream-plots.tsx'
import { TimelineBar } from './timeline-bar.tsx'
import { type PlayerHandle, useLivePlayer } from './use-live-player.ts'

const route = getRouteApi('/shell/streams/$id')

export function StreamPage() {
  const { id } = route.useParams()
  useTopic(`stream.${id}`)
  const stream = useQuery(streamQuery(id))
  if (isProblem(stream.error, 'stream_not_found')) return <Gone id={id} />
  if (stream.data !== undefined) return <Loaded key={id} stream={stream.data} error={stream.error} />
  if (stream.isError) return <ErrorState error={stream.error} onRetry={() => void stream.refetch()} />
  return <Loading id={id} />
}

function Loaded({ stream, error }: { readonly stream: StreamView; readonly error: unknown }) {
  const isOnAir = stream.status === 'live' || stream.status === 'starting' || stream.status === 'interrupted'
  const handle = useLivePlayer(stream.playback.hls, isOnAir)
  const staleMs = useStaleMs(stream.id, stream.status === 'live')
  const { events } = useEvents(stream.id)
  return (
    <>
      <Header stream={stream} />
      {error !== null && (
        <div className="mb-4">
          <Notice tone="bad">This page could not be refreshed; figures may be old.</Notice>
        </div>
      )}
      <div className="grid gap-4 lg:grid-cols-[minmax(0,1fr)_20rem] xl:grid-cols-[minmax(0,1fr)_22rem]">
        <div className="min-w-0 space-y-3">
          <LivePicture stream={stream} handle={handle} actions={<StandbyActions stream={stream} />} />
          <TimelineBar handle={handle} windowMs={secondsOf(stream.settings.window) * 1000} events={events} />
        </div>
        <HealthPanel stream={stream} stats={handle.stats} staleMs={staleMs} />
      </div>
      <Panels stream={stream} handle={handle} isOnAir={isOnAir} />
    </>
  )
}

function Panels({
  stream,
  handle,
  isOnAir,
}: {
  readonly stream: StreamView
  readonly handle: PlayerHandle
  readonly isOnAir: boolean
}) {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const mayOperate = useMayOperate()
  // A silent stream is opened to connect it. Decided once, so that the tab does not change under the reader.
  const opening = useRef<StreamTab>(isOnAir ? 'monitor' : 'connect').current
  const range: Range = search.range ?? '5m'
  const change = (next: { tab?: StreamTab; with?: ConnectTab; range?: Range }): void => {
    void navigate({ search: (previous) => ({ ...previous, ...next }), replace: true, resetScroll: false })
  }
  const latencySec = handle.stats?.latencySec ?? null
  const tabs = [
    {
      id: 'monitor',
      label: 'Monitor',
      content: (
        <div className="space-y-4">
          <RangeSwitch range={range} onChange={(next) => change({ range: next })} />
          <StreamPlots
            streamId={stream.id}
            range={range}
            playerLatencyMs={latencySec === null ? null : latencySec * 1000}
          />
          <StreamEvents streamId={stream.id} />
        </div>
      ),
    },
    { id: 'recording', label: 'Recording', content: <DvrPanel stream={stream} /> },
    {
      id: 'connect',
      label: 'Connect',
      content: <ConnectPanel stream={stream} tab={search.with ?? 'obs'} onTab={(next) => change({ with: next })} />,
    },
    ...(mayOperate ? [{ id: 'settings', label: 'Settings', content: <SettingsTab stream={stream} /> }] : []),
  ]
  const tab = search.tab ?? opening
  return (
    <div className="mt-6">
      <Tabs label="About this stream" tabs={tabs} value={tab} onChange={(next) => change({ tab: next as StreamTab })} />
    </div>
  )
}

function SettingsTab({ stream }: { readonly stream: StreamView }) {
  return (
    <div className="grid items-start gap-4 xl:grid-cols-2">
      <SettingsPanel key={stream.updatedAt} stream={stream} />
      <div className="grid gap-4">
        <InputsPanel stream={stream} />
        <SlatePanel stream={stream} />
        <KeysPanel streamId={stream.id} />
      </div>
    </div>
  )
}

function Header({ stream }: { readonly stream: StreamView }) {
  const mayOperate = useMayOperate()
  return (
    <header className="mb-4 flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        <nav aria-label="Path" className="flex items-center gap-1 text-soft text-xs">
          <Link to="/streams" className="hover:text-ink hover:underline">
            Streams
          </Link>
          <ChevronRight size={12} aria-hidden />
          <span className="truncate">{stream.id}</span>
        </nav>
        <div className="mt-0.5 flex flex-wrap items-center gap-x-3 gap-y-1">
          <h1 className="text-lg wrap-anywhere">{stream.name === '' ? stream.id : stream.name}</h1>
        </div>
      </div>
      <div className="flex flex-wrap items-center gap-2">
        <a href={stream.playback.watch} target="_blank" rel="noreferrer" className={buttonClass()}>
          <ExternalLink size={14} /> Player page
        </a>
        {mayOperate && <Actions stream={stream} />}
      </div>
    </header>
  )
}

function Actions({ stream }: { readonly stream: StreamView }) {
  const [open, setOpen] = useState<'restart' | 'delete' | null>(null)
  const isOnAir = stream.status !== 'offline' && stream.status !== 'ended'
  const close = (): void => setOpen(null)
  return (
    <>
      {stream.live.input?.protocol === 'test' && <TestSourceButton stream={stream} isOn={false} />}
      {stream.status === 'interrupted' && stream.live.input === null && <TestSourceButton stream={stream} isOn />}
      <Menu
        trigger={
          <IconButton label="More actions" className="border border-line bg-surface shadow-card">
            <Ellipsis size={16} />
          </IconButton>
        }
        items={[
          ...(isOnAir
            ? [{ label: 'Restart stream', icon: <RotateCw size={14} />, onSelect: () => setOpen('restart') }]
            : []),
          { label: 'Delete stream', icon: <Trash2 size={14} />, isDanger: true, onSelect: () => setOpen('delete') },
        ]}
      />
      <Confirm
        isOpen={open === 'restart'}
        onClose={close}
        title={`Restart ${stream.id}?`}
        verb="Restart stream"
        onConfirm={async () => {
          await restartStream(stream.id)
          toastDone(`The inputs of ${stream.id} were ended. The encoder may connect again.`)
        }}
      >
        The encoder is disconnected and has to connect again; most do so by themselves within seconds. Viewers see a
        gap, then playback goes on.
      </Confirm>
      <DeleteDialog stream={stream} isOpen={open === 'delete'} onClose={close} />
    </>
  )
}

function StandbyActions({ stream }: { readonly stream: StreamView }) {
  const mayOperate = useMayOperate()
  return (
    <>
      <Link
        to="/streams/$id"
        params={{ id: stream.id }}
        search={{ tab: 'connect' }}
        resetScroll={false}
        className="inline-flex h-8 items-center rounded-md bg-white px-3 font-medium text-[#18181b] hover:bg-white/90"
      >
        How to connect
      </Link>
      {mayOperate && <TestSourceButton stream={stream} isOn isOnPicture />}
    </>
  )
}

function TestSourceButton({
  stream,
  isOn,
  isOnPicture = false,
}: {
  readonly stream: StreamView
  readonly isOn: boolean
  readonly isOnPicture?: boolean
}) {
  const { isBusy, start } = useAttempt(() => setTestSource(stream.id, isOn).catch(toastError))
  const icon: ReactNode = isOn ? <CirclePlay size={14} /> : <CircleStop size={14} />
  return (
    <Button
      isBusy={isBusy}
      icon={icon}
      onClick={start}
      className={isOnPicture ? 'border-white/30! bg-transparent! text-white! shadow-none! hover:bg-white/15!' : ''}
    >
      {isOn ? 'Start test picture' : 'Stop test picture'}
    </Button>
  )
}

function Gone({ id }: { readonly id: string }) {
  return (
    <EmptyState
      icon={<SearchX size={20} />}
      title={`There is no stream “${id}”`}
      actions={
        <Link to="/streams" className={buttonClass()}>
          All streams
        </Link>
      }
    >
      It may have been deleted, or the address is mistyped.
    </EmptyState>
  )
}

function Loading({ id }: { readonly id: string }) {
  return (
    <div role="status" aria-label={`Loading stream ${id}`}>
      <Skeleton className="mb-2 h-3 w-32" />
      <Skeleton className="mb-5 h-6 w-56" />
      <div className="grid gap-4 lg:grid-cols-[minmax(0,1fr)_20rem] xl:grid-cols-[minmax(0,1fr)_22rem]">
        <div className="space-y-3">
          <Skeleton className="aspect-video rounded-[10px]" />
          <Skeleton className="h-9" />
        </div>
        <Skeleton className="h-96 rounded-[10px]" />
      </div>
    </div>
  )
}

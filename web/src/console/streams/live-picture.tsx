// The picture with its own controls, and the words that stand in for it while there is none.
import { CircleAlert, Maximize, Pause, Play, Radio, Volume2, VolumeX, WifiOff } from 'lucide-react'
import type { ReactNode } from 'react'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import type { PlayerStats } from '../../player/player-state.ts'
import { formatClock } from '../format/moment.ts'
import { formatLatency } from '../format/quantity.ts'
import { Spinner } from '../ui/spinner.tsx'
import type { PlayerHandle } from './use-live-player.ts'

export function LivePicture({
  stream,
  handle,
  actions,
}: {
  readonly stream: StreamView
  readonly handle: PlayerHandle
  readonly actions: ReactNode
}) {
  const { stats } = handle
  const isShown = stats !== null && (stats.state === 'playing' || stats.state === 'paused' || stats.state === 'stalled')
  return (
    <div
      data-player
      className="group relative aspect-video overflow-hidden rounded-[10px] bg-black text-white outline outline-white/10 -outline-offset-1 max-md:-mx-4 max-md:rounded-none"
    >
      <video
        ref={handle.attach}
        muted
        playsInline
        autoPlay
        className="size-full"
        aria-label={`Live picture of ${stream.id}`}
      />
      {!isShown && <Standby stream={stream} stats={stats} actions={actions} />}
      {isShown && <TopLine stream={stream} stats={stats} />}
      {isShown && <Controls handle={handle} stats={stats} />}
    </div>
  )
}

function TopLine({ stream, stats }: { readonly stream: StreamView; readonly stats: PlayerStats }) {
  const isInterrupted = stream.status === 'interrupted'
  return (
    <div className="pointer-events-none absolute inset-x-0 top-0 flex items-start justify-between gap-2 p-3">
      <span className="flex items-center gap-2 rounded-md bg-black/70 px-2 py-1 font-medium text-xs">
        {stats.state === 'stalled' ? (
          <>
            <Spinner size={12} />{' '}
            {isInterrupted ? 'The encoder is silent; playback goes on when it returns' : 'Waiting for data'}
          </>
        ) : stats.atLiveEdge ? (
          <>
            <span className="size-2 rounded-full bg-[#ff4d5a]" aria-hidden /> Live
          </>
        ) : (
          <>Behind live</>
        )}
      </span>
      {stats.latencySec !== null && <LatencyTag latencySec={stats.latencySec} />}
    </div>
  )
}

/** A clock that is off by more than this says nothing about latency. */
const CLOCK_DOUBT_SEC = -0.05

function LatencyTag({ latencySec }: { readonly latencySec: number }) {
  const isPlausible = latencySec > CLOCK_DOUBT_SEC
  return (
    <span
      className="tnum rounded-md bg-black/70 px-2 py-1 font-medium text-xs"
      title={
        isPlausible
          ? "This computer's clock minus the time written into the picture on screen"
          : "This computer's clock and the server's clock differ, so latency cannot be measured here"
      }
    >
      {isPlausible ? `${formatLatency(latencySec * 1000)} behind` : 'clocks differ'}
    </span>
  )
}

function Controls({ handle, stats }: { readonly handle: PlayerHandle; readonly stats: PlayerStats }) {
  const { player, video } = handle
  const isPaused = stats.state === 'paused'
  const button =
    'flex h-8 items-center gap-1.5 whitespace-nowrap rounded-md px-2 text-xs font-medium hover:bg-white/20 max-md:h-10 focus-visible:outline-white -outline-offset-2'
  return (
    <div
      className={`absolute inset-x-0 bottom-0 flex items-center gap-1 bg-linear-to-t from-black/75 to-transparent px-2 pt-8 pb-2 transition-opacity focus-within:opacity-100 group-hover:opacity-100 max-md:opacity-100 ${
        isPaused || !stats.atLiveEdge ? '' : 'opacity-0'
      }`}
    >
      <button
        type="button"
        className={button}
        aria-label={isPaused ? 'Play' : 'Pause'}
        onClick={() => (isPaused ? player?.play() : player?.pause())}
      >
        {isPaused ? <Play size={16} /> : <Pause size={16} />}
      </button>
      <button
        type="button"
        className={button}
        aria-label={stats.muted ? 'Turn sound on' : 'Turn sound off'}
        onClick={() => {
          if (video !== null) video.muted = !video.muted
        }}
      >
        {stats.muted ? <VolumeX size={16} /> : <Volume2 size={16} />}
        {stats.muted && <span>Sound off</span>}
      </button>
      {stats.playingAtMs !== null && (
        <span className="tnum ml-1 text-white/80 text-xs">{formatClock(stats.playingAtMs)}</span>
      )}
      <span className="flex-1" />
      {!stats.atLiveEdge && (
        <button type="button" className={`${button} bg-white/15`} onClick={() => player?.goLive()}>
          <Radio size={14} /> Go live
        </button>
      )}
      <button
        type="button"
        className={button}
        aria-label="Full screen"
        onClick={() => void video?.closest('[data-player]')?.requestFullscreen()}
      >
        <Maximize size={16} />
      </button>
    </div>
  )
}

function Standby({
  stream,
  stats,
  actions,
}: {
  readonly stream: StreamView
  readonly stats: PlayerStats | null
  readonly actions: ReactNode
}) {
  const words = standbyWords(stream, stats)
  return (
    <div
      className="absolute inset-0 flex flex-col items-center justify-center gap-1 bg-[#111114] px-6 text-center"
      aria-live="polite"
    >
      <div className="mb-1.5 text-white/70">{words.icon}</div>
      <p className="font-medium text-white">{words.title}</p>
      {words.text !== null && <p className="max-w-sm text-white/70 text-xs">{words.text}</p>}
      {words.offersActions && <div className="mt-3 flex flex-wrap justify-center gap-2">{actions}</div>}
    </div>
  )
}

interface StandbyWords {
  readonly icon: ReactNode
  readonly title: string
  readonly text: string | null
  readonly offersActions: boolean
}

function standbyWords(stream: StreamView, stats: PlayerStats | null): StandbyWords {
  if (stats?.state === 'failed') {
    return {
      icon: <CircleAlert size={22} />,
      title: 'The picture cannot be shown here',
      text: stats.message,
      offersActions: false,
    }
  }
  if (stats?.state === 'reconnecting') {
    return {
      icon: <WifiOff size={22} />,
      title: 'Trying to reach the media server',
      text: stats.message,
      offersActions: false,
    }
  }
  if (stream.status === 'offline' || stream.status === 'ended') {
    return {
      icon: <Radio size={22} />,
      title: stream.status === 'ended' ? 'The stream has ended' : 'Waiting for the encoder',
      text: 'The picture appears here by itself as soon as something is published.',
      offersActions: true,
    }
  }
  return {
    icon: <Spinner size={22} />,
    title: 'Starting',
    text: 'The first segment is on its way.',
    offersActions: false,
  }
}

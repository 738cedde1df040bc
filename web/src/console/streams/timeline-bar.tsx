// The reachable past as a bar that ends at the live edge, so that the distance of the playhead from there is the latency.
// Gaps are hatched, clock changes are dashed lines, events are dots.
import { History } from 'lucide-react'
import { type PointerEvent, useState } from 'react'
import type { EventView } from '../../../../src/api/event-contract.ts'
import type { LiveWindow } from '../../player/live-window.ts'
import { destinationAt, distanceWords, isRewindable, keyDestination, playheadWords } from '../../player/seek-bar.ts'
import { eventKey } from '../api/recent-events.ts'
import { formatClock } from '../format/moment.ts'
import { Button } from '../ui/button.tsx'
import { Ticks } from './dvr-picture.tsx'
import { shareOf, type TimeRange, timeAtShare } from './timeline-scale.ts'
import type { PlayerHandle } from './use-live-player.ts'

interface TimelineBarProps {
  readonly handle: PlayerHandle
  readonly windowMs: number
  readonly events: readonly EventView[]
}

export function TimelineBar({ handle, windowMs, events }: TimelineBarProps) {
  const { window: live, stats, player } = handle
  const [pointed, setPointed] = useState<{ readonly atMs: number; readonly isDragging: boolean } | null>(null)
  const canRewind = isRewindable(live)
  const nowMs = Date.now()
  const domain = live !== null && canRewind ? live : { startMs: nowMs - windowMs, endMs: nowMs }
  const playingAtMs = stats?.playingAtMs ?? null
  const isLive = stats?.atLiveEdge ?? true

  const point = (event: PointerEvent<HTMLElement>, isDragging: boolean): void => {
    if (live === null) return
    const box = event.currentTarget.getBoundingClientRect()
    setPointed({ atMs: timeAtShare(domain, (event.clientX - box.left) / box.width), isDragging })
  }

  return (
    <div>
      <div
        role="slider"
        tabIndex={live === null ? -1 : 0}
        aria-label={canRewind ? 'Recorded and live' : 'Live window'}
        aria-disabled={live === null}
        aria-valuemin={Math.round((live?.startMs ?? domain.startMs) / 1000)}
        aria-valuemax={Math.round(domain.endMs / 1000)}
        aria-valuenow={Math.round((playingAtMs ?? domain.endMs) / 1000)}
        aria-valuetext={
          playingAtMs === null
            ? 'not playing'
            : playheadWords(formatClock(playingAtMs), stats?.latencySec ?? null, isLive)
        }
        onKeyDown={(event) => {
          const destination = live === null || playingAtMs === null ? null : keyDestination(event, playingAtMs, live)
          if (destination === null) return
          player?.goTo(destination)
          event.preventDefault()
        }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          point(event, true)
        }}
        onPointerMove={(event) => point(event, pointed?.isDragging === true)}
        onPointerUp={() => {
          // Only here: each place on the way would be loaded, and thrown away.
          if (live !== null && pointed?.isDragging === true) player?.goTo(destinationAt(live, pointed.atMs))
          setPointed(null)
        }}
        onPointerCancel={() => setPointed(null)}
        onPointerLeave={() => pointed?.isDragging === true || setPointed(null)}
        className={`relative h-9 touch-none select-none overflow-hidden rounded-md bg-sunken ${live === null ? '' : 'cursor-pointer'}`}
      >
        {live !== null && <Spans live={live} domain={domain} />}
        {events.map((event) => (
          <EventMark key={eventKey(event)} event={event} domain={domain} />
        ))}
        {pointed !== null && (
          <Line share={shareOf(domain, pointed.atMs)} className="bg-soft" label={formatClock(pointed.atMs)} />
        )}
        {playingAtMs !== null && live !== null && pointed?.isDragging !== true && (
          <Line share={shareOf(domain, playingAtMs)} className="w-0.5 bg-ink" label={null} />
        )}
      </div>
      {canRewind ? (
        <>
          <Ticks domain={domain} />
          <Rewind handle={handle} live={live} />
        </>
      ) : (
        <div className="tnum mt-1 flex justify-between text-soft text-xs">
          <span>{live === null ? `−${Math.round(windowMs / 1000)}\u00a0s` : formatClock(domain.startMs)}</span>
          <Legend live={live} />
          <span>now</span>
        </div>
      )}
    </div>
  )
}

/** Where one is, and the ways back and forth. */
function Rewind({
  handle: { player, stats },
  live,
}: {
  readonly handle: PlayerHandle
  readonly live: LiveWindow | null
}) {
  const playingAtMs = stats?.playingAtMs ?? null
  const isLive = stats?.atLiveEdge ?? true
  return (
    <div className="mt-1.5 flex flex-wrap items-center gap-x-3 gap-y-1.5">
      <Button isSmall icon={<History size={13} />} onClick={() => player?.skipBack()} className="max-md:h-9">
        −30 s
      </Button>
      <span className="tnum text-xs">
        {playingAtMs === null ? '–' : formatClock(playingAtMs)}
        <span className="text-soft max-sm:hidden">
          {' '}
          of {distanceWords(live === null ? 0 : (live.endMs - live.startMs) / 1000)} that can be played
        </span>
      </span>
      <span className="text-soft text-xs max-sm:hidden">
        <Legend live={live} />
      </span>
      <span className="flex-1" />
      <GoLive isLive={isLive} behindSec={stats?.latencySec ?? null} onPress={() => player?.goLive()} />
    </div>
  )
}

function GoLive(props: { readonly isLive: boolean; readonly behindSec: number | null; readonly onPress: () => void }) {
  const { isLive, behindSec, onPress } = props
  return (
    <Button isSmall disabled={isLive} onClick={onPress} className="tnum min-w-32 disabled:opacity-100 max-md:h-9">
      <span className={`size-2 rounded-full ${isLive ? 'bg-bad-fill' : 'border-[1.5px] border-edge'}`} aria-hidden />
      {isLive ? 'Live' : `Go live${behindSec === null ? '' : ` · −${distanceWords(behindSec)}`}`}
    </Button>
  )
}

/** An encoder that connects again and again would leave nothing but marks. */
const CLOCK_MARKS_MAX = 40

function Spans({ live, domain }: { readonly live: LiveWindow; readonly domain: TimeRange }) {
  const marksClocks = live.spans.filter((span) => span.startsDiscontinuity).length <= CLOCK_MARKS_MAX
  return live.spans.map((span) => {
    const left = shareOf(domain, span.startMs)
    const width = shareOf(domain, span.endMs) - left
    if (width <= 0) return null
    return (
      <div
        key={span.startMs}
        title={span.isGap ? 'Gap: nothing was sent, or it could not be recorded' : undefined}
        className={`absolute inset-y-0 min-w-px ${marksClocks ? 'border-surface border-r' : ''} ${span.isGap ? 'gap-hatch bg-warn-wash' : 'bg-accent/35'} ${
          marksClocks && span.startsDiscontinuity ? 'border-l-2 border-l-warn border-dashed' : ''
        }`}
        style={{ left: `${left * 100}%`, width: `${width * 100}%` }}
      />
    )
  })
}

function EventMark({ event, domain }: { readonly event: EventView; readonly domain: TimeRange }) {
  const atMs = Date.parse(event.at)
  if (atMs < domain.startMs || atMs > domain.endMs) return null
  const tone = { info: 'bg-soft', warning: 'bg-warn', error: 'bg-bad' }[event.severity]
  return (
    <div
      title={event.message}
      className={`absolute top-1 size-2 -translate-x-1/2 rounded-full border border-surface ${tone}`}
      style={{ left: `${shareOf(domain, atMs) * 100}%` }}
    />
  )
}

function Line({
  share,
  className,
  label,
}: {
  readonly share: number
  readonly className: string
  readonly label: string | null
}) {
  return (
    <div className={`pointer-events-none absolute inset-y-0 w-px ${className}`} style={{ left: `${share * 100}%` }}>
      {label !== null && (
        <span
          className={`tnum absolute bottom-1 rounded bg-ink px-1 text-canvas text-xs ${share > 0.8 ? 'right-1' : 'left-1'}`}
        >
          {label}
        </span>
      )}
    </div>
  )
}

function Legend({ live }: { readonly live: LiveWindow | null }) {
  if (live === null) return <span>Here is the live window while the picture plays</span>
  const gaps = live.spans.filter((span) => span.isGap).length
  if (gaps === 0) return null
  return (
    <span className="flex items-center gap-1.5">
      <span className="gap-hatch inline-block h-2.5 w-4 rounded-sm bg-warn-wash" aria-hidden />
      {gaps} {gaps === 1 ? 'gap' : 'gaps'} without media
    </span>
  )
}

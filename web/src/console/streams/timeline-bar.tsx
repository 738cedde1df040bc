// The live window as a bar that flows to the left: its right end is now, so that the distance of the playhead from it
// is the latency. Gaps are hatched, clock changes are dashed lines, events are dots.
import { type KeyboardEvent, type PointerEvent, useState } from 'react'
import type { EventView } from '../../../../src/api/contract.ts'
import type { LiveWindow } from '../../player/live-window.ts'
import { eventKey } from '../api/recent-events.ts'
import { formatClock } from '../format/moment.ts'
import { shareOf, timeAtShare } from './timeline-scale.ts'
import type { PlayerHandle } from './use-live-player.ts'

interface TimelineBarProps {
  readonly handle: PlayerHandle
  readonly windowMs: number
  readonly events: readonly EventView[]
}

const STEP_MS = 1000
const STEP_LARGE_MS = 5000

export function TimelineBar({ handle, windowMs, events }: TimelineBarProps) {
  const { window: live, stats, player } = handle
  const [hoverMs, setHoverMs] = useState<number | null>(null)
  const nowMs = Date.now()
  const domain = { startMs: nowMs - windowMs, endMs: nowMs }
  const playingAtMs = stats?.playingAtMs ?? null

  const timeAt = (event: PointerEvent<HTMLElement>): number => {
    const box = event.currentTarget.getBoundingClientRect()
    return timeAtShare(domain, (event.clientX - box.left) / box.width)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (playingAtMs === null) return
    const step = { ArrowLeft: -STEP_MS, ArrowRight: STEP_MS, PageDown: -STEP_LARGE_MS, PageUp: STEP_LARGE_MS }[
      event.key
    ]
    if (step !== undefined) player?.seekTo(playingAtMs + step)
    else if (event.key === 'Home' && live !== null) player?.seekTo(live.startMs)
    else if (event.key === 'End') player?.goLive()
    else return
    event.preventDefault()
  }

  return (
    <div>
      <div
        role="slider"
        tabIndex={live === null ? -1 : 0}
        aria-label="Live window"
        aria-disabled={live === null}
        aria-valuemin={Math.round((live?.startMs ?? domain.startMs) / 1000)}
        aria-valuemax={Math.round(domain.endMs / 1000)}
        aria-valuenow={Math.round((playingAtMs ?? domain.endMs) / 1000)}
        aria-valuetext={playingAtMs === null ? 'not playing' : formatClock(playingAtMs)}
        onKeyDown={onKeyDown}
        onPointerMove={(event) => setHoverMs(live === null ? null : timeAt(event))}
        onPointerLeave={() => setHoverMs(null)}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect()
          player?.seekTo(timeAtShare(domain, (event.clientX - box.left) / box.width))
        }}
        className={`relative h-9 overflow-hidden rounded-md bg-sunken ${live === null ? '' : 'cursor-pointer'}`}
      >
        {live !== null && <Segments live={live} domain={domain} />}
        {events.map((event) => (
          <EventMark key={eventKey(event)} event={event} domain={domain} />
        ))}
        {hoverMs !== null && <Line share={shareOf(domain, hoverMs)} className="bg-soft" label={formatClock(hoverMs)} />}
        {playingAtMs !== null && live !== null && (
          <Line share={shareOf(domain, playingAtMs)} className="w-0.5 bg-ink" label={null} />
        )}
      </div>
      <div className="tnum mt-1 flex justify-between text-soft text-xs">
        <span>{live === null ? `−${Math.round(windowMs / 1000)}\u00a0s` : formatClock(domain.startMs)}</span>
        <Legend live={live} />
        <span>now</span>
      </div>
    </div>
  )
}

interface Domain {
  readonly startMs: number
  readonly endMs: number
}

function Segments({ live, domain }: { readonly live: LiveWindow; readonly domain: Domain }) {
  return live.segments.map((segment) => {
    const left = shareOf(domain, segment.startMs)
    const width = shareOf(domain, segment.endMs) - left
    if (width <= 0) return null
    return (
      <div
        key={segment.startMs}
        title={segment.isGap ? 'Gap: the encoder sent nothing' : undefined}
        className={`absolute inset-y-0 border-surface border-r ${segment.isGap ? 'gap-hatch bg-warn-wash' : 'bg-accent/35'} ${
          segment.startsDiscontinuity ? 'border-l-2 border-l-warn border-dashed' : ''
        }`}
        style={{ left: `${left * 100}%`, width: `${width * 100}%` }}
      />
    )
  })
}

function EventMark({ event, domain }: { readonly event: EventView; readonly domain: Domain }) {
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
  const gaps = live.segments.filter((segment) => segment.isGap).length
  if (gaps === 0) return null
  return (
    <span className="flex items-center gap-1.5">
      <span className="gap-hatch inline-block h-2.5 w-4 rounded-sm bg-warn-wash" aria-hidden />
      {gaps} {gaps === 1 ? 'gap' : 'gaps'}: the encoder sent nothing
    </span>
  )
}

// What matters now, beside the picture.
import type { ReactNode } from 'react'
import type { StreamView } from '../../../../src/api/stream-contract.ts'
import type { PlayerStats } from '../../player/player-state.ts'
import { useHistory } from '../api/live-context.tsx'
import { formatAbsolute, formatElapsed } from '../format/moment.ts'
import { formatBitrate, formatBytes, formatCount, formatFrameRate, formatLatency } from '../format/quantity.ts'
import { useNow } from '../ui/relative-time.tsx'
import { Sparkline } from '../ui/sparkline.tsx'
import { Notice } from '../ui/states.tsx'
import { StatusBadge } from '../ui/status.tsx'
import {
  audioWords,
  causesOf,
  lossPercent,
  meaningsOf,
  PROTOCOL_NAMES,
  sumOf,
  videoTrackOf,
  videoWords,
} from './stream-summary.ts'

export function HealthPanel({
  stream,
  stats,
  staleMs,
}: {
  readonly stream: StreamView
  readonly stats: PlayerStats | null
  readonly staleMs: number | null
}) {
  const { live } = stream
  const isOnAir = stream.status === 'live' || stream.status === 'interrupted' || stream.status === 'starting'
  return (
    <div className="card flex flex-col overflow-hidden">
      <Headline stream={stream} staleMs={staleMs} />
      <div className={staleMs === null ? '' : 'opacity-60'}>
        <div className="grid grid-cols-3 divide-x divide-line border-line border-b">
          <Figure
            label="Latency"
            title="Measured in this page: this computer's clock minus the time of the picture on screen"
            value={formatLatency(plausibleMs(stats))}
          />
          <Figure label="Viewers" value={isOnAir ? formatCount(live.viewers) : '–'} />
          <Figure label="Bit rate" value={isOnAir ? formatBitrate(live.bitrateBps) : '–'} />
        </div>
        {live.advice.length > 0 && (
          <div className="space-y-2 border-line border-b p-3">
            {live.advice.map((sentence) => (
              <Notice key={sentence}>{sentence}</Notice>
            ))}
          </div>
        )}
        <dl className="px-4 py-2">
          {isOnAir ? <OnAirRows stream={stream} stats={stats} /> : <OfflineRows stream={stream} />}
        </dl>
      </div>
    </div>
  )
}

function Headline({ stream, staleMs }: { readonly stream: StreamView; readonly staleMs: number | null }) {
  const now = useNow()
  const { startedAt } = stream.live
  const isOnAir = stream.status === 'live' || stream.status === 'interrupted'
  return (
    <div className="flex h-11 items-center justify-between gap-3 border-line border-b px-4">
      <StatusBadge status={stream.status} isStale={staleMs !== null} />
      <span className="tnum text-soft text-xs">
        {staleMs !== null ? (
          `last heard ${Math.round(staleMs / 1000)} s ago`
        ) : isOnAir && startedAt !== null ? (
          <span title={`Since ${formatAbsolute(Date.parse(startedAt))}`}>
            {formatElapsed(now - Date.parse(startedAt))} on air
          </span>
        ) : null}
      </span>
    </div>
  )
}

function Figure({ label, value, title }: { readonly label: string; readonly value: string; readonly title?: string }) {
  const [number, unit] = value.split('\u00a0')
  return (
    <div className="min-w-0 px-4 py-3 max-sm:px-3" title={title}>
      <div className="text-soft text-xs">{label}</div>
      <div className="tnum mt-0.5 whitespace-nowrap font-semibold text-lg tracking-tight">
        {number}
        {unit !== undefined && <span className="ml-1 font-normal text-soft text-xs">{unit}</span>}
      </div>
    </div>
  )
}

function OnAirRows({ stream, stats }: { readonly stream: StreamView; readonly stats: PlayerStats | null }) {
  const { live } = stream
  const video = videoTrackOf(live)
  const history = useHistory(stream.id)
  const drops = sumOf(live.drops)
  const repairs = sumOf(live.repairs)
  return (
    <>
      <Row label="Bit rate, last minutes">
        <Sparkline values={history.slice(-120).map((sample) => sample.bitrateBps)} width={96} />
      </Row>
      <Row
        label="Server latency"
        title="From the media's own time until its part can be fetched: median, and 95 of 100"
      >
        {live.latencyMs === null
          ? '–'
          : `${formatLatency(live.latencyMs.p50)} · p95 ${formatLatency(live.latencyMs.p95)}`}
      </Row>
      <Row label="Frame rate">{formatFrameRate(live.fps)}</Row>
      {video !== null && <Row label="Picture">{videoWords(video)}</Row>}
      {live.tracks
        .filter((track) => track.kind === 'audio')
        .map((track) => (
          <Row key={track.id} label="Sound">
            {audioWords(track)}
          </Row>
        ))}
      <Row label="Keyframe every">
        {live.keyframeIntervalSec === null ? '–' : `${round(live.keyframeIntervalSec)}\u00a0s`}
      </Row>
      <Row label="Dropped" tone={drops > 0 ? 'warn' : undefined} title={meaningsOf(live.drops)}>
        {drops === 0 ? 'nothing' : causesOf(live.drops).join(', ')}
      </Row>
      {repairs > 0 && (
        <Row label="Repaired" title={meaningsOf(live.repairs)}>
          {causesOf(live.repairs).join(', ')}
        </Row>
      )}
      {stats !== null && stats.stalls > 0 && (
        <Row label="Stalls in this page" tone="warn">
          {stats.stalls}, {formatLatency(stats.stalledMs)} in all
        </Row>
      )}
      <InputRows stream={stream} />
    </>
  )
}

function InputRows({ stream }: { readonly stream: StreamView }) {
  const now = useNow()
  const { input } = stream.live
  if (input === null) {
    return (
      <Row label="Input" tone="warn">
        no encoder connected
      </Row>
    )
  }
  const loss = lossPercent(input)
  return (
    <>
      <Row label="Input" title={`Connected ${formatAbsolute(Date.parse(input.connectedAt))}`}>
        {PROTOCOL_NAMES[input.protocol]}, {formatElapsed(now - Date.parse(input.connectedAt))}
      </Row>
      <Row label="Received">{formatBytes(input.receivedBytes)}</Row>
      {input.rttMs !== null && <Row label="Round trip">{formatLatency(input.rttMs)}</Row>}
      {loss !== null && input.packetsLost !== null && (
        <Row label="Packets lost" tone={loss >= LOSS_WARNING_PERCENT ? 'warn' : undefined}>
          {`${formatCount(input.packetsLost)} (${loss.toFixed(2)}\u00a0%)`}
        </Row>
      )}
      {input.packetsRetransmitted !== null && <Row label="Sent again">{formatCount(input.packetsRetransmitted)}</Row>}
      {input.packetsDropped !== null && <Row label="Lost for good">{formatCount(input.packetsDropped)}</Row>}
    </>
  )
}

/** Above this, SRT's default latency no longer hides the loss. */
const LOSS_WARNING_PERCENT = 1

function OfflineRows({ stream }: { readonly stream: StreamView }) {
  return (
    <>
      <Row label="Segments">{stream.settings.segment}</Row>
      <Row label="Parts">{stream.settings.part}</Row>
      <Row label="Live window">{stream.settings.window}</Row>
      <Row label="Grace time" title="How long a silent stream stays up with gaps">
        {stream.settings.grace}
      </Row>
      <Row label="Second encoder">{ON_BUSY[stream.settings.onBusy]}</Row>
      <Row label="Created">{formatAbsolute(Date.parse(stream.createdAt))}</Row>
    </>
  )
}

function Row({
  label,
  children,
  title,
  tone,
}: {
  readonly label: string
  readonly children: ReactNode
  readonly title?: string | undefined
  readonly tone?: 'warn' | undefined
}) {
  return (
    <div className="flex min-h-7 items-center justify-between gap-4" title={title === '' ? undefined : title}>
      <dt className="shrink-0 text-soft text-xs">{label}</dt>
      <dd className={`tnum min-w-0 truncate text-right text-xs ${tone === 'warn' ? 'font-medium text-warn' : ''}`}>
        {children}
      </dd>
    </div>
  )
}

/** Null when the clocks of server and viewer disagree so much that the figure would be nonsense. */
function plausibleMs(stats: PlayerStats | null): number | null {
  const latencySec = stats?.latencySec ?? null
  return latencySec === null || latencySec < 0 ? null : latencySec * 1000
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

const ON_BUSY = { refuse: 'is refused', takeover: 'takes over', standby: 'stands by' } as const

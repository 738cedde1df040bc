import { useEffect, useMemo, useState } from 'react'
import type { Sample } from '../api/history.ts'
import { useHistory } from '../api/live-context.tsx'
import { RANGES, type Range } from '../search-params.ts'
import { Plot, type PlotSeries } from '../ui/plot.tsx'

const RANGE_SEC: Readonly<Record<Range, number>> = { '1m': 60, '5m': 300, '15m': 900 }
const RANGE_WORDS: Readonly<Record<Range, string>> = { '1m': '1 min', '5m': '5 min', '15m': '15 min' }

const BITRATE_SERIES: readonly PlotSeries[] = [{ label: 'in', color: '--accent', isFilled: true }]
const LATENCY_SERIES: readonly PlotSeries[] = [
  { label: 'on screen', color: '--accent', isFilled: true },
  { label: 'server p50', color: '--ok' },
  { label: 'server p95', color: '--ok', isDashed: true },
]

export function RangeSwitch({ range, onChange }: { readonly range: Range; readonly onChange: (range: Range) => void }) {
  return (
    <fieldset className="flex w-fit gap-0.5 rounded-lg bg-sunken p-0.5">
      <legend className="sr-only">Time range</legend>
      {RANGES.map((each) => (
        <button
          key={each}
          type="button"
          aria-pressed={each === range}
          onClick={() => onChange(each)}
          className="h-7 rounded-md px-2.5 font-medium text-soft text-xs hover:text-ink aria-pressed:bg-surface aria-pressed:text-ink aria-pressed:shadow-card max-md:h-9"
        >
          {RANGE_WORDS[each]}
        </button>
      ))}
    </fieldset>
  )
}

export function StreamPlots({
  streamId,
  range,
  playerLatencyMs,
}: {
  readonly streamId: string
  readonly range: Range
  readonly playerLatencyMs: number | null
}) {
  const history = useHistory(streamId)
  const here = useMeasuredHere(history, playerLatencyMs)
  const endSec = (history.at(-1)?.atMs ?? Date.now()) / 1000
  const shown = useMemo(
    () => history.filter((sample) => sample.atMs / 1000 >= endSec - RANGE_SEC[range]),
    [history, range, endSec],
  )
  const times = shown.map((sample) => sample.atMs / 1000)
  const window = { startSec: startOf(times[0] ?? endSec, endSec, RANGE_SEC[range]), endSec }
  return (
    <div className="grid gap-4 xl:grid-cols-2">
      <Plot
        title="Bit rate"
        unit="Mbit/s"
        series={BITRATE_SERIES}
        data={[times, shown.map((sample) => sample.bitrateBps / 1e6)]}
        range={window}
        format={formatMegabits}
        fileName={`${streamId}-bitrate`}
      />
      <Plot
        title="Latency"
        unit="ms"
        series={LATENCY_SERIES}
        data={[
          times,
          shown.map((sample) => here.get(sample.atMs) ?? null),
          shown.map((sample) => sample.latencyP50Ms),
          shown.map((sample) => sample.latencyP95Ms),
        ]}
        range={window}
        format={formatWhole}
        fileName={`${streamId}-latency`}
      />
    </div>
  )
}

/** While there is less than the range to show, the plot uses its whole width for what there is, from a minute on. */
function startOf(firstSec: number, endSec: number, rangeSec: number): number {
  return endSec - Math.min(rangeSec, Math.max(60, endSec - firstSec))
}

function formatMegabits(value: number): string {
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function formatWhole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** Notes the latency measured in this page for each status sample, so that both lines share their times. */
function useMeasuredHere(history: readonly Sample[], playerLatencyMs: number | null): ReadonlyMap<number, number> {
  const [measured] = useState(() => new Map<number, number>())
  const newestMs = history.at(-1)?.atMs
  useEffect(() => {
    if (newestMs === undefined || playerLatencyMs === null || measured.has(newestMs)) return
    measured.set(newestMs, playerLatencyMs)
    // As many as the history keeps; the oldest goes first.
    if (measured.size > 900) measured.delete(measured.keys().next().value ?? 0)
  }, [newestMs, playerLatencyMs, measured])
  return measured
}

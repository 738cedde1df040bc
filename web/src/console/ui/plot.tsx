// A time series with units: hover reads values on all plots of a page at once; CSV and PNG take it along.
import { Download, Image } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { formatClock } from '../format/moment.ts'
import { IconButton } from './button.tsx'

export interface PlotSeries {
  readonly label: string
  /** A CSS variable of the palette. */
  readonly color: string
  readonly isDashed?: boolean
  readonly isFilled?: boolean
}

export interface PlotProps {
  readonly title: string
  readonly unit: string
  readonly series: readonly PlotSeries[]
  /** Seconds since 1970, then one array of values for each series. */
  readonly data: readonly (readonly (number | null)[])[]
  readonly range: { readonly startSec: number; readonly endSec: number }
  readonly format: (value: number) => string
  readonly fileName: string
}

const HEIGHT_PX = 168
const SYNC_KEY = 'stream-plots'

export function Plot({ title, unit, series, data, range, format, fileName }: PlotProps) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const [hovered, setHovered] = useState<number | null>(null)
  const isDark = useDarkScheme()
  const latest = useRef({ data, range, format })
  latest.current = { data, range, format }

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read from the palette, so the scheme matters.
  useEffect(() => {
    const element = host.current
    if (element === null) return
    const created = new uPlot(
      buildOptions(element, series, () => latest.current, setHovered),
      toAligned(latest.current.data),
      element,
    )
    plot.current = created
    const resizing = new ResizeObserver(() => created.setSize({ width: element.clientWidth, height: HEIGHT_PX }))
    resizing.observe(element)
    return () => {
      resizing.disconnect()
      created.destroy()
      plot.current = null
    }
  }, [series, isDark])

  useEffect(() => {
    plot.current?.setData(toAligned(data), true)
  }, [data])

  const index = hovered ?? Math.max(0, (data[0]?.length ?? 0) - 1)
  const atSec = data[0]?.[index] ?? null
  const isEmpty = (data[0]?.length ?? 0) < 2
  return (
    <section className="card min-w-0 px-4 pt-3 pb-2" aria-label={title}>
      <header className="mb-1 flex min-h-8 flex-wrap items-center gap-x-4">
        <h2 className="flex-1 text-sm">
          {title} <span className="font-normal text-soft text-xs">{unit}</span>
        </h2>
        <ul className="tnum order-last flex basis-full flex-wrap gap-x-3 text-xs">
          {series.map((each, seriesIndex) => (
            <li key={each.label} className="flex items-center gap-1.5">
              <SeriesKey series={each} />
              <span className="text-soft">{each.label}</span>
              <span className="min-w-9">{valueText(data[seriesIndex + 1]?.[index] ?? null, format)}</span>
            </li>
          ))}
        </ul>
        <span className="tnum text-soft text-xs">
          {hovered !== null && atSec !== null ? formatClock(atSec * 1000) : ''}
        </span>
        <div className="-mr-1.5 flex">
          <IconButton label="Save as CSV" disabled={isEmpty} onClick={() => saveCsv(fileName, series, data)}>
            <Download size={14} />
          </IconButton>
          <IconButton label="Save as PNG" disabled={isEmpty} onClick={() => savePng(fileName, plot.current)}>
            <Image size={14} />
          </IconButton>
        </div>
      </header>
      <div className="relative">
        <div ref={host} className={`min-w-0 ${isEmpty ? 'invisible' : ''}`} style={{ height: HEIGHT_PX }} />
        {isEmpty && (
          <p className="absolute inset-0 flex items-center justify-center text-soft text-xs">
            Figures are drawn from the moment this page is open.
          </p>
        )}
      </div>
    </section>
  )
}

function SeriesKey({ series }: { readonly series: PlotSeries }) {
  return (
    <svg width="14" height="6" aria-hidden>
      <line
        x1="0"
        x2="14"
        y1="3"
        y2="3"
        stroke={`var(${series.color})`}
        strokeWidth="2"
        {...(series.isDashed === true ? { strokeDasharray: '4 2' } : {})}
      />
    </svg>
  )
}

interface Latest {
  readonly range: PlotProps['range']
  readonly format: PlotProps['format']
}

function buildOptions(
  element: HTMLElement,
  series: readonly PlotSeries[],
  latest: () => Latest,
  onHover: (index: number | null) => void,
): uPlot.Options {
  const styles = getComputedStyle(element)
  const color = (name: string): string => styles.getPropertyValue(name).trim()
  const axis = {
    stroke: color('--soft'),
    font: `12px ${styles.fontFamily}`,
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    padding: [8, 22, 0, 0],
    cursor: { sync: { key: SYNC_KEY }, y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: () => [latest().range.startSec, latest().range.endSec] },
      y: { range: (_self, _min, max) => [0, max === null || max <= 0 ? 1 : max * 1.15] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26,
        space: 80,
        values: (_self, splits) => splits.map((sec) => formatClock(sec * 1000)),
      },
      { ...axis, size: 52, space: 36, values: (_self, splits) => splits.map((value) => latest().format(value)) },
    ],
    series: [
      {},
      ...series.map((each) => ({
        label: each.label,
        stroke: color(each.color),
        width: 1.5,
        points: { show: false },
        spanGaps: false,
        ...(each.isDashed === true ? { dash: [5, 3] } : {}),
        ...(each.isFilled === true ? { fill: `color-mix(in srgb, ${color(each.color)} 14%, transparent)` } : {}),
      })),
    ],
    hooks: { setCursor: [(self) => onHover(self.cursor.idx ?? null)] },
  }
}

function toAligned(data: PlotProps['data']): uPlot.AlignedData {
  return data.map((column) => [...column]) as unknown as uPlot.AlignedData
}

function valueText(value: number | null, format: (value: number) => string): string {
  return value === null ? '–' : format(value)
}

function useDarkScheme(): boolean {
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches)
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)')
    const onChange = (): void => setDark(query.matches)
    query.addEventListener('change', onChange)
    return () => query.removeEventListener('change', onChange)
  }, [])
  return isDark
}

export function toCsv(labels: readonly string[], data: PlotProps['data']): string {
  const times = data[0] ?? []
  const rows = times.map((sec, index) =>
    [
      sec === null ? '' : new Date(sec * 1000).toISOString(),
      ...data.slice(1).map((column) => column[index] ?? ''),
    ].join(','),
  )
  return [['time', ...labels].join(','), ...rows].join('\n')
}

function saveCsv(fileName: string, series: readonly PlotSeries[], data: PlotProps['data']): void {
  save(
    new Blob(
      [
        toCsv(
          series.map((each) => each.label),
          data,
        ),
      ],
      { type: 'text/csv' },
    ),
    `${fileName}.csv`,
  )
}

function savePng(fileName: string, plot: uPlot | null): void {
  plot?.ctx.canvas.toBlob((blob) => {
    if (blob !== null) save(blob, `${fileName}.png`)
  })
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}

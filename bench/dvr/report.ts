// What a run has found, and how it is shown.
import type { Percentiles } from '../figures.ts'
import type { MachineFacts } from '../process-usage.ts'
import type { FirstByte } from './first-byte.ts'
import type { LivePlaylistCost } from './live-playlists.ts'
import type { DvrBenchOptions } from './options.ts'
import type { RecordedCost } from './recorded-playlists.ts'
import type { RequestCost } from './requests.ts'
import type { Throughput } from './uploads.ts'

/** Null: that section was not asked for. */
export interface DvrBenchReport {
  readonly version: 1
  readonly machine: MachineFacts
  readonly options: Omit<DvrBenchOptions, 'isJson'>
  readonly live: readonly LivePlaylistCost[] | null
  readonly recorded: readonly RecordedCost[] | null
  readonly firstByte: readonly FirstByte[] | null
  readonly oneMoment: { readonly viewers: number; readonly storeReads: number } | null
  readonly packUploads: readonly Throughput[] | null
  readonly spool: readonly Throughput[] | null
  readonly requests: readonly RequestCost[] | null
}

type Row = readonly string[]

export function renderReport(report: DvrBenchReport): string {
  const { machine } = report
  return [
    `${machine.cpuModel}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node.js ${machine.node}, load before ${machine.loadBefore.toFixed(2)}`,
    ...(report.options.isQuick ? ['QUICK: no figure to rely on'] : []),
    ...(report.live === null ? [] : liveTable(report.live)),
    ...(report.recorded === null ? [] : recordedTable(report.recorded)),
    ...(report.firstByte === null ? [] : firstByteTable(report.firstByte, report.oneMoment)),
    ...throughputTable('PACKS INTO THE BUCKET, MiB/s (baseline: AWS SDK loop)', 'tracks', report.packUploads),
    ...throughputTable('SEGMENTS INTO THE SPOOL, MiB/s (baseline: write, fdatasync)', 'tracks', report.spool),
    ...(report.requests === null ? [] : requestTable(report.requests)),
  ].join('\n')
}

function liveTable(costs: readonly LivePlaylistCost[]): string[] {
  const floor = costs[0]
  return table('LIVE PLAYLIST, per part and track (ratio to the shortest rewind)', [
    [
      'rewind',
      'update CPU mean ms',
      'ratio',
      'kB to each thread',
      'delta CPU p50 ms',
      'delta bytes',
      'full CPU p50 ms',
      'full gzip kB',
    ],
    ...costs.map((cost) => [
      hoursText(cost.hours),
      fixed(cost.updateCpuMeanMs, 3),
      ratio(cost.updateCpuMeanMs / (floor?.updateCpuMeanMs ?? Number.NaN)),
      fixed(cost.bytesPerUpdate / 1000),
      p50(cost.deltaCpuMs, 3),
      String(cost.deltaBytes),
      p50(cost.fullCpuMs),
      fixed(cost.fullGzipBytes / 1000),
    ]),
  ])
}

function recordedTable(costs: readonly RecordedCost[]): string[] {
  return table('PLAYLISTS OF A RANGE, INDEX QUERIES (archive thread)', [
    [
      'history',
      'cold ms (CPU)',
      'warm CPU p50, max ms',
      'gzip kB',
      'segment cold p99',
      'warm p99 ms',
      'hour query p99 ms',
      'whole p99 ms',
    ],
    ...costs.map((cost) => [
      hoursText(cost.hours),
      `${fixed(cost.coldMs)} (${fixed(cost.coldCpuMs)})`,
      `${p50(cost.warmCpuMs)}, ${fixed(cost.warmCpuMs?.max ?? Number.NaN, 2)}`,
      fixed(cost.gzipBytes / 1000),
      p99(cost.coldLookMs),
      p99(cost.warmLookMs, 3),
      p99(cost.hourQueryMs),
      p99(cost.wholeQueryMs),
    ]),
  ])
}

function firstByteTable(
  found: readonly FirstByte[],
  moment: { readonly viewers: number; readonly storeReads: number } | null,
): string[] {
  return [
    ...table('FIRST BYTE OF A SEGMENT, p50 / p99 ms (baseline: AWS SDK, ranged GET of the same)', [
      [
        'history',
        'seeks',
        'cold',
        'baseline',
        'ratio p50',
        'warm',
        'whole cold',
        'baseline',
        'ratio p50',
        'API hour p99',
        'errors',
      ],
      ...found.map((each) => [
        hoursText(each.hours),
        String(each.coldFirstMs?.count ?? 0),
        both(each.coldFirstMs),
        both(each.sdkFirstMs),
        ratio((each.coldFirstMs?.p50 ?? Number.NaN) / (each.sdkFirstMs?.p50 ?? Number.NaN)),
        both(each.warmFirstMs),
        both(each.coldLastMs),
        both(each.sdkLastMs),
        ratio((each.coldLastMs?.p50 ?? Number.NaN) / (each.sdkLastMs?.p50 ?? Number.NaN)),
        p99(each.apiQueryMs),
        String(each.errors),
      ]),
    ]),
    ...(moment === null
      ? []
      : [`${moment.viewers} viewers go to one moment at once: ${moment.storeReads} reads of the bucket`]),
  ]
}

function throughputTable(title: string, what: string, found: readonly Throughput[] | null): string[] {
  if (found === null) return []
  return table(title, [
    [what, 'Mirror', 'baseline', 'ratio'],
    ...found.map(({ concurrency, mibPerSec, baselineMibPerSec }) => [
      String(concurrency),
      fixed(mibPerSec),
      fixed(baselineMibPerSec),
      ratio(mibPerSec / baselineMibPerSec),
    ]),
  ])
}

function requestTable(found: readonly RequestCost[]): string[] {
  return table('REQUESTS OF A CHANNEL (six renditions) IN A MONTH, and what they cost on Amazon S3', [
    ['write', 'PUTs', 'GETs of a track-hour', 'PUTs', 'GETs of a channel-month', 'US$'],
    ...found.map(({ mode, perTrackHour, putsPerMonth, getsPerMonth, usdPerMonth }) => [
      mode,
      String(perTrackHour.puts),
      String(perTrackHour.gets),
      String(putsPerMonth),
      String(getsPerMonth),
      fixed(usdPerMonth, 2),
    ]),
  ])
}

function table(title: string, rows: readonly Row[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const lines = rows.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '))
  return ['', title, ...lines]
}

function hoursText(hours: number): string {
  return hours < 1 ? `${hours * 60} min` : `${hours} h`
}

function fixed(value: number, digits = value >= 100 ? 0 : 1): string {
  return value.toFixed(digits)
}

function ratio(value: number): string {
  return `× ${value.toFixed(2)}`
}

function both(percentiles: Percentiles | null): string {
  return `${p50(percentiles)} / ${p99(percentiles)}`
}

function p50(percentiles: Percentiles | null, digits = 2): string {
  return percentiles === null ? '-' : fixed(percentiles.p50, digits)
}

function p99(percentiles: Percentiles | null, digits = 2): string {
  return percentiles === null ? '-' : fixed(percentiles.p99, digits)
}

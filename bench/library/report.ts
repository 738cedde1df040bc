// What a run has found, and how it is shown.
import type { Percentiles } from '../figures.ts'
import type { MachineFacts } from '../process-usage.ts'
import type { LibraryBenchOptions } from './options.ts'
import type { ImageCost, VideoCost } from './processing.ts'
import type { SearchCost } from './search.ts'
import type { UploadCost } from './uploads.ts'

/** Null: that section was not asked for. */
export interface LibraryBenchReport {
  readonly version: 1
  readonly machine: MachineFacts
  readonly options: Omit<LibraryBenchOptions, 'isJson'>
  readonly uploads: readonly UploadCost[] | null
  readonly images: ImageCost | null
  readonly video: VideoCost | null
  readonly search: readonly SearchCost[] | null
}

type Row = readonly string[]

export function renderReport({ machine, options, uploads, images, video, search }: LibraryBenchReport): string {
  return [
    `${machine.cpuModel}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node.js ${machine.node}, load before ${machine.loadBefore.toFixed(2)}`,
    ...(options.isQuick ? ['QUICK: no figure to rely on'] : []),
    ...(uploads === null ? [] : uploadTable(uploads)),
    ...(images === null ? [] : imageTable(images)),
    ...(video === null ? [] : videoTable(video)),
    ...(search ?? []).flatMap(searchTable),
  ].join('\n')
}

function uploadTable(costs: readonly UploadCost[]): string[] {
  return table('UPLOADS, MiB/s (baseline: dd conv=fsync, sha256sum)', [
    ['', 'files', 'at once', 'Mirror', 'baseline', 'ratio', 'API p50 ms', 'API p99 ms'],
    ...costs.map((cost) => [
      cost.name,
      `${cost.files} × ${cost.fileMiB} MiB`,
      String(cost.concurrency),
      fixed(cost.mibPerSec),
      fixed(cost.baselineMibPerSec),
      ratio(cost.ratio),
      fixed(cost.apiMs?.p50),
      fixed(cost.apiMs?.p99),
    ]),
  ])
}

function imageTable(cost: ImageCost): string[] {
  return table('PICTURES (baseline: sharp by hand, the same renditions)', [
    ['images', 'Mpixel', 'per s', 'baseline', 'ratio', 'ready p50 s', 'ready max s', 'API p99 ms'],
    [
      String(cost.images),
      fixed(cost.megapixels),
      fixed(cost.perSec, 2),
      fixed(cost.baselinePerSec, 2),
      ratio(cost.ratio),
      fixed((cost.readyMs?.p50 ?? Number.NaN) / 1000),
      fixed((cost.readyMs?.max ?? Number.NaN) / 1000),
      fixed(cost.apiMs?.p99),
    ],
  ])
}

function videoTable(cost: VideoCost): string[] {
  return table('VIDEO, 1080p (baseline: ffmpeg by hand, both MP4 sizes and nothing else)', [
    ['media s', 'took s', '× real time', 'baseline', 'ratio'],
    [
      fixed(cost.mediaSec, 0),
      fixed(cost.seconds),
      fixed(cost.factor, 2),
      fixed(cost.baselineFactor, 2),
      ratio(cost.ratio),
    ],
  ])
}

function searchTable({ database, assets, fillSec, queries }: SearchCost): string[] {
  return table(`SEARCH AMONG ${assets} ASSETS (${database}; filled in ${fixed(fillSec, 0)} s), ms`, [
    ['', 'p50', 'p99', 'max', 'p99 ratio'],
    ...queries.map(({ name, ms, ratio: times }) => [name, ...percentiles(ms), ratio(times)]),
  ])
}

function percentiles({ p50, p99, max }: Percentiles): readonly string[] {
  return [fixed(p50), fixed(p99), fixed(max)]
}

function table(title: string, rows: readonly Row[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: Row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
  return ['', title, ...rows.map(line)]
}

function fixed(value: number | undefined, digits = 1): string {
  return value === undefined ? '-' : value.toFixed(digits)
}

function ratio(value: number): string {
  return `× ${value.toFixed(2)}`
}

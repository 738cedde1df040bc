// What a run has found, and how it is shown.
import type { Percentiles } from './figures.ts'
import type { BenchOptions } from './options.ts'
import type { MachineFacts } from './process-usage.ts'

export interface LoadReport {
  readonly seconds: number
  readonly mbitPerSecOut: number
  readonly requestsPerSec: number
  readonly errors: number
  readonly errorCauses: Readonly<Record<string, number>>
  readonly stalls: number
  readonly stallMs: number
  readonly heldShare: number
  readonly fanOutMs: Percentiles | null
  readonly playlistLatencyMs: Percentiles | null
  readonly partLatencyMs: Percentiles | null
  readonly partFirstByteMs: Percentiles | null
  /** CPU of the server in cores. */
  readonly cores: number
  /** CPU of the server for delivery alone, in microseconds for each response. */
  readonly cpuUsPerResponse: number
  /** CPU of the load generator and how late its event loop was. */
  readonly generatorCores: number
  readonly generatorLoopDelayMs: { readonly p50: number; readonly p99: number }
  /** CPU that neither the server nor the benchmark used. */
  readonly otherCores: number
}

export interface BenchReport {
  readonly version: 1
  readonly machine: MachineFacts
  readonly options: Omit<BenchOptions, 'isJson' | 'profileDir'>
  readonly ingest: {
    readonly mbitPerSecSent: number | null
    readonly mbitPerSecIn: number
    /** Before anything was published. */
    readonly idleCores: number
    /** Without viewers. */
    readonly cores: number
    /** CPU above that at rest, for each million bits that came in. */
    readonly cpuMsPerMbit: number
    readonly publisherCores: number
    readonly publisherLateMs: Percentiles | null
    /** Most bytes that waited in an encoder because Mirror did not take them. */
    readonly publisherBacklogMiB: number
    readonly publisherFailures: readonly string[]
    /** Dropped and repaired frames by cause, over all streams. */
    readonly drops: Readonly<Record<string, number>>
    readonly repairs: Readonly<Record<string, number>>
    readonly streamsLive: number
    readonly otherCores: number
  }
  readonly delivery: LoadReport
  readonly memory: {
    readonly idleMiB: number
    readonly ingestMiB: number
    readonly peakMiB: number
    readonly endMiB: number
  }
  readonly baseline: {
    readonly delivery: LoadReport
    /** node:http that throws the same input away; null when ffmpeg publishes. */
    readonly sinkCpuMsPerMbit: number | null
    /** ffmpeg -re -c copy from the file to CMAF in /dev/null, one process per stream. */
    readonly remuxCpuMsPerMbit: number
  }
  /** Mirror ÷ baseline: 1 is the floor, smaller is better. */
  readonly ratios: {
    readonly cpuPerResponse: number
    readonly fanOutP99: number
    readonly ingestToRemux: number
    readonly ingestToSink: number | null
  }
}

export function renderReport(report: BenchReport): string {
  const { machine, options, ingest, delivery, memory, baseline, ratios } = report
  const floor = baseline.delivery
  const rows: readonly (readonly [string, string, string?, string?])[] = [
    ['', 'Mirror', 'baseline', 'ratio'],
    ['INGEST (no viewers)', ''],
    ['in, Mbit/s', fixed(ingest.mbitPerSecIn)],
    ['sent by encoders, Mbit/s', ingest.mbitPerSecSent === null ? '-' : fixed(ingest.mbitPerSecSent)],
    ['streams live', `${ingest.streamsLive} of ${options.streams}`],
    ['dropped, repaired', `${sum(ingest.drops)}, ${sum(ingest.repairs)}`],
    ['CPU at rest, cores', fixed(ingest.idleCores, 3)],
    ['CPU with ingest, cores', fixed(ingest.cores, 3)],
    [
      'CPU, ms per Mbit (ffmpeg remux)',
      fixed(ingest.cpuMsPerMbit, 3),
      fixed(baseline.remuxCpuMsPerMbit, 3),
      ratio(ratios.ingestToRemux),
    ],
    [
      'CPU, ms per Mbit (node:http sink)',
      fixed(ingest.cpuMsPerMbit, 3),
      baseline.sinkCpuMsPerMbit === null ? '-' : fixed(baseline.sinkCpuMsPerMbit, 3),
      ratios.ingestToSink === null ? '-' : ratio(ratios.ingestToSink),
    ],
    ['DELIVERY', ''],
    ['out, Mbit/s', fixed(delivery.mbitPerSecOut), fixed(floor.mbitPerSecOut)],
    ['requests/s', fixed(delivery.requestsPerSec), fixed(floor.requestsPerSec)],
    ['errors', String(delivery.errors), String(floor.errors)],
    ['stalls (ms)', `${delivery.stalls} (${fixed(delivery.stallMs)})`, `${floor.stalls} (${fixed(floor.stallMs)})`],
    ['reloads held, %', fixed(100 * delivery.heldShare), fixed(100 * floor.heldShare)],
    ['CPU with ingest and delivery, cores', fixed(delivery.cores, 3), fixed(floor.cores, 3)],
    [
      'CPU of delivery, µs per response',
      fixed(delivery.cpuUsPerResponse),
      fixed(floor.cpuUsPerResponse),
      ratio(ratios.cpuPerResponse),
    ],
    ['part fan-out p50, ms', p50(delivery.fanOutMs), p50(floor.fanOutMs)],
    ['part fan-out p99, ms', p99(delivery.fanOutMs), p99(floor.fanOutMs), ratio(ratios.fanOutP99)],
    ['publish → playlist p50, ms', p50(delivery.playlistLatencyMs), p50(floor.playlistLatencyMs)],
    ['publish → playlist p99, ms', p99(delivery.playlistLatencyMs), p99(floor.playlistLatencyMs)],
    ['publish → whole part p50, ms', p50(delivery.partLatencyMs), p50(floor.partLatencyMs)],
    ['publish → whole part p99, ms', p99(delivery.partLatencyMs), p99(floor.partLatencyMs)],
    ['part request → first byte p99, ms', p99(delivery.partFirstByteMs), p99(floor.partFirstByteMs)],
    ['MEMORY', ''],
    ['RSS idle, MiB', fixed(memory.idleMiB)],
    ['RSS with ingest, MiB', fixed(memory.ingestMiB)],
    ['RSS peak, MiB', fixed(memory.peakMiB)],
    ['RSS end, MiB', fixed(memory.endMiB)],
    ['LIMITS OF THE BENCHMARK ITSELF', ''],
    ['load generator, cores', fixed(delivery.generatorCores, 2), fixed(floor.generatorCores, 2)],
    ['its loop late p50, ms', fixed(delivery.generatorLoopDelayMs.p50, 2), fixed(floor.generatorLoopDelayMs.p50, 2)],
    ['its loop late p99, ms', fixed(delivery.generatorLoopDelayMs.p99, 2), fixed(floor.generatorLoopDelayMs.p99, 2)],
    ['encoders, cores', fixed(ingest.publisherCores, 2)],
    ['encoders late p99, ms', p99(ingest.publisherLateMs)],
    ['largest backlog of an encoder, MiB', fixed(ingest.publisherBacklogMiB)],
    ['CPU of everything else, cores', fixed(delivery.otherCores, 2), fixed(floor.otherCores, 2)],
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const table = rows.map((row) =>
    widths
      .map((width, column) => (column === 0 ? (row[0] ?? '').padEnd(width) : (row[column] ?? '').padStart(width)))
      .join('  ')
      .trimEnd(),
  )
  const causes = Object.entries(delivery.errorCauses).map(([cause, count]) => `${count} × ${cause}`)
  const notes = [
    ...causes.map((cause) => `error: ${cause}`),
    ...[...new Set(ingest.publisherFailures)].map((failure) => `an encoder failed: ${failure}`),
    ...(ingest.publisherFailures.length > 0
      ? [`${ingest.publisherFailures.length} of ${options.streams} encoders failed: this load is too much here`]
      : []),
  ]
  return [
    `${options.streams} streams × ${options.mbit} Mbit/s by ${options.protocol}, ${options.viewers} viewers, ${options.seconds} s`,
    `${machine.cpuModel}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node.js ${machine.node}, load before ${fixed(machine.loadBefore, 2)}`,
    '',
    ...table,
    ...(notes.length > 0 ? ['', ...notes] : []),
  ].join('\n')
}

function fixed(value: number, digits = value >= 100 ? 0 : 1): string {
  return value.toFixed(digits)
}

function ratio(value: number): string {
  return `× ${value.toFixed(2)}`
}

function p50(percentiles: Percentiles | null): string {
  return percentiles === null ? '-' : fixed(percentiles.p50, 2)
}

function p99(percentiles: Percentiles | null): string {
  return percentiles === null ? '-' : fixed(percentiles.p99, 2)
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

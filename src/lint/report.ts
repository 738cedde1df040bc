// What a watch has found, for people and for machines.
import type { RenditionHistory } from './history.ts'
import type { Finding, Linter } from './linter.ts'
import type { Severity } from './rules/rule.ts'

export interface RenditionStatistics {
  readonly url: string
  readonly name: string
  readonly reloads: number
  readonly held: number
  readonly deltas: number
  readonly failed: number
  readonly segments: number
  readonly parts: number
  readonly mediaFetched: number
  /** From the date of a part's end to its appearance in the playlist; null without dates. */
  readonly publishDelayMs: Percentiles | null
  /** How long reloads took. */
  readonly reloadMs: Percentiles | null
}

export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export interface LintReport {
  readonly url: string
  readonly watchedMs: number
  readonly findings: readonly Finding[]
  /** Number of different findings by severity. */
  readonly counts: Readonly<Record<Severity, number>>
  /** Findings of a rule beyond the limit, which were only counted. */
  readonly notKept: Readonly<Record<string, number>>
  readonly renditions: readonly RenditionStatistics[]
  readonly renditionsNotFollowed: number
  readonly mediaNotFetched: number
}

interface Watch {
  readonly url: string
  readonly watchedMs: number
  readonly left: number
  readonly mediaDropped: number
}

const SEVERITIES: readonly Severity[] = ['must', 'should', 'advice']
const HEADINGS = { must: 'MUST', should: 'SHOULD', advice: 'ADVICE' } as const

export function makeReport(linter: Linter, { url, watchedMs, left, mediaDropped }: Watch): LintReport {
  const findings = linter.finish()
  const count = (severity: Severity): number => findings.filter((one) => one.severity === severity).length
  return {
    url,
    watchedMs,
    findings,
    counts: { must: count('must'), should: count('should'), advice: count('advice') },
    notKept: Object.fromEntries(linter.overflow),
    renditions: [...linter.presentation.renditions.values()].map(statisticsOf),
    renditionsNotFollowed: left,
    mediaNotFetched: mediaDropped,
  }
}

/** Findings by rule, the worst first, each with its first example; then what was watched. */
export function renderReport(report: LintReport): string {
  const lines: string[] = []
  for (const severity of SEVERITIES) {
    const byRule = Map.groupBy(
      report.findings.filter((one) => one.severity === severity),
      ({ rule }) => rule,
    )
    for (const [rule, findings] of byRule) {
      const [first] = findings
      if (first === undefined) continue
      const different = findings.length + (report.notKept[rule] ?? 0)
      const times = findings.reduce((sum, { count }) => sum + count, 0)
      lines.push(
        `${HEADINGS[severity]} ${rule}: ${first.title}`,
        `  seen:   ${first.seen}${first.line === null || first.line === 0 ? '' : ` (line ${first.line})`}`,
        `  where:  ${first.url}`,
        `  source: ${first.source}`,
        ...(different > 1 || times > 1 ? [`  ${different} different, ${times} times in all`] : []),
        '',
      )
    }
  }
  for (const one of report.renditions) lines.push(renderRendition(one))
  if (report.renditionsNotFollowed > 0) lines.push(`${report.renditionsNotFollowed} more renditions were not followed.`)
  if (report.mediaNotFetched > 0) lines.push(`${report.mediaNotFetched} media requests were left out.`)
  const { must, should, advice } = report.counts
  lines.push(`${Math.round(report.watchedMs / 1000)} s watched: ${must} MUST, ${should} SHOULD, ${advice} ADVICE`)
  return `${lines.join('\n')}\n`
}

function renderRendition(one: RenditionStatistics): string {
  const delay = one.publishDelayMs
  const words = [
    `${one.reloads} reloads (${one.held} held, ${one.deltas} deltas, ${one.failed} failed)`,
    `${one.segments} segments`,
    `${one.parts} parts`,
    `${one.mediaFetched} media fetched`,
    ...(delay === null
      ? []
      : [`edge behind its dates p50 ${Math.round(delay.p50)} ms, p99 ${Math.round(delay.p99)} ms`]),
  ]
  return `${one.name}: ${words.join(', ')}`
}

function statisticsOf(rendition: RenditionHistory): RenditionStatistics {
  const segments = [...rendition.segments.values()]
  const parts = segments.flatMap((one) => [...one.parts.values()])
  return {
    url: rendition.url,
    name: rendition.name,
    reloads: rendition.reloadCount,
    held: rendition.heldCount,
    deltas: rendition.deltaCount,
    failed: rendition.failedCount,
    segments: segments.length,
    parts: parts.length,
    mediaFetched:
      segments.filter(({ facts }) => facts !== null).length + parts.filter(({ facts }) => facts !== null).length,
    publishDelayMs: percentiles(rendition.edgeDelaysMs),
    reloadMs: percentiles(rendition.reloads.map(({ requestedAtMs, completedAtMs }) => completedAtMs - requestedAtMs)),
  }
}

function percentiles(values: readonly number[]): Percentiles | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: sorted.at(-1) ?? 0 }
}

// From what applies to recordings of calls to what the API shows and its events say. Pure.
import type { AppliedPolicy, PolicyNews, PolicyReport } from '../library/recordings/recording-policies.ts'
import type { PolicyTerms, RecordingPolicyRow } from '../library/recordings/recording-policy.ts'
import type { MirrorEvent } from '../live/events.ts'
import type { RecordingPolicyView } from './recording-policy-contract.ts'
import { isoTime } from './stream-view.ts'

export function renderPolicy(
  { own, terms, isActive }: AppliedPolicy,
  standard: PolicyTerms,
  history: readonly RecordingPolicyRow[],
): RecordingPolicyView {
  return {
    ...{ source: own === null ? 'configuration' : 'tenant', id: own?.id ?? null, version: own?.version ?? null },
    ...{ ...daysOf(terms), enabled: terms.enabled, active: isActive },
    updatedAt: own === null ? null : isoTime(own.updatedAtMs),
    updatedBy: own?.updatedBy ?? null,
    defaults: daysOf(standard),
    history: history.map((row) => ({
      ...{ id: row.id, version: row.version, ...daysOf(row), enabled: row.enabled },
      ...{ updatedAt: isoTime(row.updatedAtMs), updatedBy: row.updatedBy },
      endedAt: row.endedAtMs === null ? null : isoTime(row.endedAtMs),
    })),
  }
}

export function eventOfPolicy(news: PolicyNews, atMs: number): MirrorEvent {
  const more = news.kind === 'changed' ? changed(news.applied, news.by) : applied(news.report)
  const tenantId = news.kind === 'changed' ? news.applied.tenantId : news.report.tenantId
  return { type: `policy.${news.kind}`, severity: 'info', streamId: null, tenantId, atMs, code: null, ...more }
}

function changed({ tenantId, own, terms }: AppliedPolicy, by: string): Pick<MirrorEvent, 'message' | 'details'> {
  const what = own === null ? 'is that of the configuration again' : `is version ${own.version}`
  return {
    message: `The policy for recordings of calls ${what}: ${wordsOf(terms)} (${by})`,
    details: {
      ...{ policy: 'recordings', tenant: tenantId, source: own === null ? 'configuration' : 'tenant', by },
      ...(own === null ? {} : { policyId: own.id, version: own.version }),
      ...{ ...daysOf(terms), enabled: terms.enabled },
    },
  }
}

function applied(report: PolicyReport): Pick<MirrorEvent, 'message' | 'details'> {
  const { jobId, tenantId, policyId, retentionDays, recordings, sooner, later } = report
  const counted = `${recordings} ${recordings === 1 ? 'recording' : 'recordings'} of calls`
  return {
    message: `Of ${counted} ${sooner} are deleted sooner and ${later} later than before, as ${keptWords(retentionDays)}`,
    details: {
      ...{ policy: 'recordings', tenant: tenantId, jobId, retentionDays, recordings, sooner, later },
      ...(policyId === null ? {} : { policyId }),
    },
  }
}

function wordsOf({ hotToWarmDays, warmToColdDays, retentionDays, enabled }: PolicyTerms): string {
  const parts = [
    keptWords(retentionDays),
    ...(hotToWarmDays === 0 ? [] : [`warm after ${hotToWarmDays} days`]),
    ...(warmToColdDays === 0 ? [] : [`cold after ${warmToColdDays} days`]),
    ...(enabled ? [] : ['switched off']),
  ]
  return parts.join(', ')
}

function keptWords(retentionDays: number): string {
  return retentionDays === 0 ? 'they are kept for ever' : `they are kept for ${retentionDays} days`
}

function daysOf({ hotToWarmDays, warmToColdDays, retentionDays }: PolicyTerms) {
  return { hotToWarmDays, warmToColdDays, retentionDays }
}

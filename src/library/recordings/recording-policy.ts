// How long recordings of calls are kept, and when they go to colder tiers: what a tenant may ask for, and what follows. Pure.
import type { TierAges } from './recording-tiers.ts'

const DAY_MS = 86_400_000
/** A hundred years: whoever wants more wants 0. */
export const MAX_POLICY_DAYS = 36_500
/** A shortened retention deletes nothing earlier than this after it was applied: time to take it back. */
export const POLICY_GRACE_MS = DAY_MS

/** Days count from when a recording came in; 0: never. */
export interface PolicyTerms {
  readonly hotToWarmDays: number
  readonly warmToColdDays: number
  readonly retentionDays: number
  /** False: nothing is moved or deleted by itself. */
  readonly enabled: boolean
}

/** One version of what a tenant asked for. A change makes a new one, so that a recording can name what it came in under. */
export interface RecordingPolicyRow extends PolicyTerms {
  readonly id: string
  readonly tenantId: string
  /** From 1, for each tenant. */
  readonly version: number
  readonly updatedAtMs: number
  /** Kind and name of whoever made it: `user admin`, `key pbx`. */
  readonly updatedBy: string
  /** Null: it applies. */
  readonly endedAtMs: number | null
}

export interface PolicyProblem {
  readonly field: 'hotToWarmDays' | 'warmToColdDays'
  readonly message: string
}

/** Nothing goes to a tier from a colder one, or after it was deleted. Empty: the terms make sense. */
export function problemsOfTerms({
  hotToWarmDays: warm,
  warmToColdDays: cold,
  retentionDays: kept,
}: Pick<PolicyTerms, 'hotToWarmDays' | 'warmToColdDays' | 'retentionDays'>): readonly PolicyProblem[] {
  const problems: PolicyProblem[] = []
  const late = `must be fewer than the ${kept} days after which recordings are deleted, or 0 for never`
  if (kept > 0 && warm >= kept) problems.push({ field: 'hotToWarmDays', message: late })
  if (kept > 0 && cold >= kept) problems.push({ field: 'warmToColdDays', message: late })
  else if (cold > 0 && cold <= warm) {
    const message = `must be more than the ${warm} days after which recordings are warm, or 0 for never`
    problems.push({ field: 'warmToColdDays', message })
  }
  return problems
}

export function isSameTerms(one: PolicyTerms, other: PolicyTerms): boolean {
  return (
    one.hotToWarmDays === other.hotToWarmDays &&
    one.warmToColdDays === other.warmToColdDays &&
    one.retentionDays === other.retentionDays &&
    one.enabled === other.enabled
  )
}

export function tierAgesOf({ hotToWarmDays, warmToColdDays }: PolicyTerms): TierAges {
  return { warmAfterMs: daysToMs(hotToWarmDays), coldAfterMs: daysToMs(warmToColdDays) }
}

/** Null: it is kept for ever. */
export function deletionAtMs(
  { retentionDays }: Pick<PolicyTerms, 'retentionDays'>,
  createdAtMs: number,
): number | null {
  const keptMs = daysToMs(retentionDays)
  return keptMs === null ? null : createdAtMs + keptMs
}

/**
 * When a recording that is there already is to go under other terms: what is to go sooner keeps at least the grace from
 * `nowMs` on, and what was due within it goes when it was to. The same, applied again, changes nothing.
 */
export function rescheduledAtMs(
  { createdAtMs, scheduledDeletionAtMs: before }: { createdAtMs: number; scheduledDeletionAtMs: number | null },
  terms: Pick<PolicyTerms, 'retentionDays'>,
  nowMs: number,
): number | null {
  const after = deletionAtMs(terms, createdAtMs)
  if (after === null || (before !== null && after >= before)) return after
  return Math.min(before ?? Number.POSITIVE_INFINITY, Math.max(after, nowMs + POLICY_GRACE_MS))
}

function daysToMs(days: number): number | null {
  return days === 0 ? null : days * DAY_MS
}

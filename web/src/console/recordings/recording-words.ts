// Recordings of calls in words. Pure.
import type { RecordingView } from '../../../../src/api/recording-contract.ts'
import type { RecordingPolicyView } from '../../../../src/api/recording-policy-contract.ts'
import type { Tone } from '../ui/badge.tsx'
import type { RecordingFilter } from './recording-search.ts'

export const FILTER_WORDS: Readonly<Record<RecordingFilter, string>> = {
  PROCESSING: 'Processing',
  COMPLETED: 'Complete',
  FAILED: 'Failed',
}

const STATES: Readonly<Record<RecordingView['status'], { readonly word: string; readonly tone: Tone }>> = {
  RECEIVED: { word: 'Arriving', tone: 'accent' },
  STORED: { word: 'Being checked', tone: 'accent' },
  VERIFIED: { word: 'Being measured', tone: 'accent' },
  COMPLETED: { word: 'Complete', tone: 'ok' },
  FAILED: { word: 'Failed', tone: 'bad' },
}

/** What is complete and yet not what the PBX announced is no plain success. */
export function statusOf({ status, truncated, issues }: Pick<RecordingView, 'status' | 'truncated' | 'issues'>): {
  readonly word: string
  readonly tone: Tone
} {
  if (status !== 'COMPLETED' || issues.length === 0) return STATES[status]
  return { word: truncated ? 'Cut short' : 'Differs', tone: 'warn' }
}

/** Sides of a call, from the top lane; PBXs put the caller first. */
export function laneWords({ channels }: Pick<RecordingView, 'channels'>): readonly string[] {
  return channels === 2 ? ['Channel 1', 'Channel 2'] : []
}

export function downloadName({ callId, id, format }: Pick<RecordingView, 'callId' | 'id' | 'format'>): string {
  return `${callId === '' ? id : callId.replaceAll(/[\\/:*?"<>|]/g, '_')}.${format ?? 'bin'}`
}

type Terms = Pick<RecordingPolicyView, 'hotToWarmDays' | 'warmToColdDays' | 'retentionDays'>

/** `Kept 365 days, warm after 30 days, cold after 90 days`. */
export function policyWords({ hotToWarmDays, warmToColdDays, retentionDays }: Terms): string {
  return [
    retentionDays === 0 ? 'Kept for ever' : `Kept ${daysWords(retentionDays)}`,
    ...(hotToWarmDays === 0 ? [] : [`warm after ${daysWords(hotToWarmDays)}`]),
    ...(warmToColdDays === 0 ? [] : [`cold after ${daysWords(warmToColdDays)}`]),
  ].join(', ')
}

/** Null: what it says is done. */
export function policyPauseWords({ active, enabled }: Pick<RecordingPolicyView, 'active' | 'enabled'>): string | null {
  if (active) return null
  return enabled ? 'Paused by the configuration of the server' : 'Paused'
}

/** What the field for days holds, as a number; null: no whole number of days. */
export function parseDays(text: string): number | null {
  return /^\d{1,5}$/.test(text.trim()) ? Number(text.trim()) : null
}

function daysWords(days: number): string {
  return days === 1 ? '1 day' : `${days} days`
}

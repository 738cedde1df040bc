// What the recording card says about figures. Pure.
import type { DvrOverviewView, DvrView } from '../../../../src/api/dvr-contract.ts'
import { formatBytes } from '../format/quantity.ts'
import { secondsOf } from './connect-commands.ts'
import type { TimeRange } from './timeline-scale.ts'

type Growth = Pick<DvrView, 'bytesPerHour' | 'bytesPerDayForecast'>

const DAY_SEC = 86_400
const UNKNOWN = 'not known yet'

export function hourWords({ bytesPerHour }: Growth): string {
  return bytesPerHour === null ? UNKNOWN : `${formatBytes(bytesPerHour)} an hour`
}

export function dayWords({ bytesPerDayForecast }: Growth): string {
  return bytesPerDayForecast === null ? UNKNOWN : `${formatBytes(bytesPerDayForecast)} a day`
}

/** What is kept when the retention is full, at the pace of the forecast; null: not known, or nothing grows. */
export function fullBytes({ bytesPerDayForecast, retention }: Growth & Pick<DvrView, 'retention'>): number | null {
  if (bytesPerDayForecast === null || bytesPerDayForecast === 0) return null
  return (bytesPerDayForecast * secondsOf(retention)) / DAY_SEC
}

/** What a lost machine takes with it. */
export function lossWords({ rpoSec, write }: Pick<DvrView, 'rpoSec' | 'write'>): string {
  if (rpoSec === null) return UNKNOWN
  const how = write === 'pack' ? 'packs go to the store that often' : 'segments go to the store that often'
  return `the last ${spanWords(rpoSec)}: ${how}`
}

export function spanWords(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)}\u00a0s`
  if (seconds < 7200) return `${Math.round(seconds / 60)}\u00a0min`
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.round((seconds - hours * 3600) / 60)
  return minutes === 0 ? `${hours}\u00a0h` : `${hours}\u00a0h ${minutes}\u00a0min`
}

/** 0 to 1. */
export function spoolShare({ bytes, maxBytes }: DvrOverviewView['spool']): number {
  return maxBytes === 0 ? 0 : Math.min(1, bytes / maxBytes)
}

/** From here on the server raises its alarm. */
export const SPOOL_ALARM_SHARE = 0.8

export interface RecordedPicture extends TimeRange {
  readonly media: readonly TimeRange[]
  readonly gaps: readonly TimeRange[]
}

/** The time that the picture shows: what is recorded, at least the last ten minutes, so that a new recording fills it soon. */
export function pictureOf({
  from,
  to,
  ranges,
  gaps,
}: Pick<DvrView, 'from' | 'to' | 'ranges' | 'gaps'>): RecordedPicture {
  const media = ranges.map(timesOf)
  const endMs = Date.parse(to)
  const firstMs = media[0]?.startMs ?? endMs
  const startMs = Math.max(Date.parse(from), Math.min(firstMs, endMs - PICTURE_MS_MIN))
  return { startMs, endMs, media, gaps: gaps.map(timesOf) }
}

const PICTURE_MS_MIN = 600_000

function timesOf({ from, to }: { readonly from: string; readonly to: string }): TimeRange {
  return { startMs: Date.parse(from), endMs: Date.parse(to) }
}

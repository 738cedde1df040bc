// Uploads in words. Pure.
import { formatBytes } from '../format/quantity.ts'
import type { UploadItem, UploadTotals } from './upload-item.ts'

export function stateWords(item: UploadItem): string {
  const { state, sentBytes, file, resumedAtBytes, problem, isDuplicate } = item
  const amount = `${formatBytes(sentBytes)} of ${formatBytes(file.size)}`
  switch (state) {
    case 'waiting':
      return `Waiting · ${formatBytes(file.size)}`
    case 'sending':
      return resumedAtBytes > 0 ? `${amount} · went on at ${formatBytes(resumedAtBytes)}` : amount
    case 'paused':
      return `Paused at ${amount}`
    case 'retrying':
      return `${problem?.detail ?? 'The server does not answer.'} Trying again…`
    case 'storing':
      return problem === null ? 'Arrived, being stored…' : `Arrived, not stored yet: ${problem.detail} Trying again…`
    case 'done':
      return isDuplicate ? 'In the library already' : `Uploaded · ${formatBytes(file.size)}`
    case 'refused':
      return problem?.detail ?? 'The server refused it.'
    default:
      return state satisfies never
  }
}

export function summaryWords({ files, done, refused, unfinished }: UploadTotals): string {
  if (unfinished > 0) {
    const rest = refused === 0 ? '' : `, ${refused} refused`
    return `Uploading ${files - unfinished - refused + 1} of ${files - refused}${rest}`
  }
  if (refused === 0) return `${done === 1 ? '1 file' : `${done} files`} uploaded`
  return done === 0 ? `${refused} refused` : `${done} uploaded, ${refused} refused`
}

export interface Reading {
  readonly atMs: number
  readonly sentBytes: number
}

/** Bytes a second between the first and the last reading; null: too little is known. */
export function speedOf(readings: readonly Reading[]): number | null {
  const first = readings[0]
  const last = readings.at(-1)
  if (first === undefined || last === undefined || last.atMs - first.atMs < 1000) return null
  return Math.max(0, ((last.sentBytes - first.sentBytes) * 1000) / (last.atMs - first.atMs))
}

/** `null`: nobody knows. */
export function restWords(restBytes: number, bytesPerSec: number | null): string | null {
  if (bytesPerSec === null || bytesPerSec < 1) return null
  const sec = restBytes / bytesPerSec
  const rest =
    sec < 60
      ? `${Math.max(1, Math.round(sec))} s`
      : sec < 5400
        ? `${Math.round(sec / 60)} min`
        : `${Math.round(sec / 3600)} h`
  return `${formatBytes(bytesPerSec)}/s, ${rest} left`
}

// What the console knows of a file on its way. Data, and what follows from it; pure.
import type { Problem } from '../../../../src/api/system-contract.ts'

export type UploadState =
  /** For its turn. */
  | 'waiting'
  | 'sending'
  /** By whoever uploads. */
  | 'paused'
  /** The server cannot be reached, or has trouble: tried again by itself. */
  | 'retrying'
  /** All bytes have arrived and go into the store. */
  | 'storing'
  | 'done'
  /** The server said no. */
  | 'refused'

/** A file that was chosen, and the folder of the library it goes into. */
export interface ChosenFile {
  readonly file: File
  readonly folder: string
}

export interface UploadItem extends ChosenFile {
  readonly id: number
  readonly state: UploadState
  readonly sentBytes: number
  /** Where it went on, when the server had some of it already; else 0. */
  readonly resumedAtBytes: number
  /** Why it is refused, or what it waits for. */
  readonly problem: Problem | null
  readonly assetId: string | null
  /** These bytes were in the library already. */
  readonly isDuplicate: boolean
}

/** Would be lost with the tab, or interrupted. */
export function isUnfinished({ state }: Pick<UploadItem, 'state'>): boolean {
  return state !== 'done' && state !== 'refused'
}

/** Takes one of the places that there are at once. */
export function isUnderWay({ state }: Pick<UploadItem, 'state'>): boolean {
  return state === 'sending' || state === 'retrying' || state === 'storing'
}

/** The same file for the same folder, chosen again: by what a browser tells of it after a reload, too. */
export function fingerprintOf({ file, folder }: ChosenFile): string {
  return [folder, file.name, file.size, file.lastModified].join('/')
}

export type Verdict = 'retry' | 'refuse'

/** Refusals that say "later", by the catalogue of errors. */
const LATER: readonly string[] = [
  ...['upload_offset_wrong', 'upload_superseded', 'upload_paused', 'upload_cut_off', 'upload_interrupted'],
  // It has expired meanwhile: the next attempt begins anew.
  ...['upload_not_found', 'rate_limited', 'uploads_full'],
]
/** Nothing changes by itself there. */
const FINAL: readonly string[] = ['upload_disk_full']

export function judgeFailure({ status, code }: Pick<Problem, 'status' | 'code'>): Verdict {
  if (FINAL.includes(code)) return 'refuse'
  return status === 0 || status >= 500 || LATER.includes(code) ? 'retry' : 'refuse'
}

export interface UploadTotals {
  readonly files: number
  readonly done: number
  readonly refused: number
  readonly unfinished: number
  readonly sentBytes: number
  readonly totalBytes: number
}

export function totalsOf(items: readonly UploadItem[]): UploadTotals {
  const counted = items.filter(({ state }) => state !== 'refused')
  return {
    files: items.length,
    done: items.filter(({ state }) => state === 'done').length,
    refused: items.length - counted.length,
    unfinished: items.filter(isUnfinished).length,
    sentBytes: counted.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
    totalBytes: counted.reduce((sum, { file }) => sum + file.size, 0),
  }
}

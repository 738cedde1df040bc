// Waits until a job of MediaConvert has ended.
import { setTimeout as delay } from 'node:timers/promises'
import { isMirrorError, MirrorError } from '../../../core/errors.ts'
import { conversionState, type JobReport } from './job-state.ts'
import type { ConversionApi } from './mediaconvert-api.ts'

/** How often is asked in the normal case. */
export const POLL_MS = 30_000
/** A job goes on at AWS whether it is asked or not: ten minutes without an answer are borne. */
const MAX_SILENT_POLLS = 20

export interface FollowOptions {
  readonly api: ConversionApi
  readonly pollMs: number
  /** Of the whole job, its time in the queue included. */
  readonly maxMs: number
  readonly onPercent: (percent: number) => void
}

/**
 * Resolves when everything is made. Rejects with `mediaconvert_failed`, with `processing_timeout` (then the job is
 * cancelled), and as the calls do. An abort leaves the job alone: somebody else may go on with it.
 */
export async function followJob(jobId: string, options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { api, pollMs, maxMs, onPercent } = options
  const lastMs = performance.now() + maxMs
  let silent = 0
  for (;;) {
    const report = await api.report(jobId, signal).catch((error: unknown) => {
      silent += 1
      if (isMirrorError(error, 'mediaconvert_unavailable') && silent < MAX_SILENT_POLLS) return 'silence' as const
      throw error
    })
    if (report !== 'silence') {
      silent = 0
      if (isMade(jobId, report, onPercent)) return
    }
    if (performance.now() + pollMs > lastMs) {
      await api.cancel(jobId)
      const limit = `${Math.round(maxMs / 1000)} s (processing.maxTime)`
      throw new MirrorError('processing_timeout', `MediaConvert job ${jobId} was not done within ${limit}`)
    }
    await delay(pollMs, undefined, { signal })
  }
}

function isMade(jobId: string, report: JobReport | null, onPercent: FollowOptions['onPercent']): boolean {
  if (report === null) throw new MirrorError('mediaconvert_failed', `AWS has no job ${jobId} any more`)
  const state = conversionState(report)
  if (state.kind === 'failed') throw new MirrorError('mediaconvert_failed', `Job ${jobId}: ${state.reason}`)
  if (state.kind === 'running' && state.percent !== null) onPercent(state.percent)
  return state.kind === 'made'
}

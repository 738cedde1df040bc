// What a viewer is told who asks for media that has to be restored first.
import type { ErrorDetails } from '../../core/errors.ts'

/** Somebody has to restore it, or has just been told to. */
const ASK_AGAIN_SEC = { archived: 60, asked: 5 }
/** A restore that took longer than it was said to is hardly done this second. */
const MIN_SEC = 1

export interface ArchivedAnswer {
  readonly detail: string
  readonly retryAfterSec: number
  readonly readyAt: string | null
}

/** `details` as `ObjectStore.get` gives them; `isAsked`: a viewer's wish has it restored. Pure. */
export function describeArchived(
  details: ErrorDetails,
  { isAsked, nowMs }: { readonly isAsked: boolean; readonly nowMs: number },
): ArchivedAnswer {
  const { restore, readyAtMs } = details
  if (restore !== 'restoring') {
    const detail = `This part of the recording is archived${isAsked ? '; it is being asked for' : ' and has to be restored'}`
    return { detail, retryAfterSec: isAsked ? ASK_AGAIN_SEC.asked : ASK_AGAIN_SEC.archived, readyAt: null }
  }
  if (typeof readyAtMs !== 'number') {
    return { detail: 'This part of the recording is restoring', retryAfterSec: ASK_AGAIN_SEC.archived, readyAt: null }
  }
  const readyAt = new Date(readyAtMs).toISOString()
  return {
    detail: `This part of the recording is restoring, ready at ${readyAt}`,
    retryAfterSec: Math.max(MIN_SEC, Math.ceil((readyAtMs - nowMs) / 1000)),
    readyAt,
  }
}

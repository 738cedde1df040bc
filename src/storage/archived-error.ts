import { MirrorError } from '../core/errors.ts'
import type { ObjectKey } from './object-store.ts'
import type { RestoreState } from './tiers.ts'

/** What whoever reads an object is told that has to be restored first; `details` as `ObjectStore.get` promises them. */
export function archivedError(key: ObjectKey, state: RestoreState, cause?: unknown): MirrorError {
  const readyAtMs = state.kind === 'restoring' ? state.readyAtMs : null
  const details = { key, restore: state.kind, ...(readyAtMs === null ? {} : { readyAtMs }) }
  return new MirrorError('object_archived', wordsFor(key, state.kind, readyAtMs), { details, cause })
}

function wordsFor(key: ObjectKey, kind: RestoreState['kind'], readyAtMs: number | null): string {
  if (kind !== 'restoring') return `${key} is archived and has to be restored before it can be read`
  return `${key} is being restored${readyAtMs === null ? '' : `, ready at ${new Date(readyAtMs).toISOString()}`}`
}

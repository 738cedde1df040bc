// The life of a recording of a call, and who may move it on. Pure.

/** In the order of a life that goes well; a recording that cannot be had ends as FAILED, from any of the first three. */
export const RECORDING_STATES = ['RECEIVED', 'STORED', 'VERIFIED', 'COMPLETED', 'FAILED'] as const
/**
 * RECEIVED: known, its bytes are on their way. STORED: they are in the store as they were sent. VERIFIED: they were read
 * back, are the same, and are sound that can be decoded. COMPLETED: everything about them is known.
 */
export type RecordingState = (typeof RECORDING_STATES)[number]

const NEXT: Readonly<Record<RecordingState, readonly RecordingState[]>> = {
  RECEIVED: ['STORED', 'FAILED'],
  STORED: ['VERIFIED', 'FAILED'],
  VERIFIED: ['COMPLETED', 'FAILED'],
  // Somebody wants its bytes looked at again.
  COMPLETED: ['STORED'],
  FAILED: ['STORED'],
}

export function mayBecome(from: RecordingState, to: RecordingState): boolean {
  return NEXT[from].includes(to)
}

/** Every state that may become `to`: what a change in the catalog demands of the row. */
export function statesBefore(to: RecordingState): readonly RecordingState[] {
  return RECORDING_STATES.filter((from) => mayBecome(from, to))
}

/** What people call processing. */
export const PROCESSING_STATES: readonly RecordingState[] = RECORDING_STATES.filter(isUnfinished)

export function isUnfinished(state: RecordingState): boolean {
  return state !== 'COMPLETED' && state !== 'FAILED'
}

import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  isUnfinished,
  mayBecome,
  PROCESSING_STATES,
  RECORDING_STATES,
  type RecordingState,
  statesBefore,
} from './recording-state.ts'

test('a recording that goes well passes every state, one after the other', () => {
  const life: RecordingState[] = ['RECEIVED', 'STORED', 'VERIFIED', 'COMPLETED']
  for (const [at, state] of life.entries()) {
    for (const to of life) {
      const isBack = to === 'STORED' && state === 'COMPLETED'
      expect(mayBecome(state, to), `${state} → ${to}`).toBe(to === life[at + 1] || isBack)
    }
  }
})

test('it can fail until it is complete, and not twice', () => {
  expect(statesBefore('FAILED')).toEqual(['RECEIVED', 'STORED', 'VERIFIED'])
})

test('nothing comes back to be received: its bytes would be others', () => {
  expect(statesBefore('RECEIVED')).toEqual([])
})

test('processing is any state before the end', () => {
  expect(PROCESSING_STATES).toEqual(['RECEIVED', 'STORED', 'VERIFIED'])
})

test('from every state an end can be reached, and from every end it can be looked at again', () => {
  fc.assert(
    fc.property(fc.constantFrom(...RECORDING_STATES), (start) => {
      const reached = new Set<RecordingState>([start])
      for (const from of reached) for (const to of RECORDING_STATES) if (mayBecome(from, to)) reached.add(to)
      expect([...reached].some((state) => !isUnfinished(state))).toBe(true)
      expect(reached.has('STORED')).toBe(true)
    }),
  )
})

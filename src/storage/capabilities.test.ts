import { expect, test } from 'vitest'
import {
  CAPABILITY_IDS,
  type CapabilityAnswer,
  type CapabilityId,
  type CapabilityMatrix,
  driftOf,
  judgeStore,
  renderMatrix,
} from './capabilities.ts'

function matrix(changed: Partial<Record<CapabilityId, CapabilityAnswer>> = {}): CapabilityMatrix {
  const all = Object.fromEntries(CAPABILITY_IDS.map((id) => [id, { outcome: 'yes', note: '' }]))
  return {
    version: 1,
    place: 'https://s3.example/media',
    probedAtMs: Date.UTC(2026, 10, 21),
    tookMs: 1500,
    answers: { ...all, ...changed } as CapabilityMatrix['answers'],
  }
}

test('a store that can do everything needs no advice', () => {
  expect(judgeStore(matrix())).toEqual({ isUsable: true, isArbiter: true, advice: [] })
})

test('a store that ignores conditions keeps objects but decides nothing, and the way out is named', () => {
  const verdict = judgeStore(matrix({ conditionalCreate: { outcome: 'no', note: '8 of 8 won' } }))
  expect(verdict).toMatchObject({ isUsable: true, isArbiter: false })
  expect(verdict.advice).toEqual([
    'Not so: of several who create an object at once one wins (8 of 8 won). Origins cannot agree through this store: set timeline.arbiter to database.',
  ])
})

test('what is required is said first, and what is not known is not called missing', () => {
  const verdict = judgeStore(
    matrix({ cors: { outcome: 'unknown', note: 'not tried' }, list: { outcome: 'no', note: 'in another order' } }),
  )
  expect(verdict.isUsable).toBe(false)
  expect(verdict.advice[0]).toContain('listed at once')
  expect(verdict.advice[1]).toBe('Not known: the bucket takes CORS rules (not tried).')
})

test('a store that changed under its user is noticed, silence is not', () => {
  const before = matrix({ lifecycle: { outcome: 'unknown', note: '' } })
  const now = matrix({
    conditionalCreate: { outcome: 'no', note: '2 of 8 won' },
    cors: { outcome: 'unknown', note: '' },
  })
  expect(driftOf(before, now)).toEqual(['of several who create an object at once one wins: yes, now no'])
})

test('a person reads every answer and what to do', () => {
  const text = renderMatrix(matrix({ versioning: { outcome: 'no', note: 'it is off' } }))
  expect(text.split('\n')).toHaveLength(CAPABILITY_IDS.length + 6)
  expect(text).toContain('no      the bucket keeps old versions (it is off)')
  expect(text).toContain('Origins can agree through it.')
})

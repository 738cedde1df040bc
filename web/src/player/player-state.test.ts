import { expect, test } from 'vitest'
import { explainPlayerError, isAtLiveEdge } from './player-state.ts'

test('a player near its target latency is live', () => {
  expect(isAtLiveEdge(1.1, 0.6)).toBe(true)
  expect(isAtLiveEdge(3.2, 0.6)).toBe(false)
})

test('while the edge is not known nobody is told that they are behind', () => {
  expect(isAtLiveEdge(null, 1)).toBe(true)
})

test('an undecodable codec is explained with what to use instead', () => {
  expect(explainPlayerError('manifestIncompatibleCodecsError')).toContain('Safari')
})

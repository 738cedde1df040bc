import { expect, test } from 'vitest'
import { endOfHole } from './hole.ts'

const range = (startSec: number, endSec: number) => ({ startSec, endSec })

test('a player that stands before a hole of one part goes on behind it', () => {
  // As seen: one audio part of 0.213 s was missing, and playback stood there for 30 s.
  expect(endOfHole(24.704, [range(4.531, 24.776), range(24.989, 26.1)])).toBeCloseTo(24.999, 3)
})

test('a player that has fallen into a hole goes on behind it', () => {
  expect(endOfHole(29.003, [range(4.5, 26.5), range(28.3, 28.9), range(30.067, 31.048)])).toBeCloseTo(30.077, 3)
})

test('nothing is jumped while there is something left to play, nothing behind, or the hole is a long outage', () => {
  expect(endOfHole(20, [range(4.5, 24.7), range(24.9, 26)])).toBeNull()
  expect(endOfHole(24.7, [range(4.5, 24.7)])).toBeNull()
  expect(endOfHole(24.7, [range(4.5, 24.7), range(64.9, 66)])).toBeNull()
  expect(endOfHole(24.7, [])).toBeNull()
})

import { expect, test } from 'vitest'
import { sparklinePoints } from './sparkline.tsx'

test('a steady value is a level line at the top, zero is the bottom', () => {
  expect(sparklinePoints([5, 5], 10, 20)).toBe('0.0,1.5 10.0,1.5')
  expect(sparklinePoints([0, 5], 10, 20)).toBe('0.0,18.5 10.0,1.5')
})

test('nothing is drawn before there is a trend', () => {
  expect(sparklinePoints([3], 10, 20)).toBe('')
  expect(sparklinePoints([0, 0, 0], 10, 20)).toBe('')
})

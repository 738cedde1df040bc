import { expect, test } from 'vitest'
import { growthOf } from './growth.ts'

const HOUR = 3_600_000
const NOW = Date.UTC(2026, 10, 21, 12)
/** Hours before now. */
const span = (from: number, to: number, bytes: number) => ({ fromMs: NOW - from * HOUR, toMs: NOW - to * HOUR, bytes })

test('a stream that began twenty minutes ago is measured over twenty minutes', () => {
  expect(growthOf([span(1 / 3, 0, 1000)], NOW, true)).toEqual({ bytesPerHour: 3000, bytesPerDay: 72_000 })
})

test('tracks add up', () => {
  expect(growthOf([span(1, 0, 1000), span(1, 0, 50)], NOW, true).bytesPerHour).toBe(1050)
})

test('an hour is measured over the last three, a day over the last twenty-four', () => {
  const spans = [span(24, 3, 21 * 100), span(3, 0, 3 * 1000)]
  expect(growthOf(spans, NOW, true)).toEqual({ bytesPerHour: 1000, bytesPerDay: 5100 })
})

test('two hours on air a day are forecast as two hours a day, not as twenty-four', () => {
  const spans = [span(23, 22, 1000), span(1, 0, 1000)]
  expect(growthOf(spans, NOW, true).bytesPerDay).toBe(Math.round((2000 / 23) * 24))
})

test('of a span that began before the time looked at, its share counts', () => {
  expect(growthOf([span(4, 2, 2000)], NOW, true).bytesPerHour).toBe(Math.round(1000 / 3))
})

test('nothing recorded, or less than a minute of it, tells nothing', () => {
  expect(growthOf([], NOW, true)).toEqual({ bytesPerHour: null, bytesPerDay: null })
  expect(growthOf([span(0.01, 0, 1000)], NOW, true)).toEqual({ bytesPerHour: null, bytesPerDay: null })
})

test('what is not recorded any more does not grow', () => {
  expect(growthOf([span(1, 0, 1000)], NOW, false)).toEqual({ bytesPerHour: 0, bytesPerDay: 0 })
})

import { expect, test } from 'vitest'
import { percentOf, resumeAt, stepsOf } from './asset-steps.ts'

const steps = ['identify', 'metadata', 'placeholder', 'thumbnail', 'medium', 'webp', 'avif']

test('a picture is described before anything is made of it; other content is only identified', () => {
  expect(stepsOf({ kind: 'image' })).toEqual(steps)
  expect(stepsOf({ kind: 'other' })).toEqual(['identify'])
})

test('processing goes on at the step that was under way, and begins anew when the steps have changed', () => {
  const at = (name: string, index: number, count = steps.length) =>
    ({ kind: 'image', step: { name, index, count } }) as const
  expect(resumeAt({ kind: 'image', step: null })).toBe(0)
  for (const [index, name] of steps.entries()) expect(resumeAt(at(name, index + 1))).toBe(index)
  for (const other of [at('webp', 2), at('webp', 6, 9), at('unknown', 1)]) expect(resumeAt(other)).toBe(0)
})

test('the share that is done counts whole steps, and parts of a step where they are known', () => {
  expect(percentOf({ status: 'pending', step: null })).toBe(0)
  expect(percentOf({ status: 'processing', step: { name: 'webp', index: 6, count: 7 } })).toBe(71)
  expect(percentOf({ status: 'processing', step: { name: 'm4a', index: 4, count: 5, percent: 50 } })).toBe(70)
  expect(percentOf({ status: 'ready', step: null })).toBe(100)
})

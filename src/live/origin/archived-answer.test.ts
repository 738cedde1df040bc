import { expect, test } from 'vitest'
import { describeArchived } from './archived-answer.ts'

const NOW = { nowMs: Date.UTC(2026, 10, 21, 12), isAsked: false }

test('what is on its way tells when it is ready, and not to ask before', () => {
  const readyAtMs = NOW.nowMs + 90_500
  expect(describeArchived({ restore: 'restoring', readyAtMs }, NOW)).toEqual({
    detail: 'This part of the recording is restoring, ready at 2026-11-21T12:01:30.500Z',
    retryAfterSec: 91,
    readyAt: '2026-11-21T12:01:30.500Z',
  })
  const late = describeArchived({ restore: 'restoring', readyAtMs: NOW.nowMs - 1000 }, NOW)
  expect(late.retryAfterSec).toBe(1)
})

test('a store that does not say when is asked again in a while', () => {
  expect(describeArchived({ restore: 'restoring' }, NOW)).toMatchObject({ retryAfterSec: 60, readyAt: null })
})

test('what nobody has restored says whether this request has it restored', () => {
  expect(describeArchived({ restore: 'archived' }, NOW).detail).toBe(
    'This part of the recording is archived and has to be restored',
  )
  expect(describeArchived({ restore: 'archived' }, { ...NOW, isAsked: true })).toMatchObject({
    detail: 'This part of the recording is archived; it is being asked for',
    retryAfterSec: 5,
  })
})

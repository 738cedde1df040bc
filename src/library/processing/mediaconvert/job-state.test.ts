import { expect, test } from 'vitest'
import { conversionState } from './job-state.ts'

test('a job waits while it is submitted, runs while it progresses, and is made when it is complete', () => {
  expect(conversionState({ Status: 'SUBMITTED', JobPercentComplete: 0 })).toEqual({ kind: 'waiting' })
  expect(conversionState({ Status: 'PROGRESSING', JobPercentComplete: 37 })).toEqual({ kind: 'running', percent: 37 })
  expect(conversionState({ Status: 'COMPLETE', JobPercentComplete: 100 })).toEqual({ kind: 'made' })
})

test('a percentage that AWS cannot tell is not made up', () => {
  expect(conversionState({ Status: 'PROGRESSING' })).toEqual({ kind: 'running', percent: null })
})

test('a job that failed says why in the words of AWS, with its code', () => {
  const ErrorMessage = 'Unsupported input container. '
  expect(conversionState({ Status: 'ERROR', ErrorCode: 1010, ErrorMessage })).toEqual({
    kind: 'failed',
    reason: 'Unsupported input container. (error 1010)',
  })
  expect(conversionState({ Status: 'ERROR' })).toEqual({ kind: 'failed', reason: 'AWS does not say why' })
  expect(conversionState({ Status: 'CANCELED' })).toEqual({ kind: 'failed', reason: 'the job was cancelled at AWS' })
  const long = conversionState({ Status: 'ERROR', ErrorMessage: 'x'.repeat(5000) })
  expect(long.kind === 'failed' ? long.reason.length : 0).toBe(1000)
})

test('a state that nobody knows yet has not ended', () => {
  expect(conversionState({ Status: 'PAUSED' as 'SUBMITTED' })).toEqual({ kind: 'running', percent: null })
  expect(conversionState({})).toEqual({ kind: 'running', percent: null })
})

import { expect, test } from 'vitest'
import { judgeAnswer } from './playlist-probe.ts'

test('an offline stream is waited for, an unknown one is named', () => {
  expect(judgeAnswer(404, { code: 'stream_offline' })).toEqual({ kind: 'offline' })
  expect(judgeAnswer(404, { code: 'stream_not_found' })).toEqual({ kind: 'unknown' })
})

test('a bare 404 is read as offline', () => {
  expect(judgeAnswer(404, {})).toEqual({ kind: 'offline' })
})

test('a server error is worth another try, in the words of the server', () => {
  expect(judgeAnswer(503, { detail: 'The origin restarts.' })).toEqual({
    kind: 'unreachable',
    reason: 'The origin restarts.',
  })
})

test('a refusal is not retried as if it were an outage', () => {
  expect(judgeAnswer(403, {}).kind).toBe('refused')
})

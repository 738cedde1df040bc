import { expect, test } from 'vitest'
import { judgeAnswer, tailOf } from './playlist-probe.ts'

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

const lines = (...each: readonly string[]): string => `${['#EXTM3U', ...each].join('\n')}\n`
const GAP = ['#EXT-X-GAP', '#EXTINF:2.0,', 'gap.m4s']
const SEGMENT = ['#EXT-X-PART:DURATION=1.0,URI="a"', '#EXT-X-PART:DURATION=1.0,URI="b"', '#EXTINF:2.0,', 's.m4s']

test('what lies behind the last gap is counted, parts of the growing segment included', () => {
  expect(tailOf(lines(...SEGMENT, ...GAP, ...SEGMENT, '#EXT-X-PART:DURATION=0.5,URI="c"'))).toEqual({
    kind: 'live',
    mediaSec: 2.5,
  })
})

test('a stream whose encoder is silent ends with a gap', () => {
  expect(tailOf(lines(...SEGMENT, ...GAP))).toEqual({ kind: 'gap' })
  expect(tailOf(lines(...GAP, '#EXT-X-PART:DURATION=0.5,URI="c",GAP=YES'))).toEqual({ kind: 'gap' })
})

test('an encoder that has just returned counts from its first part', () => {
  expect(tailOf(lines(...GAP, '#EXT-X-PART:DURATION=0.2,URI="c"'))).toEqual({ kind: 'live', mediaSec: 0.2 })
})

test('a playlist with an end is over', () => {
  expect(tailOf(lines(...SEGMENT, '#EXT-X-ENDLIST'))).toEqual({ kind: 'ended' })
})

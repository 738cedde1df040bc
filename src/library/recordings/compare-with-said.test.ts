import { expect, test } from 'vitest'
import { compareWithSaid } from './compare-with-said.ts'

const nothing = { format: null, durationSec: null, channels: null }
const kinds = (durationSec: number, durationMs: number) =>
  compareWithSaid({ ...nothing, durationSec }, { durationMs, channels: 1, format: 'wav' }).map(({ kind }) => kind)

test('who said nothing is not contradicted', () => {
  expect(compareWithSaid(nothing, { durationMs: 1, channels: 7, format: 'wav' })).toEqual([])
})

test.each([
  [60, 60_000, []],
  [60, 58_000, []],
  [60, 57_999, ['truncated']],
  [60, 62_000, []],
  [60, 62_001, ['longer']],
  [3600, 3_564_000, []],
  [3600, 3_563_999, ['truncated']],
  [1, 0, []],
  [3, 0, ['truncated']],
  [0, 0, []],
])('%i s said, %i ms there: %j', (said, measured, expected) => {
  expect(kinds(said, measured)).toEqual(expected)
})

test('the words name both lengths', () => {
  const [issue] = compareWithSaid({ ...nothing, durationSec: 61 }, { durationMs: 30_040, channels: 1, format: null })
  expect(issue?.message).toBe('The call lasted 61 s as it was said, its recording 30 s')
})

test('one leg where two were said is told', () => {
  const issues = compareWithSaid({ ...nothing, channels: 2 }, { durationMs: 0, channels: 1, format: null })
  expect(issues).toEqual([{ kind: 'channels', message: '2 channels were said, 1 are there' }])
})

test.each([
  ['wav', 'wav', true],
  ['WAVE', 'wav', true],
  ['audio/x-wav', 'wav', true],
  ['.mp3', 'mp3', true],
  ['opus', 'ogg', true],
  ['mp3', 'wav', false],
  ['wav', null, true],
])('said to be %s, its bytes are %s: %s', (said, format, isSame) => {
  const issues = compareWithSaid({ ...nothing, format: said }, { durationMs: 0, channels: null, format })
  expect(issues.map(({ kind }) => kind)).toEqual(isSame ? [] : ['format'])
})

import { expect, test } from 'vitest'
import { STREAM_ID_PATTERN } from '../../../../src/core/stream-id.ts'
import { complainAboutStreamId } from './stream-id.ts'

test('the first character that is not possible is named', () => {
  expect(complainAboutStreamId('studio_1', [])).toContain('“_”')
  expect(complainAboutStreamId('studio 1', [])).toContain('A space')
})

test('an id that exists is told before the server is asked', () => {
  expect(complainAboutStreamId('demo', ['demo'])).toContain('exists')
})

test('an empty field is not nagged about', () => {
  expect(complainAboutStreamId('', [])).toBeNull()
})

test('console and server agree on what an id is', () => {
  for (const id of ['a', 'A-9', '-', 'x'.repeat(64), 'x'.repeat(65), 'ä', 'a/b', 'a b', 'a.b', 'a\n']) {
    expect([id, complainAboutStreamId(id, []) === null]).toEqual([id, STREAM_ID_PATTERN.test(id)])
  }
})

import { expect, test } from 'vitest'
import { listIn, toProblem } from './client.ts'

test('a problem document keeps its words', () => {
  const problem = toProblem(409, {
    code: 'stream_exists',
    detail: 'A stream "a" exists.',
    advice: 'Choose another id.',
  })
  expect(problem).toMatchObject({ status: 409, code: 'stream_exists', detail: 'A stream "a" exists.' })
})

test('an answer that is no problem document still becomes a sentence', () => {
  expect(toProblem(502, null).detail).toBe('The server answered with status 502.')
})

test('lists are found by name, or bare', () => {
  expect(listIn({ streams: [1, 2] }, 'streams')).toEqual([1, 2])
  expect(listIn([3], 'streams')).toEqual([3])
  expect(listIn({ error: 1 }, 'streams')).toEqual([])
})

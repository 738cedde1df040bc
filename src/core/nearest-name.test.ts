import { expect, test } from 'vitest'
import { editDistance, nearestName } from './nearest-name.ts'

test.each([
  ['port', 'port', 0],
  ['prot', 'port', 1],
  ['port', 'ports', 1],
  ['kitten', 'sitting', 3],
  ['', 'abc', 3],
  ['abc', '', 3],
])('from "%s" to "%s" it takes %d edits', (a, b, edits) => {
  expect(editDistance(a, b)).toBe(edits)
  expect(editDistance(b, a)).toBe(edits)
})

test('case and separators do not count', () => {
  expect(nearestName('apiPort', ['api.port', 'media.port'])).toBe('api.port')
  expect(nearestName('MAX_BYTES', ['maxBytes'])).toBe('maxBytes')
})

test('a name that resembles nothing gets no suggestion', () => {
  expect(nearestName('colour', ['port', 'latency'])).toBeNull()
})

import { expect, test } from 'vitest'
import { ProblemError, toProblem } from '../api/client.ts'
import { failureWords, forEach } from './bulk.ts'

test('what cannot be done stops nothing else, and is told by its causes', async () => {
  let atOnce = 0
  let most = 0
  const result = await forEach([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], async (item) => {
    atOnce += 1
    most = Math.max(most, atOnce)
    await Promise.resolve()
    atOnce -= 1
    if (item % 3 === 0) throw new ProblemError(toProblem(409, { title: 'The asset is being processed' }))
  })
  expect(result).toEqual({ done: 7, causes: [{ cause: 'The asset is being processed', count: 3 }] })
  expect(failureWords(result)).toBe('3 files were left as before: The asset is being processed.')
  expect(most).toBeLessThanOrEqual(4)
})

test('nothing is said when all went well', async () => {
  expect(failureWords(await forEach([1], async () => {}))).toBeNull()
})

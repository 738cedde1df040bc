import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { REPAIR_CAUSES } from './repair-causes.ts'

test('the manual explains every repair in the words of the console', async () => {
  const manual = await readFile(new URL('../../docs/reference/repairs.md', import.meta.url), 'utf8')
  const rows = manual.split('\n').filter((line) => line.startsWith('| `'))
  const told = Object.entries(REPAIR_CAUSES).map(
    ([cause, { isLoss, meaning }]) => `| \`${cause}\` | ${isLoss ? 'dropped' : 'repaired'} | ${meaning} |`,
  )
  expect(rows).toEqual(told)
})

import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { renderErrorsDoc } from './errors-doc.ts'

const PAGE = new URL('../../docs/reference/errors.md', import.meta.url)

test('docs/reference/errors.md lists exactly the errors of the catalogue', async () => {
  // To bring the page up to date: node src/api/errors-doc-write.ts
  expect(await readFile(PAGE, 'utf8')).toBe(renderErrorsDoc())
})

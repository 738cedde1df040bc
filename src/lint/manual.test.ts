import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { renderManual } from './manual.ts'

test('docs/reference/hls-lint.md lists the rules as they are (else: node src/lint/write-manual.ts)', () => {
  expect(readFileSync(new URL('../../docs/reference/hls-lint.md', import.meta.url), 'utf8')).toBe(renderManual())
})

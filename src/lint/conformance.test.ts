import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ALL_RULES } from './rules/all-rules.ts'

const ROOT = new URL('../../', import.meta.url)
const text = readFileSync(new URL('docs/conformance.md', ROOT), 'utf8')

test('every test that docs/conformance.md names exists, under this name', () => {
  const missing: string[] = []
  for (const row of text.split('\n').filter((line) => line.startsWith('|'))) {
    // A title belongs to the file named last before it.
    let source = ''
    for (const [, file, title] of row.matchAll(/`((?:src|test)\/[^`]+\.ts)`|“([^”]+)”/g)) {
      if (file !== undefined) {
        const url = new URL(file, ROOT)
        source = existsSync(url) ? readFileSync(url, 'utf8') : ''
        if (source === '') missing.push(file)
      } else if (title !== undefined && !source.includes(title)) missing.push(title)
    }
  }
  expect(missing).toEqual([])
  expect(text.match(/\.test\.ts`/g)?.length).toBeGreaterThan(25)
})

test('every rule of hls-lint that it names exists', () => {
  const ids = ALL_RULES.map(({ id }) => id)
  const named = [...text.matchAll(/rule `([a-z-]+)`/g)].map(([, id]) => id)
  expect(named.length).toBeGreaterThan(0)
  expect(named.filter((id) => !ids.includes(id ?? ''))).toEqual([])
})

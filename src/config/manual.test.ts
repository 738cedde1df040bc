import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from './load.ts'
import { renderExample, renderReference, renderServeHelp } from './manual.ts'
import { SETTINGS } from './schema.ts'

// Not a file snapshot: those are written silently when the file is absent. `npm run docs` writes all three.
const stored = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test.each([
  ['deploy/mirror.example.yml', renderExample],
  ['docs/reference/configuration.md', renderReference],
  ['launcher/serve-help.txt', renderServeHelp],
])('%s says what the schema says (else: npm run docs)', (path, render) => {
  expect(stored(path)).toBe(render())
})

test('the example file names every key of the schema, each with its default', () => {
  const example: unknown = parse(stored('deploy/mirror.example.yml'))
  const flat = (node: unknown, above: string): [string, unknown][] =>
    typeof node === 'object' && node !== null
      ? Object.entries(node).flatMap(([name, value]) => flat(value, `${above}${above === '' ? '' : '.'}${name}`))
      : [[above, node]]
  expect(flat(example, '')).toEqual(SETTINGS.map((setting) => [setting.name, setting.default]))
})

test('loading the example file is the same as having no file', () => {
  const load = (flags: string[]) =>
    loadConfig({ flags, env: {}, cwd: '/srv', readFile: () => stored('deploy/mirror.example.yml') }).config
  expect(load(['--config', 'mirror.yml'])).toEqual(load([]))
})

test('the help names every flag and variable', () => {
  const help = renderServeHelp()
  for (const { flag, env } of SETTINGS) {
    if (flag !== undefined) expect(help).toContain(flag)
    if (env !== undefined) expect(help).toContain(env)
  }
})

import { expect, test } from 'vitest'
import { isAllowed, unacceptableLicences } from './licences.mjs'

const allowed = new Set(['MIT', 'ISC'])

test.each([
  ['MIT', true],
  ['GPL-3.0', false],
  ['(MIT OR GPL-3.0)', true],
  ['MIT AND GPL-3.0', false],
  ['MIT AND ISC', true],
])('%s: %s', (expression, acceptable) => {
  expect(isAllowed(expression, allowed)).toBe(acceptable)
})

test('our own packages are not judged; a missing licence is read from the package, else refused', () => {
  const packages = {
    '': { license: 'Apache-2.0' },
    web: { license: 'Secret' },
    'node_modules/@x/web': { link: true },
    'node_modules/good': { license: 'MIT' },
    'node_modules/bad': { license: 'GPL-3.0', version: '1.0.0' },
    'node_modules/a/node_modules/none': { version: '2.0.0' },
    'node_modules/old': {},
  }
  expect(unacceptableLicences(packages, (path) => (path.endsWith('old') ? 'MIT' : null))).toEqual([
    'bad 1.0.0: GPL-3.0',
    'none 2.0.0: no licence found',
  ])
})

test('a licence with conditions on changed files is good for tools only', () => {
  expect(unacceptableLicences({ 'node_modules/a': { license: 'MPL-2.0', dev: true } }, () => null)).toEqual([])
  expect(unacceptableLicences({ 'node_modules/a': { license: 'MPL-2.0' } }, () => null)).toHaveLength(1)
})

test('the shared library below sharp may be under the LGPL, no other package may', () => {
  const licence = { license: 'LGPL-3.0-or-later', optional: true }
  expect(unacceptableLicences({ 'node_modules/@img/sharp-libvips-linux-x64': licence }, () => null)).toEqual([])
  for (const path of ['node_modules/a', 'node_modules/@img/sharp-x/node_modules/a']) {
    expect(unacceptableLicences({ [path]: licence }, () => null)).toHaveLength(1)
  }
})

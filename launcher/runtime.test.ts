import { expect, test } from 'vitest'
import { ROOT } from './layout.mjs'
import { chooseRuntime, findPinned, majorOf, runtimePackage } from './runtime.mjs'

test.each([
  ['v24.21.0', 24],
  ['18.0.0', 18],
  ['v26.0.0-nightly', 26],
  ['nonsense', 0],
])('the major version of %s is %d', (version, major) => {
  expect(majorOf(version)).toBe(major)
})

test('a Node.js that is new enough runs Mirror itself', () => {
  const known = { execPath: '/usr/bin/node', pinned: '/pinned/node' }
  expect(chooseRuntime({ ...known, version: 'v24.0.0' })).toBe('/usr/bin/node')
  expect(chooseRuntime({ ...known, version: 'v26.1.0' })).toBe('/usr/bin/node')
})

test('an older one hands over to the pinned one', () => {
  expect(chooseRuntime({ execPath: '/usr/bin/node', version: 'v18.20.0', pinned: '/pinned/node' })).toBe('/pinned/node')
  expect(chooseRuntime({ execPath: '/usr/bin/node', version: 'v23.9.0', pinned: '/pinned/node' })).toBe('/pinned/node')
})

test('an older one without a pinned one is not enough', () => {
  expect(chooseRuntime({ execPath: '/usr/bin/node', version: 'v22.0.0', pinned: null })).toBeNull()
})

test('the pinned one of this machine is found where npm has put it', () => {
  expect(findPinned(ROOT)).toMatch(new RegExp(`${runtimePackage(process.platform, process.arch)}/bin/node$`))
})

test('a folder without packages has no pinned one', () => {
  expect(findPinned('/')).toBeNull()
})

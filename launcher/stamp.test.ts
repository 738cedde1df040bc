import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isInstalled, lockHash } from './install.mjs'
import { isClone, mainFile } from './layout.mjs'
import { hashOf, readStamp, writeStamp } from './stamp.mjs'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mirror-stamp-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function write(path: string, content = ''): void {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), content)
}

test('the hash changes with a content, a name and a new file, and not with a test', () => {
  write('web/a.ts', 'one')
  write('web/deep/b.ts', 'two')
  const seen = [hashOf(root, ['web'])]
  write('web/a.test.ts', 'a test')
  expect(hashOf(root, ['web'])).toBe(seen[0])
  write('web/a.ts', 'changed')
  seen.push(hashOf(root, ['web']))
  renameSync(join(root, 'web/deep/b.ts'), join(root, 'web/deep/c.ts'))
  seen.push(hashOf(root, ['web']))
  write('web/d.ts')
  seen.push(hashOf(root, ['web']))
  expect(new Set(seen).size).toBe(4)
})

test('single files count, missing ones do not', () => {
  write('lock.json', '{}')
  expect(hashOf(root, ['lock.json', 'none'])).toBe(hashOf(root, ['lock.json']))
  expect(hashOf(root, ['lock.json'])).not.toBe(hashOf(root, []))
})

test('a stamp reads back, and an absent one is null', () => {
  expect(readStamp(join(root, 'a/b'))).toBeNull()
  writeStamp(join(root, 'a/b'), 'hash')
  expect(readStamp(join(root, 'a/b'))).toBe('hash')
})

test('packages are installed until the lock file changes', () => {
  write('package-lock.json', '{"a":1}')
  expect(isInstalled(root, lockHash(root))).toBe(false)
  write('node_modules/.package-lock.json', '{}')
  expect(isInstalled(root, lockHash(root))).toBe(true)
  write('package-lock.json', '{"a":2}')
  expect(isInstalled(root, lockHash(root))).toBe(false)
})

test('sources make a clone, except below node_modules', () => {
  expect(isClone(root)).toBe(false)
  expect(mainFile(root)).toBe(join(root, 'dist/main.js'))
  write('src/main.ts')
  expect(isClone(root)).toBe(true)
  expect(mainFile(root)).toBe(join(root, 'src/main.ts'))
  write('node_modules/mirror/src/main.ts')
  expect(isClone(join(root, 'node_modules/mirror'))).toBe(false)
})

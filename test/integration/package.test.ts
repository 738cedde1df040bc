import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { notRun } from '../not-run.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mirror-package-'))
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, stdio: 'inherit' })
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'no tarball'
  execFileSync(
    'npm',
    ['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`],
    { cwd: folder, stdio: 'inherit' },
  )
}, 300_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function mirror(node: string, ...args: string[]): string {
  return execFileSync(node, [join(folder, 'node_modules/.bin/mirror'), ...args], { cwd: folder, encoding: 'utf8' })
}

/** The Node.js of the system, which may be older than the one that Mirror needs. */
function systemNode(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((one) => !one.includes('node_modules'))
  return folders.map((one) => join(one, 'node')).find((program) => existsSync(program)) ?? null
}

test('the installed package prints its version', () => {
  expect(mirror(process.execPath, '--version').trim()).toBe(version)
})

test('the installed package runs its compiled commands', () => {
  expect(mirror(process.execPath, 'stream', '--help')).toContain('create')
  expect(mirror(process.execPath, 'serve', '--help')).toContain('--api-port')
})

test('the installed package runs under the older Node.js of the system', () => {
  const node = systemNode()
  if (node === null) return notRun('the package under an older Node.js', 'the system has no Node.js of its own')
  expect(mirror(node, '--version').trim()).toBe(version)
  expect(mirror(node, 'stream', '--help')).toContain('create')
})

test('the package carries the pages and no sources', () => {
  const installed = join(folder, 'node_modules/@mirror-media/mirror')
  expect(existsSync(join(installed, 'web/dist/console/index.html'))).toBe(true)
  expect(existsSync(join(installed, 'LICENSE'))).toBe(true)
  expect(existsSync(join(installed, 'src'))).toBe(false)
  expect(readdirSync(join(installed, 'launcher')).filter((name) => name.includes('.test.'))).toEqual([])
})

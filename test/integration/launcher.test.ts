import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

function run(program: string, ...args: string[]) {
  return spawnSync(program, args, { cwd: root, encoding: 'utf8', timeout: 30_000 })
}

test('npm start -- --help prints the flags and exits, without starting anything', () => {
  const { status, stdout, stderr } = run('npm', 'start', '--', '--help')
  expect(status).toBe(0)
  expect(stdout).toContain('--api-port')
  expect(stdout).toContain('MIRROR_DATA')
  // An installation or a build would say what it does.
  expect(stderr).not.toMatch(/^mirror: /m)
  expect(stdout).not.toContain('"message"')
})

test('npx mirror finds the command of the clone', () => {
  const { status, stdout } = run('npx', 'mirror', '--version')
  expect(status).toBe(0)
  const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string }
  expect(stdout.trim()).toBe(version)
})

test('a command passes its exit code through the launcher', () => {
  expect(run('node', 'bin/mirror.mjs', 'no-such-command').status).toBe(2)
  expect(run('node', 'bin/mirror.mjs', 'stream', '--help').status).toBe(0)
})

test('a wrong setting ends the start with code 2 and every problem', () => {
  const { status, stderr } = run('node', 'bin/mirror.mjs', 'serve', '--api-prot=1', '--media-port=x')
  expect(status).toBe(2)
  expect(stderr).toContain('did you mean --api-port?')
  expect(stderr).toContain('media.port must be a port')
})

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockDataFolder } from './data-lock.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-lock-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

test('a folder is locked once at a time, also within one process', async () => {
  const lock = await lockDataFolder(folder)
  await expect(lockDataFolder(folder)).rejects.toMatchObject({
    code: 'data_folder_in_use',
    message: `The data folder ${folder} is in use by process ${process.pid}`,
  })
  await lock[Symbol.asyncDispose]()
  await lock[Symbol.asyncDispose]()
  expect(existsSync(join(folder, 'lock.pid'))).toBe(false)
  await using again = await lockDataFolder(folder)
  expect(again).toBeDefined()
})

test('a missing folder is made', async () => {
  await using lock = await lockDataFolder(join(folder, 'new', 'data'))
  expect(lock).toBeDefined()
  expect(existsSync(join(folder, 'new', 'data', 'lock'))).toBe(true)
})

test('another process is named by its pid, and kill -9 frees the folder', async () => {
  const child = await lockInChild()
  await expect(lockDataFolder(folder)).rejects.toMatchObject({
    code: 'data_folder_in_use',
    details: { folder, pid: child.pid },
  })
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
  await using lock = await lockDataFolder(folder)
  expect(lock).toBeDefined()
})

test('folders that cannot be written are named', async () => {
  await writeFile(join(folder, 'file'), 'x')
  await mkdir(join(folder, 'odd', 'lock'), { recursive: true })
  await writeFile(
    join(folder, 'lock'),
    'not a database, and long enough that nobody could take it for one. '.repeat(20),
  )
  for (const dir of [join(folder, 'file'), join(folder, 'file', 'data'), join(folder, 'odd'), folder]) {
    await expect(lockDataFolder(dir)).rejects.toMatchObject({
      code: 'data_folder_not_writable',
      message: expect.stringContaining(dir),
    })
  }
})

async function lockInChild(): Promise<ChildProcess> {
  const module = JSON.stringify(fileURLToPath(new URL('./data-lock.ts', import.meta.url)))
  const code = `
    import { lockDataFolder } from ${module}
    globalThis.lock = await lockDataFolder(process.argv[1])
    process.stdout.write('locked')
    setInterval(() => {}, 1000)
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from 'vitest'

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

/** A stand-in for Mirror: counts signals, and ends with code 7 when its launcher tells it to or goes away. */
const CHILD = `
  process.on('SIGINT', () => console.log('SIGINT'))
  process.on('SIGTERM', () => process.exit(7))
  process.once('disconnect', () => { console.log('disconnected'); process.exit(8) })
  console.log('ready ' + process.pid)
  setInterval(() => {}, 1000)
`
const LAUNCHER = `
  import { runMirror } from ${JSON.stringify(new URL('./run-child.mjs', import.meta.url).href)}
  process.exitCode = await runMirror(process.execPath, ['-e', ${JSON.stringify(CHILD)}], process.env)
`

async function start() {
  const launcher = spawn(process.execPath, ['--input-type=module', '-e', LAUNCHER], {
    // A process group of its own stands for the foreground group of a terminal.
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  started.push(launcher)
  const lines = createInterface({ input: launcher.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => String((await lines.next()).value)
  expect(await next()).toMatch(/^ready \d+$/)
  return { launcher, next }
}

test('a Ctrl-C that reaches the whole group, and once more from npm, reaches Mirror once', async () => {
  const { launcher, next } = await start()
  process.kill(-(launcher.pid ?? 0), 'SIGINT')
  launcher.kill('SIGINT')
  expect(await next()).toBe('SIGINT')
  const exit = once(launcher, 'exit')
  // Outlast the interval in which signals count as one.
  await new Promise((done) => setTimeout(done, 600))
  launcher.kill('SIGTERM')
  expect(await exit).toEqual([7, null])
  expect(await next()).toBe('undefined') // standard output has ended: there was no second SIGINT
})

test('Mirror ends when its launcher is killed', async () => {
  const { launcher, next } = await start()
  launcher.kill('SIGKILL')
  expect(await next()).toBe('disconnected')
})

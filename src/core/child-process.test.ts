import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import {
  describeExit,
  MAX_STDERR_TAIL_BYTES,
  renderCommand,
  type StartChildOptions,
  startChild,
} from './child-process.ts'
import { silentLog } from './log.ts'

const never = new AbortController().signal

function nodeScript(script: string, more: Partial<StartChildOptions> = {}): StartChildOptions {
  return { command: process.execPath, args: ['-e', script], spawn, log: silentLog, signal: never, ...more }
}

test('a command line can be pasted into a shell and shows no secret', () => {
  expect(renderCommand('ffmpeg', ['-i', "it's", 'srt://h:1?streamid=publish:cam1:k3y'], ['k3y'])).toBe(
    "ffmpeg -i 'it'\\''s' 'srt://h:1?streamid=publish:cam1:***'",
  )
})

test('stdout is read to its end and the exit is told', async () => {
  await using child = await startChild(nodeScript('process.stdout.write("abc"); process.exitCode = 3'))
  const chunks: Uint8Array[] = []
  for await (const chunk of child.stdout ?? []) chunks.push(chunk as Uint8Array)
  expect(Buffer.concat(chunks).toString()).toBe('abc')
  expect(await child.exited).toEqual({ code: 3, signal: null, stderrTail: '' })
})

test('the error carries the end of a long stderr', async () => {
  const script = 'process.stderr.write("x".repeat(100_000) + "\\nthe end", () => process.exit(1))'
  await using child = await startChild(nodeScript(script))
  const exit = await child.exited
  expect(exit.stderrTail.length).toBeLessThanOrEqual(MAX_STDERR_TAIL_BYTES)
  expect(describeExit(exit)).toMatch(/^exit code 1: x+ \| the end$/)
})

test('a missing program rejects with ENOENT', async () => {
  const options = { ...nodeScript(''), command: '/nonexistent/ffmpeg' }
  await expect(startChild(options)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('a child that ignores TERM is killed after the grace time', async () => {
  const script = 'process.on("SIGTERM", () => {}); console.log("ready"); setInterval(() => {}, 1000)'
  await using child = await startChild(nodeScript(script, { graceMs: 100 }))
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  expect((await child.stop()).signal).toBe('SIGKILL')
})

test('aborting the signal stops the child', async () => {
  const abort = new AbortController()
  const child = await startChild(nodeScript('setInterval(() => {}, 1000)', { signal: abort.signal }))
  abort.abort()
  expect((await child.exited).signal).toBe('SIGTERM')
})

test('messages and the data pipe reach a Node child and come back', async () => {
  const script = `
    process.on('message', (message) => {
      require('node:fs').writeSync(3, 'bytes')
      process.send({ echo: message }, () => process.disconnect())
    })`
  await using child = await startChild(nodeScript(script, { messages: true, dataPipe: true, stdout: 'ignore' }))
  const answer = new Promise((resolve) => {
    child.onMessage = resolve
  })
  child.send({ n: 1 })
  const chunks: Uint8Array[] = []
  for await (const chunk of child.dataPipe ?? []) chunks.push(chunk as Uint8Array)
  expect(await answer).toEqual({ echo: { n: 1 } })
  expect(Buffer.concat(chunks).toString()).toBe('bytes')
  expect((await child.exited).code).toBe(0)
})

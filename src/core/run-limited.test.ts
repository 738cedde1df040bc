import { spawn } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from './log.ts'
import { type LimitedExit, type LimitedRun, type RunLimits, runLimited } from './run-limited.ts'

const LIMITS: RunLimits = { memoryBytes: 2 ** 30, fileBytes: 2 ** 20, cpuSec: 20, wallMs: 20_000, outputBytes: 2 ** 20 }
const host = { spawn, log: silentLog }

async function run(
  program: readonly string[],
  more: Partial<LimitedRun> = {},
  signal = new AbortController().signal,
): Promise<LimitedExit & { output: string }> {
  const chunks: Uint8Array[] = []
  const exit = await runLimited(
    { program, limits: LIMITS, onOutput: (chunk) => chunks.push(chunk), ...more },
    host,
    signal,
  )
  return { ...exit, output: Buffer.concat(chunks).toString() }
}

const node = (script: string): string[] => [process.execPath, '-e', script]
const failing = (code: string) => expect.objectContaining({ code })

async function* repeated(chunk: string, count: number): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < count; n++) yield Buffer.from(chunk)
}

test('a program reads its input, and tells its output, its last words and its code', async () => {
  const script = 'process.stdin.pipe(process.stdout); process.stderr.write("words"); process.exitCode = 3'
  const exit = await run(node(script), { input: repeated('abc', 100_000) })
  expect(exit.output).toBe('abc'.repeat(100_000))
  expect(exit).toMatchObject({ code: 3, stderrTail: 'words' })
})

test('an input that nobody reads to its end is left', async () => {
  expect(await run(['true'], { input: repeated('x'.repeat(65_536), 1_000_000) })).toMatchObject({ code: 0 })
})

test('an input that fails ends the program and is what is told', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('a')
    throw new Error('the store is away')
  }
  await expect(run(['cat'], { input: broken() })).rejects.toThrow('the store is away')
})

test('it has none of the credentials in our environment', async () => {
  process.env['MIRROR_TEST_SECRET'] = 'secret'
  try {
    const { output } = await run(['env'])
    expect(output).not.toContain('secret')
    expect(output).toContain('PATH=')
  } finally {
    delete process.env['MIRROR_TEST_SECRET']
  }
})

test('one that takes too long is ended, also when it ignores being asked to', async () => {
  const limits = { ...LIMITS, wallMs: 300 }
  await expect(run(['sleep', '60'], { limits })).rejects.toThrow(failing('processing_timeout'))
  await expect(run(['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'], { limits })).rejects.toThrow(
    failing('processing_timeout'),
  )
})

test('one that calculates too long is ended by the kernel', async () => {
  const limits = { ...LIMITS, cpuSec: 1 }
  await expect(run(['sh', '-c', 'while :; do :; done'], { limits })).rejects.toThrow(
    expect.objectContaining({ code: 'processing_timeout', message: 'sh took longer than 1 s of CPU time' }),
  )
})

test('one that wants more memory than it is given does not get it', async () => {
  const script = 'const all = []; for (;;) all.push(Buffer.alloc(16 * 2 ** 20, 1))'
  const limits = { ...LIMITS, memoryBytes: 256 * 2 ** 20 }
  // Node tells it by its code, or ends by the signal of its own abort.
  const ending = await run(node(script), { limits }).then(
    ({ code }) => `code ${code}`,
    (error: { code?: string }) => error.code,
  )
  expect(ending).not.toBe('code 0')
  expect(ending).toMatch(/^(?:code \d+|processing_died)$/)
})

test('one that writes too much is ended, to a pipe as to a file', async () => {
  await expect(run(['yes'])).rejects.toThrow(failing('content_too_large'))
  const folder = await mkdtemp(join(tmpdir(), 'mirror-limited-'))
  try {
    const file = join(folder, 'out')
    await run(['sh', '-c', `yes > ${file}`]).catch(() => {})
    expect((await stat(file)).size).toBe(LIMITS.fileBytes)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('an abort ends it with its own reason', async () => {
  const abort = new AbortController()
  const running = run(['sleep', '60'], {}, abort.signal)
  setTimeout(() => abort.abort(new Error('enough')), 50)
  await expect(running).rejects.toThrow('enough')
})

test('a program that is not there is named', async () => {
  await expect(run(['no-such-ffmpeg'])).rejects.toThrow(
    expect.objectContaining({ code: 'ffmpeg_missing', message: '"no-such-ffmpeg" was not found' }),
  )
})

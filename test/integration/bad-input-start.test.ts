// What can be wrong before anything is published: Mirror says it in a sentence that names the setting, with an exit code,
// or runs on and says what is missing. A Mirror that runs already must not notice the one that cannot start.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMPILE_CACHE, MirrorProcess } from '../support/mirror-process.ts'
import { expectTold } from '../support/told.ts'
import { Witness } from '../support/witness.ts'

/** As long as a start may take, which gets further. */
const EXIT_TIMEOUT_MS = 45_000

let folder: string
/** Runs all the time, with an ffmpeg that does not exist. */
let mirror: MirrorProcess
let witness: Witness
let ports: Readonly<Record<'api' | 'media' | 'rtmp' | 'srt', number>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-bad-start-'))
  await writeFile(join(folder, 'mirror.yml'), 'ffmpeg: { path: /nowhere/ffmpeg }\n')
  mirror = await MirrorProcess.start({ env: { MIRROR_CONFIG: join(folder, 'mirror.yml') } })
  witness = await Witness.start(mirror, 'rtmp')
  const { ingest } = await mirror.stream('witness')
  ports = {
    api: portOf(mirror.consoleUrl),
    media: portOf(mirror.mediaUrl),
    rtmp: portOf(ingest?.rtmpServer),
    srt: portOf(ingest?.srt),
  }
})

afterAll(async () => {
  await witness?.[Symbol.asyncDispose]()
  await mirror?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test.each([
  ['api', 'MIRROR_API_PORT', 'api.port'],
  ['media', 'MIRROR_MEDIA_PORT', 'media.port'],
  ['rtmp', 'MIRROR_RTMP_PORT', 'rtmp.port'],
  ['srt', 'MIRROR_SRT_PORT', 'srt.port'],
] as const)('a taken %s port ends the start, and the message names the setting', async (kind, variable, setting) => {
  const { code, output } = await failedStart({ [variable]: String(ports[kind]) }, join(folder, `data-${kind}`))
  expect(code).toBe(1)
  expect(output).toContain('"code":"port_taken"')
  expect(output).toContain(String(ports[kind]))
  expect(output).toMatch(new RegExp(`${setting.replace('.', '\\.')}|${variable}`))
  expect(output).toMatch(/in use/)
})

test('the Mirror whose ports others wanted did not notice', async () => {
  await witness.expectUnharmed()
})

test('a data folder that another Mirror uses is refused, naming folder and process', async () => {
  const { code, output } = await failedStart({}, mirror.dataDir)
  expect(code).toBe(1)
  expect(output).toContain('"code":"data_folder_in_use"')
  expect(output).toContain(`The data folder ${mirror.dataDir} is in use by process ${mirror.pid}`)
  expect(output).toContain('MIRROR_DATA')
  await witness.expectUnharmed()
})

test.each([
  ['below a file', () => join(folder, 'mirror.yml', 'data')],
  ['in a file system that takes no files', () => '/proc/mirror-data'],
])('a data folder %s is refused, naming it', async (_title, dataDir) => {
  const { code, output } = await failedStart({}, dataDir())
  expect(code).toBe(1)
  expect(output).toContain('"code":"data_folder_not_writable"')
  expect(output).toContain(`The data folder ${dataDir()} cannot be written`)
  expect(output).toContain('MIRROR_DATA')
})

test('without ffmpeg Mirror runs, says so, and refuses the test source alone', async () => {
  const { problems } = await mirror.api<{ problems: { code: string; message: string }[] }>('GET', '/system')
  const missing = { code: 'ffmpeg_missing', message: expect.stringContaining('"/nowhere/ffmpeg" was not found') }
  expect(problems).toContainEqual(missing)
  await mirror.createStream('picture')
  await expect(mirror.api('POST', '/streams/picture/test-source')).rejects.toThrow(/503.*ffmpeg_missing/s)
  await expectTold(mirror, {
    type: 'stream.error',
    code: 'ffmpeg_missing',
    streamId: 'picture',
    message: /needs ffmpeg, and "\/nowhere\/ffmpeg" was not found/,
  })
  await mirror.waitForStatus('picture', 'offline')
  await witness.expectUnharmed()
})

test('a misspelt setting is refused with the name that was meant', async () => {
  await writeFile(join(folder, 'misspelt.yml'), 'rtmp: { prot: 1936 }\n')
  const { code, output } = await failedStart(
    { MIRROR_CONFIG: join(folder, 'misspelt.yml') },
    join(folder, 'data-misspelt'),
  )
  expect(code).toBe(2)
  expect(output).toMatch(/rtmp\.prot.*rtmp\.port/s)
})

interface FailedStart {
  readonly code: number | null
  readonly output: string
}

async function failedStart(env: Readonly<Record<string, string>>, dataDir: string): Promise<FailedStart> {
  const child = spawn(process.execPath, ['src/main.ts', 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: EXIT_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '/tmp',
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      MIRROR_DATA: dataDir,
      MIRROR_API_PORT: '0',
      MIRROR_MEDIA_PORT: '0',
      MIRROR_RTMP_PORT: '0',
      MIRROR_SRT_PORT: '0',
      ...env,
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')))
  await once(child, 'close')
  return { code: child.exitCode, output }
}

function portOf(url: string | null | undefined): number {
  return Number(new URL(url ?? '').port)
}

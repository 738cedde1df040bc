import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Spawn } from '../../../core/child-process.ts'
import { MirrorError } from '../../../core/errors.ts'
import { silentLog } from '../../../core/log.ts'
import type { GateInput, InputFault, InputGate } from '../protocol.ts'
import { startTestSource, type TestSourceOptions } from './test-source.ts'
import { DEFAULT_TEST_SOURCE } from './test-source-command.ts'

class RecordingInput implements GateInput {
  onDrain: () => void = () => {}
  onEnded: (fault: InputFault) => void = () => {}
  closedWith: InputFault | null | undefined
  isBehind = false
  bytes = Buffer.alloc(0)
  #onData: () => void = () => {}

  write(bytes: Uint8Array): boolean {
    expect(bytes.buffer.byteLength).toBe(bytes.length)
    this.bytes = Buffer.concat([this.bytes, structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] })])
    this.#onData()
    return !this.isBehind
  }

  close(fault: InputFault | null): void {
    expect(this.closedWith).toBeUndefined()
    this.closedWith = fault
  }

  async finish(): Promise<null> {
    this.close(null)
    return null
  }

  reportNetwork(): void {}

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#onData = resolve
      })
    }
  }
}

interface Setting {
  readonly input: RecordingInput
  readonly children: ChildProcess[]
  readonly options: TestSourceOptions
}

function setting(more: Partial<TestSourceOptions> = {}): Setting {
  const input = new RecordingInput()
  const children: ChildProcess[] = []
  const gate: InputGate = {
    authorise: () => ({ ok: true, streamId: 'demo' }),
    open: async (asked) => {
      expect(asked).toEqual({ streamId: 'demo', protocol: 'test', container: 'fmp4', trackId: null })
      return input
    },
  }
  const rememberingSpawn: Spawn = (command, args, options) => {
    const child = spawn(command, args, options)
    children.push(child)
    return child
  }
  const signal = new AbortController().signal
  const settings = { ...DEFAULT_TEST_SOURCE, widthPx: 640, heightPx: 360 }
  return {
    input,
    children,
    options: {
      streamId: 'demo',
      gate,
      ffmpegPath: 'ffmpeg',
      spawn: rememberingSpawn,
      log: silentLog,
      signal,
      settings,
      ...more,
    },
  }
}

/** Decode times of all fragments of a track, in ticks of its timescale, as they stand in tfdt. */
function decodeTimes(mp4: Buffer, trackId: number): number[] {
  const times: number[] = []
  for (let at = mp4.indexOf('tfhd'); at >= 0; at = mp4.indexOf('tfhd', at + 4)) {
    if (mp4.readUInt32BE(at + 8) !== trackId) continue
    const tfdt = mp4.indexOf('tfdt', at)
    if (tfdt < 0 || tfdt + 16 > mp4.length) break
    expect(mp4[tfdt + 4], 'version 1: 64-bit times').toBe(1)
    times.push(Number(mp4.readBigUInt64BE(tfdt + 8)))
  }
  return times
}

test('it sends H.264 and AAC in fragments of one frame, with epoch time in tfdt', async () => {
  const { input, options } = setting()
  const source = await startTestSource(options)
  await input.until(() => decodeTimes(input.bytes, 1).length >= 45)
  const receivedAtSec = Date.now() / 1000
  await source[Symbol.asyncDispose]()
  expect(input.closedWith).toBeNull()
  expect(await source.ended).toBeNull()

  const folder = mkdtempSync(join(tmpdir(), 'mirror-test-source-'))
  const file = join(folder, 'test.mp4')
  writeFileSync(file, input.bytes)
  const probe = ['-v', 'error', '-show_entries', 'stream=codec_name,width,height,r_frame_rate,sample_rate,time_base']
  const { streams } = JSON.parse(execFileSync('ffprobe', [...probe, '-of', 'json', file]).toString())
  rmSync(folder, { recursive: true })
  expect(streams).toMatchObject([
    { codec_name: 'h264', width: 640, height: 360, r_frame_rate: '30/1' },
    { codec_name: 'aac', sample_rate: '48000' },
  ])

  const timescale = Number(streams[0].time_base.split('/')[1])
  const video = decodeTimes(input.bytes, 1).map((ticks) => (ticks * 30) / timescale)
  const steps = video.slice(1).map((frame, index) => frame - (video[index] ?? 0))
  expect(new Set(steps), 'each fragment is the next frame').toEqual(new Set([1]))
  expect(Number.isInteger(video[0]), 'frames lie on the grid of the epoch').toBe(true)
  // The 45th frame is received shortly after its own time; a loaded machine may take longer.
  expect(receivedAtSec - (video[44] ?? 0) / 30).toBeGreaterThan(-0.05)
  expect(receivedAtSec - (video[44] ?? 0) / 30).toBeLessThan(2)
  const audio = decodeTimes(input.bytes, 2).map((ticks) => ticks / 48_000)
  expect(Math.abs((audio[0] ?? 0) - (video[0] ?? 0) / 30)).toBeLessThan(0.2)
})

test('ffmpeg that is not installed is named', async () => {
  const { input, options } = setting({ ffmpegPath: '/nonexistent/ffmpeg' })
  await expect(startTestSource(options)).rejects.toMatchObject({ code: 'ffmpeg_missing' })
  expect(input.closedWith).toMatchObject({ code: 'ffmpeg_missing' })
})

test('an ffmpeg that fails at once is told with its last words', async () => {
  const { input, options } = setting({ settings: { ...DEFAULT_TEST_SOURCE, widthPx: -2 } })
  await expect(startTestSource(options)).rejects.toMatchObject({
    code: 'test_source_failed',
    message: expect.stringContaining('size'),
  })
  expect(input.closedWith).toMatchObject({ code: 'test_source_failed' })
})

test('an ffmpeg without drawtext runs without the clock, and a warning tells', async () => {
  const withoutDrawtext: Spawn = (command, args, options) =>
    spawn(
      command,
      args.map((arg) => arg.replaceAll('drawtext=', 'drawtext_missing=')),
      options,
    )
  const warnings: string[] = []
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) }
  const { input, options } = setting({ spawn: withoutDrawtext, log })
  await using source = await startTestSource(options)
  await input.until(() => decodeTimes(input.bytes, 1).length > 0)
  expect(warnings).toEqual(['the test source runs without its clock: this ffmpeg cannot draw text'])
  expect(source.streamId).toBe('demo')
})

test('an ffmpeg that dies later closes the input with a fault', async () => {
  const { input, children, options } = setting()
  const source = await startTestSource(options)
  children[0]?.kill('SIGKILL')
  expect(await source.ended).toMatchObject({ code: 'test_source_failed' })
  expect(input.closedWith).toMatchObject({ code: 'test_source_failed' })
})

test('an input that its owner ends takes ffmpeg with it, and is not closed again', async () => {
  const { input, children, options } = setting()
  const source = await startTestSource(options)
  input.onEnded({ code: 'input_ended', message: 'restarted' })
  expect(await source.ended).toMatchObject({ code: 'input_ended' })
  expect(children[0]?.exitCode ?? children[0]?.signalCode).not.toBeNull()
  expect(input.closedWith).toBeUndefined()
})

test('a full input holds ffmpeg back until it drains, and a stop works meanwhile', async () => {
  const { input, options } = setting()
  input.isBehind = true
  const source = await startTestSource(options)
  const size = input.bytes.length
  // ffmpeg produces thirty fragments a second all the time.
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(input.bytes.length).toBe(size)
  input.isBehind = false
  input.onDrain()
  await input.until(() => input.bytes.length > size)
  input.isBehind = true
  await source[Symbol.asyncDispose]()
  expect(input.closedWith).toBeNull()
})

test('a busy stream is refused before ffmpeg is started', async () => {
  const gate: InputGate = {
    authorise: () => ({ ok: true, streamId: 'demo' }),
    open: () => Promise.reject(new MirrorError('stream_busy', 'Another publisher is live.')),
  }
  const { children, options } = setting({ gate })
  await expect(startTestSource(options)).rejects.toMatchObject({ code: 'stream_busy' })
  expect(children).toEqual([])
})

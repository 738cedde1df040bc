import { type ChildProcess, spawn } from 'node:child_process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Spawn } from '../../../core/child-process.ts'
import { silentLog } from '../../../core/log.ts'
import { Backoff, type ConfiguredInputHost } from '../configured-input.ts'
import type { GateInput, InputFault } from '../protocol.ts'
import { PullSource } from './pull-source.ts'

let opened: AsyncDisposableStack

beforeEach(() => {
  opened = new AsyncDisposableStack()
})

afterEach(() => opened.disposeAsync())

class RecordingInput implements GateInput {
  onDrain: () => void = () => {}
  onEnded: (fault: InputFault) => void = () => {}
  receivedBytes = 0
  closedWith: InputFault | null | undefined
  hasRoom = true
  write(bytes: Uint8Array): boolean {
    this.receivedBytes += bytes.length
    return this.hasRoom
  }
  close(fault: InputFault | null): void {
    this.closedWith = fault
  }
  async finish(): Promise<null> {
    return null
  }
  reportNetwork(): void {}
}

/** Runs shell scripts in place of ffmpeg, one after the other; the last one again and again. */
function pull(scripts: readonly string[], { isEnabled = true } = {}) {
  const children: ChildProcess[] = []
  const inputs: RecordingInput[] = []
  const statuses: string[] = []
  const warnings: { code: string; message: string }[] = []
  const scriptedSpawn: Spawn = (_command, _args, options) => {
    const script = scripts[Math.min(children.length, scripts.length - 1)] ?? ''
    const child = spawn('sh', ['-c', script], options)
    children.push(child)
    return child
  }
  const host: ConfiguredInputHost = {
    streamId: 'cam',
    inputId: 'pull-1',
    log: silentLog,
    // Pauses of three quarters.
    random: () => 1,
    gate: {
      open: async (asked) => {
        expect(asked).toEqual({ streamId: 'cam', protocol: 'pull', container: 'ts', trackId: null, sourceId: 'pull-1' })
        const input = new RecordingInput()
        inputs.push(input)
        return input
      },
    },
    onStatus: ({ state, error }) => void statuses.push(error === null ? state : `${state}: ${error}`),
    warn: (code, message) => void warnings.push({ code, message }),
  }
  const config = { id: 'pull-1', kind: 'pull', url: 'rtsp://admin:pa55word@cam.example/1', isEnabled } as const
  const source = opened.use(new PullSource({ config, host, ffmpegPath: 'ffmpeg', spawn: scriptedSpawn }))
  return { source, children, inputs, statuses, warnings }
}

const ENDLESS = 'while :; do printf x; sleep 0.02; done'

test('a source that dies is told without its password, and begun again', async () => {
  const { inputs, statuses, warnings, children } = pull([
    'printf x; echo "401 for admin:pa55word" >&2; exit 1',
    ENDLESS,
  ])
  await expect.poll(() => inputs.length).toBe(2)
  expect(inputs[0]?.closedWith).toMatchObject({ code: 'input_source_failed', message: expect.stringContaining('401') })
  expect(statuses).toContainEqual(expect.stringMatching(/^failing: The source ended: .*401/))
  expect(warnings, 'the owner of the stream tells of an input that it had').toEqual([])
  expect(JSON.stringify([warnings, statuses, inputs[0]?.closedWith])).not.toContain('pa55word')
  await expect.poll(() => statuses.at(-1)).toBe('receiving')
  expect(children).toHaveLength(2)
})

test('a source that cannot be read is told once, without its password', async () => {
  const { warnings, children, statuses } = pull(['echo "401 for admin:pa55word" >&2; exit 1'])
  await expect.poll(() => children.length).toBe(2)
  expect(warnings).toMatchObject([{ code: 'input_source_failed', message: expect.stringContaining('401') }])
  expect(statuses.at(-1)).toMatch(/^failing: .*401/)
  expect(JSON.stringify([warnings, statuses])).not.toContain('pa55word')
})

test('disposing of it ends the child and closes the input as one that said goodbye', async () => {
  const { source, inputs, children } = pull([ENDLESS])
  await expect.poll(() => inputs[0]?.receivedBytes ?? 0).toBeGreaterThan(2)
  await source[Symbol.asyncDispose]()
  expect(inputs[0]?.closedWith).toBeNull()
  expect(children[0]?.exitCode ?? children[0]?.signalCode).not.toBeNull()
})

test('it can be disposed of while the owner has no room', async () => {
  const { source, inputs } = pull(['printf x; sleep 60'])
  await expect.poll(() => inputs.length).toBe(1)
  const [input] = inputs
  if (input !== undefined) input.hasRoom = false
  await source[Symbol.asyncDispose]()
  expect(input?.closedWith).toBeNull()
})

test('a restart begins at once', async () => {
  const { source, children, inputs } = pull(['exit 1', ENDLESS])
  await expect.poll(() => children[0]?.exitCode).toBe(1)
  source.restart()
  await expect.poll(() => inputs.length).toBe(1)
})

test('an input that its owner ends takes its child along, and its end is no failure of the source', async () => {
  const { inputs, children, warnings, statuses } = pull([ENDLESS])
  await expect.poll(() => inputs[0]?.receivedBytes ?? 0).toBeGreaterThan(0)
  inputs[0]?.onEnded({ code: 'input_ended', message: 'restarted' })
  await expect.poll(() => statuses).toContain('failing: restarted')
  expect(children[0]?.exitCode ?? children[0]?.signalCode).not.toBeNull()
  expect(warnings).toEqual([])
})

test('one that is switched off starts nothing', async () => {
  const off = pull([ENDLESS], { isEnabled: false })
  await expect.poll(() => off.statuses.at(-1)).toBe('configured')
  expect(off.children).toEqual([])
})

test('pauses double up to their limit and are spread by a quarter', () => {
  const backoff = new Backoff(1_000, 30_000, () => 0)
  expect(Array.from({ length: 7 }, () => backoff.nextMs())).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
  ])
  backoff.reset()
  expect(backoff.nextMs()).toBe(1_000)
  expect(new Backoff(1_000, 30_000, () => 1).nextMs()).toBe(750)
})

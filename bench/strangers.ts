// `npm run bench:strangers`: what viewers notice while strangers flood the media port. What each figure means:
// bench/README.md.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { MirrorProcess } from '../test/support/mirror-process.ts'
import { ChildModule } from './child-module.ts'
import { runAsCommand } from './command.ts'
import { FfmpegPublishers } from './ffmpeg-publishers.ts'
import { cpuSec, type MachineFacts, machineFacts } from './process-usage.ts'
import { sourceFile } from './source-media.ts'
import { type CrowdFigures, type CrowdStart, DEEDS, type Deed } from './strangers/crowd.ts'
import type { ViewersFigures, ViewersStart } from './viewers.ts'

const MBIT = 2
const STREAM = 'bench-0'
const LIVE_TIMEOUT_MS = 20_000
const SETTLE_MS = 3000
const STRANGERS: Readonly<Record<Deed, number>> = { guesses: 200, idle: 10_000, slow: 200 }
const PLACES = 20_000

interface Options {
  readonly viewers: number
  readonly seconds: number
  readonly isJson: boolean
}

interface Phase {
  readonly errors: number
  readonly stalls: number
  readonly stallMs: number
  readonly fanOutP99Ms: number
  readonly firstByteP99Ms: number
  readonly mirrorCores: number
  readonly crowd: CrowdFigures | null
}

export interface StrangersReport {
  readonly version: 1
  readonly machine: MachineFacts
  readonly options: Options
  readonly alone: Phase
  readonly beside: Readonly<Record<Deed, Phase>>
}

const USAGE = `npm run bench:strangers -- [options]

  --viewers V   LL-HLS players (default 20)
  --seconds S   length of each of the four phases, 3 to 120 (default 10)
  --json        one JSON object on standard output instead of a table
  --help        this text
`

await runAsCommand<Options, StrangersReport>({
  parse: parseOptions,
  usage: USAGE,
  longestMs: ({ seconds }) => 120_000 + seconds * 8000,
  run: benchStrangers,
  render: renderReport,
})

function parseOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      viewers: { type: 'string', default: '20' },
      seconds: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const [viewers, seconds] = [Number(values.viewers), Number(values.seconds)]
  if (!(Number.isInteger(viewers) && viewers >= 1 && viewers <= 1000)) throw new Error('--viewers must be 1 to 1000')
  if (!(seconds >= 3 && seconds <= 120)) throw new Error('--seconds must be 3 to 120')
  return { viewers, seconds, isJson: values.json }
}

async function benchStrangers(
  options: Options,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<StrangersReport> {
  const machine = machineFacts()
  const file = await sourceFile(MBIT, signal)
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'mirror-bench-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const config = join(folder, 'mirror.yaml')
  await writeFile(config, `trustedAddresses: '127.0.0.1'\nmedia: { maxConnections: ${PLACES} }\n`)
  const mirror = opened.use(await MirrorProcess.start({ env: { MIRROR_CONFIG: config } }))
  const { ingest } = await mirror.createStream(STREAM)
  if (ingest?.srt === null || ingest?.srt === undefined) throw new Error('Mirror does not take SRT on this machine')
  opened.use(new FfmpegPublishers(file, 'srt', [ingest.srt]))
  await mirror.waitForStatus(STREAM, 'live', LIVE_TIMEOUT_MS)

  const port = Number(new URL(mirror.mediaUrl).port)
  const viewers = opened.use(new ChildModule('./viewers.ts'))
  const order: ViewersStart = {
    ...{ host: '127.0.0.1', port, viewers: options.viewers, rampMs: 1000 },
    streams: [{ id: STREAM, delayMs: null }],
  }
  await viewers.ask('start', order, signal)
  const measure = async (): Promise<Omit<Phase, 'crowd'>> => {
    await delay(SETTLE_MS, undefined, { signal })
    await viewers.ask('measure', null, signal)
    const before = { cpu: cpuSec(mirror.pid), atMs: performance.now() }
    await delay(options.seconds * 1000, undefined, { signal })
    const seen = await viewers.ask<ViewersFigures>('result', null, signal)
    return {
      errors: Object.values(seen.errors).reduce((sum, count) => sum + count, 0),
      ...{ stalls: seen.stalls, stallMs: seen.stallMs },
      fanOutP99Ms: seen.fanOutMs?.p99 ?? Number.NaN,
      firstByteP99Ms: seen.partFirstByteMs?.p99 ?? Number.NaN,
      mirrorCores: ((cpuSec(mirror.pid) - before.cpu) * 1000) / (performance.now() - before.atMs),
    }
  }
  say('measuring viewers alone')
  const alone: Phase = { ...(await measure()), crowd: null }
  const beside: Partial<Record<Deed, Phase>> = {}
  for (const deed of DEEDS) {
    say(`measuring viewers beside ${STRANGERS[deed]} strangers: ${deed}`)
    await using crowd = new ChildModule('./strangers/crowd.ts')
    const media = await lastSegment(mirror.mediaUrl, signal)
    await crowd.ask('start', { port, deed, strangers: STRANGERS[deed], media } satisfies CrowdStart, signal)
    await crowd.ask('result', null, signal)
    const phase = await measure()
    beside[deed] = { ...phase, crowd: await crowd.ask<CrowdFigures>('result', null, signal) }
    await crowd.ask('stop', null, signal)
  }
  const { guesses, idle, slow } = beside
  if (guesses === undefined || idle === undefined || slow === undefined) throw new Error('a phase is missing')
  return { version: 1, machine, options, alone, beside: { guesses, idle, slow } }
}

async function lastSegment(mediaUrl: string, signal: AbortSignal): Promise<string> {
  const playlist = `/stream/${STREAM}/v0/playlist.m3u8`
  const text = await (await fetch(`${mediaUrl}${playlist}`, { signal })).text()
  const name = text.match(/^\d+\.m4s$/gm)?.at(-1)
  if (name === undefined) throw new Error('there is no segment')
  return new URL(name, `${mediaUrl}${playlist}`).pathname
}

function renderReport({ machine, options, alone, beside }: StrangersReport): string {
  const phases: readonly (readonly [string, Phase])[] = [['alone', alone], ...Object.entries(beside)]
  const rows = [
    ['', ...phases.map(([name]) => name)],
    ['strangers', ...phases.map(([name]) => (name === 'alone' ? '-' : String(STRANGERS[name as Deed])))],
    ['connected', ...phases.map(([, { crowd }]) => (crowd === null ? '-' : String(crowd.connected)))],
    ['cut or refused', ...phases.map(([, { crowd }]) => (crowd === null ? '-' : String(crowd.cut)))],
    ['answers to them/s', ...phases.map(([, { crowd }]) => perSec(crowd, options.seconds))],
    ['viewers: errors', ...phases.map(([, { errors }]) => String(errors))],
    ['stalls (ms)', ...phases.map(([, { stalls, stallMs }]) => `${stalls} (${stallMs.toFixed(0)})`)],
    ['part fan-out p99, ms', ...phases.map(([, { fanOutP99Ms }]) => fanOutP99Ms.toFixed(1))],
    ['ratio to alone', ...phases.map(([, phase]) => `× ${(phase.fanOutP99Ms / alone.fanOutP99Ms).toFixed(2)}`)],
    ['part first byte p99, ms', ...phases.map(([, { firstByteP99Ms }]) => firstByteP99Ms.toFixed(1))],
    ['ratio to alone', ...phases.map(([, phase]) => `× ${(phase.firstByteP99Ms / alone.firstByteP99Ms).toFixed(2)}`)],
    ['CPU of Mirror, cores', ...phases.map(([, { mirrorCores }]) => mirrorCores.toFixed(2))],
  ]
  const table = rows.map(([head = '', ...cells]) => head.padEnd(26) + cells.map((cell) => cell.padStart(12)).join(''))
  return [
    `${options.viewers} viewers of one stream of ${MBIT} Mbit/s by SRT, ${options.seconds} s each`,
    `${machine.cpuModel}, ${machine.cores} cores, Linux ${machine.kernel}, Node.js ${machine.node}`,
    '',
    ...table,
  ].join('\n')
}

function perSec(crowd: CrowdFigures | null, seconds: number): string {
  return crowd === null ? '-' : (crowd.answers / (seconds + SETTLE_MS / 1000)).toFixed(0)
}

// `npm run bench`: publishes streams to a real Mirror, plays them with many players, and does the same with a baseline.
// What each figure means: bench/README.md.
import { setTimeout as delay } from 'node:timers/promises'
import { MirrorProcess } from '../test/support/mirror-process.ts'
import type { BaselineStart } from './broadcast-baseline.ts'
import { ChildModule } from './child-module.ts'
import type { PublisherFigures, PublisherStart } from './cmaf-publisher.ts'
import { runAsCommand } from './command.ts'
import { FfmpegPublishers } from './ffmpeg-publishers.ts'
import { type BenchOptions, parseOptions, USAGE } from './options.ts'
import { cpuSec, MemoryWatch, machineCpuSec, machineFacts, rssBytes } from './process-usage.ts'
import { remuxCpuPerMediaSec } from './remux-baseline.ts'
import { type BenchReport, type LoadReport, renderReport } from './report.ts'
import { sourceFile } from './source-media.ts'
import type { ViewersFigures, ViewersStart } from './viewers.ts'

/** Streams are live, and the multivariant playlist exists, once a first segment is complete. */
const LIVE_TIMEOUT_MS = 20_000
/** Players join over this time or more, and settle as long again before anything is measured. */
const RAMP_MIN_MS = 1000
const JOINS_PER_SEC = 500
const SETTLE_MS = 2000
/** Code is compiled and windows fill a little before CPU is measured. */
const INGEST_WARM_UP_MS = 4000
const REST_WARM_UP_MS = 3000
const REST_MS = 2000
const SINK_WARM_UP_MS = 2000
/** Encoders are out of step by up to one part. */
const SPREAD_MS = 200
const MIB = 2 ** 20

await runAsCommand({
  ...{ parse: parseOptions, usage: USAGE, run: runBench, render: renderReport },
  longestMs: ({ seconds, viewers }) => 120_000 + seconds * 4000 + (viewers / JOINS_PER_SEC) * 4000,
})

interface Context {
  readonly options: BenchOptions
  readonly signal: AbortSignal
  readonly say: (text: string) => void
  readonly file: string
  readonly streams: readonly { readonly id: string; readonly delayMs: number }[]
}

async function runBench(options: BenchOptions, signal: AbortSignal, say: (text: string) => void): Promise<BenchReport> {
  const machine = machineFacts()
  say(`preparing ${options.mbit} Mbit/s of media`)
  const file = await sourceFile(options.mbit, signal)
  const streams = Array.from({ length: options.streams }, (_, index) => ({
    id: `bench-${index}`,
    delayMs: Math.round((SPREAD_MS * index) / options.streams),
  }))
  const context: Context = { options, signal, say, file, streams }

  const mirror = await benchMirror(context)
  say('measuring the baseline')
  const baseline = await benchBaseline(context, mirror.partBytes)
  const remuxMsPerSec = (await remuxCpuPerMediaSec(file, options.streams, signal)) * 1000
  const remuxCpuMsPerMbit = remuxMsPerSec / (mirror.ingest.mbitPerSecIn / options.streams)

  const { cpuMsPerMbit } = mirror.ingest
  return {
    version: 1,
    machine,
    options: {
      streams: options.streams,
      mbit: options.mbit,
      viewers: options.viewers,
      seconds: options.seconds,
      protocol: options.protocol,
    },
    ingest: mirror.ingest,
    delivery: mirror.delivery,
    memory: mirror.memory,
    baseline: { ...baseline, remuxCpuMsPerMbit },
    ratios: {
      cpuPerResponse: mirror.delivery.cpuUsPerResponse / baseline.delivery.cpuUsPerResponse,
      fanOutP99: (mirror.delivery.fanOutMs?.p99 ?? Number.NaN) / (baseline.delivery.fanOutMs?.p99 ?? Number.NaN),
      ingestToRemux: cpuMsPerMbit / remuxCpuMsPerMbit,
      ingestToSink: baseline.sinkCpuMsPerMbit === null ? null : cpuMsPerMbit / baseline.sinkCpuMsPerMbit,
    },
  }
}

interface MirrorFindings extends Pick<BenchReport, 'ingest' | 'delivery' | 'memory'> {
  /** Mean size of a part by kind of track. */
  readonly partBytes: { readonly video: number; readonly audio: number }
}

async function benchMirror(context: Context): Promise<MirrorFindings> {
  const { options, signal, say, streams } = context
  await using opened = new AsyncDisposableStack()
  const profiling =
    options.profileDir === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${options.profileDir}` }
  const mirror = opened.use(await MirrorProcess.start({ env: profiling }))
  say('measuring Mirror at rest')
  await delay(REST_WARM_UP_MS, undefined, { signal })
  const resting = startUsage(mirror.pid, null)
  await delay(REST_MS, undefined, { signal })
  const idleCores = resting().cores
  const idleBytes = rssBytes(mirror.pid)
  const urls: string[] = []
  for (const { id } of streams) urls.push(ingestUrl(await mirror.createStream(id), options.protocol))

  say(`publishing ${options.streams} streams`)
  const publishers = opened.use(await startPublishers(context, urls))
  await Promise.all(streams.map(({ id }) => mirror.waitForStatus(id, 'live', LIVE_TIMEOUT_MS)))
  await delay(INGEST_WARM_UP_MS, undefined, { signal })

  say('measuring ingest')
  await publishers.measure()
  const receivedBefore = await receivedBytes(mirror, streams)
  const alone = startUsage(mirror.pid, publishers)
  await delay(ingestPhaseMs(options), undefined, { signal })
  const ingestUsage = alone()
  const receivedMbit = ((await receivedBytes(mirror, streams)) - receivedBefore) / 125_000
  const { figures: published } = await publishers.result()
  const ingestBytes = rssBytes(mirror.pid)

  say(`measuring delivery to ${options.viewers} viewers`)
  using memory = new MemoryWatch(mirror.pid)
  const clockIsShared = options.protocol === 'cmaf'
  const viewed = await benchViewers(context, {
    url: mirror.mediaUrl,
    pid: mirror.pid,
    publishers,
    ingestCores: ingestUsage.cores,
    streams: streams.map(({ id, delayMs }) => ({ id, delayMs: clockIsShared ? delayMs : null })),
  })

  const { streamsLive, drops, repairs } = await health(mirror, streams)
  const late = (await publishers.result()).figures
  const endBytes = rssBytes(mirror.pid)
  // A profile is written when the process ends by itself.
  if (options.profileDir !== null) {
    await publishers[Symbol.asyncDispose]()
    await mirror.stop()
  }
  return {
    ingest: {
      mbitPerSecSent: published.sentBytes === null ? null : published.sentBytes / 125_000 / ingestUsage.seconds,
      mbitPerSecIn: receivedMbit / ingestUsage.seconds,
      cores: ingestUsage.cores,
      idleCores,
      cpuMsPerMbit: ((ingestUsage.cores - idleCores) * ingestUsage.seconds * 1000) / receivedMbit,
      publisherCores: ingestUsage.publisherCores,
      publisherLateMs: late.lateMs,
      publisherBacklogMiB: Math.max(published.backlogBytes, late.backlogBytes) / MIB,
      publisherFailures: late.failures,
      drops,
      repairs,
      streamsLive,
      otherCores: ingestUsage.otherCores,
    },
    delivery: viewed.report,
    memory: {
      idleMiB: idleBytes / MIB,
      ingestMiB: ingestBytes / MIB,
      peakMiB: memory.peakBytes / MIB,
      endMiB: endBytes / MIB,
    },
    partBytes: viewed.partBytes,
  }
}

async function benchBaseline(
  context: Context,
  partBytes: MirrorFindings['partBytes'],
): Promise<{ readonly delivery: LoadReport; readonly sinkCpuMsPerMbit: number | null }> {
  const { options, signal, streams } = context
  await using opened = new AsyncDisposableStack()
  const server = opened.use(new ChildModule('./broadcast-baseline.ts'))
  const url = `http://127.0.0.1:${await server.ask<number>('listen', null, signal)}`

  let sinkCpuMsPerMbit: number | null = null
  if (options.protocol === 'cmaf') {
    const urls = streams.map(({ id }) => `${url}/ingest/${id}`)
    await using publishers = await startPublishers(context, urls)
    await delay(SINK_WARM_UP_MS, undefined, { signal })
    await publishers.measure()
    const alone = startUsage(server.pid, publishers)
    await delay(ingestPhaseMs(options), undefined, { signal })
    const usage = alone()
    const sentBytes = (await publishers.result()).figures.sentBytes ?? Number.NaN
    sinkCpuMsPerMbit = (usage.cores * usage.seconds * 1000) / (sentBytes / 125_000)
  }

  const playedSec = (2 * rampMs(options) + SETTLE_MS) / 1000 + options.seconds + 10
  const order: BaselineStart = {
    streams,
    videoPartBytes: Math.round(partBytes.video),
    audioPartBytes: Math.round(partBytes.audio),
    forSec: playedSec,
  }
  await server.ask('start', order, signal)
  const viewed = await benchViewers(context, { url, pid: server.pid, publishers: null, ingestCores: 0, streams })
  return { delivery: viewed.report, sinkCpuMsPerMbit }
}

interface ViewedServer {
  readonly url: string
  readonly pid: number
  readonly publishers: Publishers | null
  /** What the server uses without viewers. */
  readonly ingestCores: number
  readonly streams: ViewersStart['streams']
}

async function benchViewers(
  { options, signal }: Context,
  server: ViewedServer,
): Promise<{ readonly report: LoadReport; readonly partBytes: MirrorFindings['partBytes'] }> {
  const { hostname, port } = new URL(server.url)
  await using generator = new ChildModule('./viewers.ts')
  const order: ViewersStart = {
    host: hostname,
    port: Number(port),
    viewers: options.viewers,
    rampMs: rampMs(options),
    streams: server.streams,
  }
  await generator.ask('start', order, signal)
  await delay(SETTLE_MS + rampMs(options), undefined, { signal })

  await Promise.all([generator.ask('measure', null, signal), server.publishers?.measure()])
  const generatorCpuBefore = cpuSec(generator.pid)
  const stopUsage = startUsage(server.pid, server.publishers)
  await delay(options.seconds * 1000, undefined, { signal })
  const usage = stopUsage()
  const generatorCpuSec = cpuSec(generator.pid) - generatorCpuBefore
  const figures = await generator.ask<ViewersFigures>('result', null, signal)
  await generator.ask('stop', null, signal)

  const responses = figures.playlists + figures.parts
  const generatorCores = generatorCpuSec / usage.seconds
  const { receivedBytes: bytes, playlists: _, parts: __, partBytes, errors, ...shared } = figures
  return {
    report: {
      ...shared,
      seconds: usage.seconds,
      mbitPerSecOut: bytes / 125_000 / usage.seconds,
      requestsPerSec: responses / usage.seconds,
      errors: Object.values(errors).reduce((sum, count) => sum + count, 0),
      errorCauses: errors,
      cores: usage.cores,
      cpuUsPerResponse: ((usage.cores - server.ingestCores) * usage.seconds * 1e6) / responses,
      generatorCores,
      generatorLoopDelayMs: figures.loopDelayMs,
      otherCores: Math.max(0, usage.otherCores - generatorCores),
    },
    partBytes: { video: meanBytes(partBytes['v']), audio: meanBytes(partBytes['a']) },
  }
}

interface Publishers extends AsyncDisposable {
  readonly cpuSec: number
  measure(): Promise<void>
  result(): Promise<{ readonly figures: Omit<PublisherFigures, 'sentBytes'> & { readonly sentBytes: number | null } }>
}

async function startPublishers(context: Context, urls: readonly string[]): Promise<Publishers> {
  const { options, file, streams, signal } = context
  if (options.protocol !== 'cmaf') {
    const publishers = new FfmpegPublishers(file, options.protocol, urls)
    return {
      get cpuSec() {
        return publishers.cpuSec
      },
      async measure() {},
      async result() {
        return { figures: { sentBytes: null, lateMs: null, backlogBytes: 0, failures: publishers.failures } }
      },
      [Symbol.asyncDispose]: () => publishers[Symbol.asyncDispose](),
    }
  }
  const child = new ChildModule('./cmaf-publisher.ts')
  const order: PublisherStart = {
    file,
    streams: urls.map((url, index) => ({ url, delayMs: streams[index]?.delayMs ?? 0 })),
  }
  try {
    await child.ask('start', order, signal)
  } catch (error) {
    await child[Symbol.asyncDispose]()
    throw error
  }
  return {
    get cpuSec() {
      return cpuSec(child.pid)
    },
    measure: () => child.ask('measure', null, signal),
    async result() {
      return { figures: await child.ask<PublisherFigures>('result', null, signal) }
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

interface Usage {
  readonly seconds: number
  readonly cores: number
  readonly publisherCores: number
  /** Everything but the server and the publishers. */
  readonly otherCores: number
}

/** Begins to measure CPU; the returned function ends it. */
function startUsage(pid: number, publishers: Publishers | null): () => Usage {
  const look = () => ({
    atMs: performance.now(),
    server: cpuSec(pid),
    publishers: publishers?.cpuSec ?? 0,
    machine: machineCpuSec(),
  })
  const from = look()
  return () => {
    const to = look()
    const seconds = (to.atMs - from.atMs) / 1000
    const cores = (to.server - from.server) / seconds
    const publisherCores = (to.publishers - from.publishers) / seconds
    const otherCores = Math.max(0, (to.machine - from.machine) / seconds - cores - publisherCores)
    return { seconds, cores, publisherCores, otherCores }
  }
}

function ingestUrl(
  stream: Awaited<ReturnType<MirrorProcess['createStream']>>,
  protocol: BenchOptions['protocol'],
): string {
  const url = stream.ingest?.[protocol]
  if (url === undefined || url === null) throw new Error(`Mirror does not take ${protocol} on this machine`)
  return url
}

async function receivedBytes(mirror: MirrorProcess, streams: Context['streams']): Promise<number> {
  const views = await Promise.all(streams.map(({ id }) => mirror.stream(id)))
  return views.reduce((sum, { live }) => sum + (live.input?.receivedBytes ?? 0), 0)
}

async function health(mirror: MirrorProcess, streams: Context['streams']) {
  const views = await Promise.all(streams.map(({ id }) => mirror.stream(id)))
  const drops: Record<string, number> = {}
  const repairs: Record<string, number> = {}
  for (const { live } of views) {
    for (const [cause, count] of Object.entries(live.drops)) drops[cause] = (drops[cause] ?? 0) + count
    for (const [cause, count] of Object.entries(live.repairs)) repairs[cause] = (repairs[cause] ?? 0) + count
  }
  return { streamsLive: views.filter(({ status }) => status === 'live').length, drops, repairs }
}

/** Whole seconds, because Mirror reports the bytes that it has received once a second. */
function ingestPhaseMs({ seconds }: BenchOptions): number {
  return Math.max(3, Math.ceil(seconds / 2)) * 1000
}

function rampMs({ viewers }: BenchOptions): number {
  return Math.max(RAMP_MIN_MS, (viewers / JOINS_PER_SEC) * 1000)
}

function meanBytes(sum: { readonly bytes: number; readonly count: number } | undefined): number {
  return sum === undefined || sum.count === 0 ? 0 : sum.bytes / sum.count
}

// SRT over networks that lose, delay, reorder and double packets: what retransmission mends leaves no trace, what it cannot
// mend is counted and told, and players are shown legal playlists either way.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StreamView } from '../../src/api/stream-contract.ts'
import { renderReport } from '../../src/lint/report.ts'
import { watchPresentation } from '../../src/lint/watcher.ts'
import { Encoder } from '../support/encoder.ts'
import { makeFixtureFile } from '../support/fixtures.ts'
import { mediaPlaylist } from '../support/hls.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { type Impairment, UdpRelay } from '../support/udp-relay.ts'

const run = promisify(execFile)
const MEDIA_SEC = 22
const WATCH_SEC = 12
/** What an encoder has sent when it hangs up is not sent again. */
const TAIL_SEC = 1
const OUTAGE_MS = 1000
/**
 * The latencies below are taken this many times, delay and reordering twice: where processes stand still for longer than
 * a retransmission may take, nothing can be mended. 1 tests them as they are and needs a machine that does nothing else.
 */
const SLOWER = 8
const SEEN_OF_BUSY_MACHINES = ['part-in-time', 'segment-in-time']
/**
 * Parts are published before it is known that what follows is lost: with a hole between them they are shorter together,
 * and where the hole lies between two segments, dates jump by its length.
 */
const SEEN_OF_HOLES = [
  'hint-kept',
  'hint-present',
  'pdt-continuous',
  'pdt-drift',
  'part-sum',
  'segment-duration-true',
  'decode-time-continuous',
  'frame-rate-true',
  'segment-keyframe',
]

let mirror: MirrorProcess
let folder: string
let source: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirror-srt-network-'))
  const config = join(folder, 'mirror.yml')
  await writeFile(config, 'srt: { latency: 20ms }\n')
  mirror = await MirrorProcess.start({ env: { MIRROR_CONFIG: config } })
  // Noise in picture and sound: no two frames are alike, so each can be told from all others.
  const inputs = `-f lavfi -i testsrc2=s=320x180:r=30,noise=alls=30:allf=t -f lavfi -i anoisesrc=r=48000:seed=1`
  const codecs = '-c:v libx264 -preset ultrafast -g 60 -keyint_min 60 -sc_threshold 0 -pix_fmt yuv420p -b:v 2M -c:a aac'
  source = await makeFixtureFile([...`${inputs} ${codecs} -t ${MEDIA_SEC}`.split(' '), '-f', 'mpegts'], 'noise.ts')
})

afterAll(async () => {
  await mirror[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

interface Case {
  readonly id: string
  readonly latencyMs: number
  readonly impairment: Impairment
}

const MENDED: readonly Case[] = [
  {
    id: 'loss-2',
    latencyMs: 120,
    impairment: { seed: 1, lossShare: 0.02, delayMs: 8, jitterMs: 6, duplicateShare: 0.01 },
  },
  {
    id: 'loss-5',
    latencyMs: 200,
    impairment: { seed: 2, lossShare: 0.05, delayMs: 10, jitterMs: 10, duplicateShare: 0.02 },
  },
]
/** What is lost cannot be sent again in time: the round trip alone takes longer than the latency. */
const BROKEN: Case = { id: 'outage', latencyMs: 20, impairment: { seed: 3, delayMs: 60 } }

// Behind `npm run test:long`: it takes 40 s.
test.runIf(process.env['TEST_LONG'] !== undefined)(
  '2 to 5 % loss and reordering lose no sample; an outage of a second is counted, told once, and leaves picture and sound in step',
  async () => {
    await using opened = new AsyncDisposableStack()
    const cases = [...MENDED, BROKEN]
    const published = await Promise.all(
      cases.map(async (one) => {
        // All of it is looked at in the end.
        const stream = await mirror.createStream(one.id, { window: '60s' })
        const url = new URL(stream.ingest?.srt ?? '')
        const { delayMs = 0, jitterMs = 0 } = one.impairment
        const slower =
          one === BROKEN ? one.impairment : { ...one.impairment, delayMs: delayMs * 2, jitterMs: jitterMs * 2 }
        const relay = opened.use(await UdpRelay.start(Number(url.port), slower))
        url.port = String(relay.port)
        const target = `${url.href}&latency=${one.latencyMs * (one === BROKEN ? 1 : SLOWER) * 1000}&pkt_size=1316`
        const args = [
          '-hide_banner',
          '-loglevel',
          'warning',
          '-nostdin',
          '-re',
          '-i',
          source,
          '-c',
          'copy',
          '-f',
          'mpegts',
        ]
        const encoder = opened.use(new Encoder([...args, target]))
        await mirror.waitForStatus(one.id, 'live', 20_000)
        return { ...one, stream, relay, encoder }
      }),
    )
    const broken = published.find(({ id }) => id === BROKEN.id)
    const [reports] = await Promise.all([
      Promise.all(published.map(({ stream }) => lint(stream.playback.hls))),
      new Promise((resolve) => setTimeout(resolve, 4000)).then(() => broken?.relay.outage(OUTAGE_MS)),
    ])
    const views = await Promise.all(published.map(({ id }) => mirror.stream(id)))
    const metrics = await (await fetch(`${mirror.consoleUrl}/metrics`)).text()
    await Promise.all(published.map(({ encoder }) => encoder.exited()))
    // The last segment is closed when it is clear that nothing follows.
    await Promise.all(published.map(({ id }) => mirror.waitForStatus(id, 'interrupted', 10_000)))

    for (const [index, report] of reports.entries()) {
      const { id, live } = views[index] ?? {}
      const excused = [...(id === BROKEN.id ? SEEN_OF_HOLES : []), ...SEEN_OF_BUSY_MACHINES]
      const findings = report.findings.filter(({ rule }) => !excused.includes(rule))
      expect(findings, `${id} ${JSON.stringify(live)}\n${renderReport(report)}`).toEqual([])
    }
    for (const { id, relay, stream } of published.filter((one) => one !== broken)) {
      // It was a bad network indeed, both ways.
      const { there, back } = await relay.counts()
      expect(
        Math.min(there.lost, there.overtaken, there.doubled, back.lost),
        JSON.stringify({ there, back }),
      ).toBeGreaterThan(5)
      const input = views.find((view) => view.id === id)?.live.input
      expect(input).toMatchObject({ packetsDropped: 0 })
      expect(input?.packetsLost).toBeGreaterThan(10)
      expect(input?.packetsRetransmitted).toBeGreaterThan(10)
      expect(input?.rttMs).toBeGreaterThan(10)
      for (const fate of ['lost', 'retransmitted'])
        expect(metricOf(metrics, `stream_input_packets{stream_id="${id}",fate="${fate}"}`)).toBeGreaterThan(10)
      expect(metricOf(metrics, `stream_input_rtt{stream_id="${id}"}`)).toBeGreaterThan(0.01)
      const inStep: number[] = []
      for (const kind of ['video', 'audio'] as const) {
        const [sent, played] = await Promise.all([frames(source, kind), playedFrames(stream, kind)])
        // Of the last second not all may have come, nor the last frame of it whole.
        const whole = Math.floor(sent.length * (1 - TAIL_SEC / MEDIA_SEC))
        const hashes = (all: readonly Frame[]) => all.slice(0, whole).map(({ hash }) => hash)
        expect(hashes(played), `${id} ${kind}`).toEqual(hashes(sent))
        expect(spread(shifts(sent, played))).toBeLessThan(0.002)
        inStep.push(shifts(sent, played)[0] ?? Number.NaN)
      }
      expect(spread(inStep), `${id} audio against video`).toBeLessThan(0.002)
      expect((await mirror.events(id)).filter(({ code }) => code === 'packets_lost')).toEqual([])
    }

    if (broken === undefined) throw new Error('no such stream')
    const { live } = await mirror.stream(broken.id)
    expect(live.drops['packets_lost']).toBeGreaterThan(20)
    const told = (await mirror.events(broken.id)).filter(({ code }) => code === 'packets_lost')
    expect(told[0]).toMatchObject({
      type: 'stream.warning',
      message: expect.stringMatching(/lost for good .*raise the SRT latency/),
    })
    // One event for an outage, not one per packet: on a busy machine more may be lost at other times.
    const times = told.map(({ at }) => Date.parse(at)).toSorted()
    expect(
      times.slice(1).every((atMs, index) => atMs - (times[index] ?? 0) > 9000),
      JSON.stringify(told),
    ).toBe(true)
    expect(metricOf(metrics, `stream_input_packets{stream_id="${broken.id}",fate="dropped"}`)).toBeGreaterThan(20)
    const trackShifts: number[] = []
    for (const kind of ['video', 'audio'] as const) {
      const [sent, played] = await Promise.all([frames(source, kind), playedFrames(broken.stream, kind)])
      const known = shifts(sent, played)
      // A second, and what depends on it up to the next keyframe, is gone or grey.
      expect(known.length, kind).toBeGreaterThan(sent.length * 0.8)
      expect(spread(known), `${kind} before and after`).toBeLessThan(0.002)
      trackShifts.push(known[0] ?? Number.NaN)
    }
    expect(spread(trackShifts), 'audio against video').toBeLessThan(0.002)
  },
)

interface Frame {
  readonly hash: string
  readonly sec: number
}

/** Pictures as they are decoded, sound as it is coded. */
async function frames(path: string, kind: 'video' | 'audio'): Promise<readonly Frame[]> {
  const isTs = path.endsWith('.ts')
  // With the input's own time base: ffmpeg would round times of pictures to the frame rate.
  const decoded = ['-map', '0:v', '-fps_mode', 'passthrough', '-enc_time_base', '-1']
  const how = kind === 'video' ? decoded : ['-map', '0:a', '-c', 'copy']
  const unwrapped = kind === 'audio' && isTs ? ['-bsf:a', 'aac_adtstoasc'] : []
  const args = [
    '-hide_banner',
    '-v',
    'error',
    '-nostdin',
    '-copyts',
    '-i',
    path,
    ...how,
    ...unwrapped,
    '-f',
    'framemd5',
    '-',
  ]
  const { stdout } = await run('ffmpeg', args, { maxBuffer: 64 * 2 ** 20 })
  const [, numerator = '1', denominator = '1'] = /^#tb 0: (\d+)\/(\d+)$/m.exec(stdout) ?? []
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').map((field) => field.trim()))
    .map(([, , pts = '', , , hash = '']) => ({ hash, sec: (Number(pts) * Number(numerator)) / Number(denominator) }))
}

async function playedFrames(stream: StreamView, kind: 'video' | 'audio'): Promise<readonly Frame[]> {
  const url = stream.playback.hls.replace('playlist.m3u8', `${kind[0]}0/playlist.m3u8`)
  const { segments } = await mediaPlaylist(url)
  const uris = segments.filter(({ gap }) => !gap).map(({ uri }) => uri)
  const init = segments[0]?.map?.uri ?? ''
  const bytes = await Promise.all(
    [init, ...uris].map(async (uri) => {
      const response = await fetch(new URL(uri, url))
      if (!response.ok) throw new Error(`${uri}: ${response.status}`)
      return Buffer.from(await response.arrayBuffer())
    }),
  )
  const path = join(folder, `${stream.id}-${kind}.mp4`)
  await writeFile(path, Buffer.concat(bytes))
  return frames(path, kind)
}

/** How much later each frame plays than it was in the source. */
function shifts(sent: readonly Frame[], played: readonly Frame[]): readonly number[] {
  const bySource = new Map(sent.map(({ hash, sec }) => [hash, sec]))
  return played.flatMap(({ hash, sec }) => {
    const at = bySource.get(hash)
    return at === undefined ? [] : [sec - at]
  })
}

function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values)
}

function metricOf(metrics: string, series: string): number {
  const line = metrics.split('\n').find((one) => one.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1))
}

async function lint(url: string) {
  return await watchPresentation({
    url,
    seconds: WATCH_SEC,
    media: 'sample',
    maxRenditions: 4,
    fetch,
    now: Date.now,
    signal: AbortSignal.timeout(4000 * WATCH_SEC),
  })
}

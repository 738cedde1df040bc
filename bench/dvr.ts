// `npm run bench:dvr`: what recordings cost to write, to find and to play, against targets and against baselines in the
// same run. What each figure means: bench/README.md.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ObjectStore } from '../src/storage/object-store.ts'
import { openStore } from '../src/storage/open-store.ts'
import { MirrorProcess } from '../test/support/mirror-process.ts'
import { runAsCommand } from './command.ts'
import { type BenchBucket, startBucket } from './dvr/bucket.ts'
import { type FirstByte, measureFirstByte, readsForOneMoment } from './dvr/first-byte.ts'
import { type History, putHistory } from './dvr/history.ts'
import { type LivePlaylistCost, measureLivePlaylist } from './dvr/live-playlists.ts'
import { type DvrBenchOptions, parseOptions, USAGE } from './dvr/options.ts'
import { measureRecorded, type RecordedCost } from './dvr/recorded-playlists.ts'
import { type DvrBenchReport, renderReport } from './dvr/report.ts'
import { measureRequests } from './dvr/requests.ts'
import { measurePackUploads, measureSpool, type Throughput } from './dvr/uploads.ts'
import { machineFacts } from './process-usage.ts'

const MIB = 2 ** 20
const LONGEST_MS = 600_000
/** With so many distinct segments that a p99 means something, and no more than a small machine's memory holds. */
const HISTORIES = [
  { hours: 4, distinctPerHour: 32 },
  { hours: 24, distinctPerHour: 8 },
  { hours: 72, distinctPerHour: 4 },
]

await runAsCommand({
  ...{ parse: parseOptions, usage: USAGE, run: runBench, render: renderReport },
  longestMs: () => LONGEST_MS,
})

interface Context {
  readonly options: DvrBenchOptions
  readonly signal: AbortSignal
  readonly say: (text: string) => void
}

interface Place {
  readonly bucket: BenchBucket
  readonly store: ObjectStore
  readonly folder: string
}

async function runBench(
  options: DvrBenchOptions,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<DvrBenchReport> {
  const context = { options, signal, say }
  const machine = machineFacts()
  const wants = (section: DvrBenchOptions['sections'][number]) => options.sections.includes(section)
  const live = wants('live') ? measureLive(context) : null
  const nothing = { recorded: null, firstByte: null, oneMoment: null, packUploads: null, spool: null, requests: null }
  const { sections, isQuick } = options
  const head = { version: 1, machine, options: { sections, isQuick }, live } as const
  if (sections.every((section) => section === 'live')) return { ...head, ...nothing }

  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'mirror-bench-dvr-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  say('starting an S3 server')
  const bucket = opened.use(await startBucket())
  const store = opened.use(await openStore({ kind: 's3', settings: bucket.settings }))
  const place: Place = { bucket, store, folder }
  const histories = wants('recorded') || wants('first-byte') ? await putHistories(context, place) : []
  return {
    ...head,
    recorded: wants('recorded') ? await measureRecordings(context, place, histories) : null,
    ...(wants('first-byte')
      ? await measureSeeks(context, place, histories)
      : { firstByte: nothing.firstByte, oneMoment: nothing.oneMoment }),
    ...(wants('uploads')
      ? await measureWrites(context, place)
      : { packUploads: nothing.packUploads, spool: nothing.spool }),
    requests: wants('requests') ? await countRequests(context, place) : null,
  }
}

function measureLive({ options, say, signal }: Context): readonly LivePlaylistCost[] {
  return [0.25, 4, 24, 72].map((hours) => {
    signal.throwIfAborted()
    say(`live playlists that reach back ${hours} h`)
    return measureLivePlaylist(hours, options.isQuick ? 50 : 500)
  })
}

async function putHistories({ options, say, signal }: Context, { store }: Place): Promise<readonly History[]> {
  const histories: History[] = []
  for (const { hours, distinctPerHour } of options.isQuick ? HISTORIES.slice(0, 1) : HISTORIES) {
    say(`putting a past of ${hours} h into the bucket`)
    const size = { segmentBytes: options.isQuick ? MIB / 8 : MIB, distinctPerHour }
    histories.push(await putHistory(store, { streamId: `h${hours}`, hours, endsAtMs: Date.now(), ...size }, signal))
  }
  return histories
}

async function measureRecordings(
  { say, signal }: Context,
  { store }: Place,
  histories: readonly History[],
): Promise<readonly RecordedCost[]> {
  const costs: RecordedCost[] = []
  for (const history of histories) {
    say(`playlists and queries of ${history.hours} h`)
    costs.push(await measureRecorded(store, history, signal))
  }
  return costs
}

async function measureSeeks(
  { say, signal }: Context,
  { bucket, store }: Place,
  histories: readonly History[],
): Promise<Pick<DvrBenchReport, 'firstByte' | 'oneMoment'>> {
  await using mirror = await MirrorProcess.start({ env: bucket.env })
  const firstByte: FirstByte[] = []
  for (const history of histories) {
    say(`seeking in ${history.hours} h`)
    const dvr = { enabled: true, rewind: '72h', retention: '96h' }
    await mirror.api('POST', '/streams', { id: history.track.streamId, dvr })
    firstByte.push(await measureFirstByte(mirror, store, bucket.settings, history, signal))
  }
  const wish = { streamId: 'moment', hours: 1, endsAtMs: Date.now(), segmentBytes: MIB, distinctPerHour: 1 }
  const moment = await putHistory(store, wish, signal)
  await mirror.createStream(moment.track.streamId)
  return { firstByte, oneMoment: await readsForOneMoment(mirror, moment, moment.distinct[0] ?? 0) }
}

async function measureWrites(
  { options, say, signal }: Context,
  { bucket, store, folder }: Place,
): Promise<Pick<DvrBenchReport, 'packUploads' | 'spool'>> {
  const packUploads: Throughput[] = []
  const spool: Throughput[] = []
  const size = options.isQuick ? { packBytes: 4 * MIB, packs: 8 } : { packBytes: 32 * MIB, packs: 8 }
  for (const concurrency of [1, 2, 4, 8]) {
    signal.throwIfAborted()
    say(`packs of ${concurrency} tracks into the bucket`)
    packUploads.push(await measurePackUploads(store, bucket.settings, { folder, concurrency, ...size }))
  }
  for (const tracks of [1, 4, 16]) {
    signal.throwIfAborted()
    say(`segments of ${tracks} tracks into the spool`)
    const segments = Math.ceil((options.isQuick ? 32 : 256) / tracks)
    spool.push(await measureSpool(folder, { tracks, segments, segmentBytes: MIB }))
  }
  return { packUploads, spool }
}

async function countRequests({ say, signal }: Context, { bucket, store, folder }: Place) {
  const found = []
  for (const mode of ['pack', 'segment'] as const) {
    signal.throwIfAborted()
    say(`counting the requests of an hour (${mode})`)
    found.push(await measureRequests(store, mode, { folder, partBytes: bucket.settings.partBytes }))
  }
  return found
}

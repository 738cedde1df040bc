// What playlists of a range and index queries cost the archive thread, by how far they reach back: the archive as it runs
// there, over a real bucket.

import { Archive } from '../../src/dvr/archive.ts'
import { answerArchive } from '../../src/dvr/archive-answers.ts'
import { IndexStore } from '../../src/dvr/index-store.ts'
import { RecordedTexts } from '../../src/dvr/recorded-text.ts'
import { HOUR_MS } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { Durations, type Percentiles } from '../figures.ts'
import { cpuMsOfAsync } from './cpu.ts'
import type { History } from './history.ts'

const ROUNDS = 30
const LOOKS = 500
const NO_SPOOL = { find: () => null, segments: () => [], init: () => null, tracks: () => [] }

export interface RecordedCost {
  readonly hours: number
  /** CPU of the whole playlist: nothing known, and every hour index known. */
  readonly coldCpuMs: number
  readonly coldMs: number
  readonly warmCpuMs: Percentiles | null
  readonly gzipBytes: number
  /** Where a segment lies, its hour index not known (a read of the store), and known. */
  readonly coldLookMs: Percentiles | null
  readonly warmLookMs: Percentiles | null
  /** Media and gaps of an hour, as the API answers it. */
  readonly hourQueryMs: Percentiles | null
  readonly wholeQueryMs: Percentiles | null
}

export async function measureRecorded(
  store: ObjectStore,
  history: History,
  signal: AbortSignal,
): Promise<RecordedCost> {
  const { track, hours, fromMs, toMs, distinct } = history
  const call = { signal }
  const indexes = new IndexStore(store, Date.now)
  const open = () => {
    const archive = new Archive({ store, indexes, spool: NO_SPOOL, now: Date.now })
    return { archive, cache: null, texts: new RecordedTexts(), tenantOf: () => track.tenantId, now: Date.now }
  }
  const { streamId, trackId } = track
  const playlist = async (host: ReturnType<typeof open>, laterMs: number) => {
    const range = { fromMs: fromMs + laterMs, toMs: null }
    const answer = await answerArchive(host, { kind: 'playlist', streamId, trackId, range, type: 'EVENT' }, call)
    if (answer.kind !== 'text') throw new Error(`the archive answered ${answer.kind}`)
    return answer.gzip.length
  }

  const host = open()
  const begunAtMs = performance.now()
  const coldCpuMs = await cpuMsOfAsync(async () => await playlist(host, 0))
  const coldMs = performance.now() - begunAtMs
  const warm = new Durations()
  let gzipBytes = 0
  // No two viewers began at the same moment.
  for (let n = 0; n < ROUNDS; n++)
    warm.record(await cpuMsOfAsync(async () => (gzipBytes = await playlist(host, n * 10_000))))

  const look = async (on: ReturnType<typeof open>, msn: number) => {
    const answer = await answerArchive(on, { kind: 'segment', streamId, trackId, msn }, call)
    if (answer.kind !== 'location') throw new Error(`the archive answered ${answer.kind}`)
  }
  const coldLooks = new Durations()
  const step = Math.max(1, Math.floor(distinct.length / 100))
  for (let n = 0; n < distinct.length; n += step) {
    coldLooks.record(await timed(async () => await look(open(), distinct[n] ?? 0)))
  }
  const warmLooks = new Durations()
  for (let n = 0; n < LOOKS; n++) {
    warmLooks.record(await timed(async () => await look(host, distinct[(n * 7) % distinct.length] ?? 0)))
  }
  const query = async (range: { readonly fromMs: number; readonly toMs: number }) => {
    const answer = await answerArchive(host, { kind: 'ranges', streamId, range }, call)
    if (answer.kind !== 'ranges') throw new Error(`the archive answered ${answer.kind}`)
  }
  const hourQueries = new Durations()
  const wholeQueries = new Durations()
  for (let n = 0; n < LOOKS / 5; n++) {
    const hourMs = fromMs + (n % hours) * HOUR_MS
    hourQueries.record(await timed(async () => await query({ fromMs: hourMs, toMs: hourMs + HOUR_MS })))
    wholeQueries.record(await timed(async () => await query({ fromMs, toMs })))
  }
  return {
    hours,
    coldCpuMs,
    coldMs,
    warmCpuMs: warm.percentiles(),
    gzipBytes,
    coldLookMs: coldLooks.percentiles(),
    warmLookMs: warmLooks.percentiles(),
    hourQueryMs: hourQueries.percentiles(),
    wholeQueryMs: wholeQueries.percentiles(),
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const atMs = performance.now()
  await work()
  return performance.now() - atMs
}

// From a player's request to the first byte of a segment of the past: cold, that is out of the bucket, and warm, after
// somebody watched the same; beside it the same spans read with the AWS SDK alone.
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { hourOfCell } from '../../src/dvr/cell-hour.ts'
import { IndexStore } from '../../src/dvr/index-store.ts'
import { HOUR_MS, packKey } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { createS3Client } from '../../src/storage/s3-client.ts'
import type { S3Settings } from '../../src/storage/s3-settings.ts'
import type { MirrorProcess } from '../../test/support/mirror-process.ts'
import { Durations, type Percentiles } from '../figures.ts'
import { HttpConnection } from '../http-connection.ts'
import { BENCH_FACTS, type History } from './history.ts'

const WARM_ROUNDS = 2
const TOGETHER = 50
const API_QUERIES = 100

export interface FirstByte {
  readonly hours: number
  readonly coldFirstMs: Percentiles | null
  readonly coldLastMs: Percentiles | null
  readonly warmFirstMs: Percentiles | null
  readonly warmLastMs: Percentiles | null
  readonly sdkFirstMs: Percentiles | null
  readonly sdkLastMs: Percentiles | null
  /** `GET /api/v1/streams/:id/dvr?from&to` of an hour. */
  readonly apiQueryMs: Percentiles | null
  readonly errors: number
}

export async function measureFirstByte(
  mirror: MirrorProcess,
  store: ObjectStore,
  settings: S3Settings,
  history: History,
  signal: AbortSignal,
): Promise<FirstByte> {
  const { track, hours, distinct, fromMs } = history
  // Every second seek to Mirror first, every other to the bucket first: what the bucket keeps in memory favours neither.
  const sdk = new SdkReader(settings, store, history)
  const connection = connect(mirror)
  const order = shuffled(distinct)
  const [coldFirst, coldLast, warmFirst, warmLast] = [
    new Durations(),
    new Durations(),
    new Durations(),
    new Durations(),
  ]
  let errors = 0
  const seek = async (msn: number, first: Durations, last: Durations) => {
    const answer = await connection.get(`/stream/${track.streamId}/${track.trackId}/${msn}.m4s`, false)
    if (answer.status !== 200) errors += 1
    first.record(answer.firstByteAtMs - answer.sentAtMs)
    last.record(answer.lastByteAtMs - answer.sentAtMs)
  }
  try {
    await sdk.prepare(signal)
    for (const [index, msn] of order.entries()) {
      if (index % 2 === 0) await sdk.read(msn, signal)
      await seek(msn, coldFirst, coldLast)
      if (index % 2 === 1) await sdk.read(msn, signal)
    }
    for (let round = 0; round < WARM_ROUNDS; round++) for (const msn of order) await seek(msn, warmFirst, warmLast)
  } finally {
    connection.close()
    sdk.close()
  }
  const queries = new Durations()
  for (let n = 0; n < API_QUERIES; n++) {
    const hourMs = fromMs + (n % hours) * HOUR_MS
    const atMs = performance.now()
    await mirror.api('GET', `/streams/${track.streamId}/dvr?from=${hourMs}&to=${hourMs + HOUR_MS}`)
    queries.record(performance.now() - atMs)
  }
  return {
    hours,
    coldFirstMs: coldFirst.percentiles(),
    coldLastMs: coldLast.percentiles(),
    warmFirstMs: warmFirst.percentiles(),
    warmLastMs: warmLast.percentiles(),
    sdkFirstMs: sdk.firstMs.percentiles(),
    sdkLastMs: sdk.lastMs.percentiles(),
    apiQueryMs: queries.percentiles(),
    errors,
  }
}

/** Reads of the bucket when as many viewers go to the same moment at once. */
export async function readsForOneMoment(
  mirror: MirrorProcess,
  { track }: History,
  msn: number,
): Promise<{ readonly viewers: number; readonly storeReads: number }> {
  const before = await cacheMisses(mirror)
  const connections = Array.from({ length: TOGETHER }, () => connect(mirror))
  const path = `/stream/${track.streamId}/${track.trackId}/${msn}.m4s`
  const answers = await Promise.all(connections.map(async (connection) => await connection.get(path, false)))
  for (const connection of connections) connection.close()
  if (answers.some(({ status }) => status !== 200)) throw new Error('a viewer got no segment')
  const patience = AbortSignal.timeout(5000)
  for (;;) {
    const after = await cacheMisses(mirror)
    if (after.all - before.all >= TOGETHER) return { viewers: TOGETHER, storeReads: after.misses - before.misses }
    patience.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

async function cacheMisses(mirror: MirrorProcess): Promise<{ readonly misses: number; readonly all: number }> {
  const text = await (await fetch(`${mirror.consoleUrl}/metrics`)).text()
  const rows = [...text.matchAll(/^dvr_cache_requests_total\{result="(\w+)"\} (\d+)$/gm)]
  const count = (wanted: (result: string) => boolean) =>
    rows.reduce((sum, [, result = '', value]) => sum + (wanted(result) ? Number(value) : 0), 0)
  return { misses: count((result) => result === 'miss' || result === 'bypassed'), all: count(() => true) }
}

function connect(mirror: MirrorProcess): HttpConnection {
  const { hostname, port } = new URL(mirror.mediaUrl)
  return new HttpConnection({ host: hostname, port: Number(port), onBytes: () => {} }, 'mirror-bench')
}

/** What nobody can do without: one ranged GET for each segment, its place known. */
class SdkReader {
  readonly firstMs = new Durations()
  readonly lastMs = new Durations()
  readonly #settings: S3Settings
  readonly #store: ObjectStore
  readonly #history: History
  readonly #client: ReturnType<typeof createS3Client>
  readonly #spans = new Map<number, { readonly key: string; readonly range: string }>()

  constructor(settings: S3Settings, store: ObjectStore, history: History) {
    this.#settings = settings
    this.#store = store
    this.#history = history
    this.#client = createS3Client(settings)
  }

  async prepare(signal: AbortSignal): Promise<void> {
    const { track, distinct } = this.#history
    const indexes = new IndexStore(this.#store, Date.now)
    const wanted = new Set(distinct)
    for (const hour of new Set(distinct.map((msn) => hourOfCell(msn, BENCH_FACTS.cell)))) {
      for (const { msn, placement } of (await indexes.hour(track, hour, { signal }))?.segments ?? []) {
        if (placement?.kind !== 'pack' || !wanted.has(msn)) continue
        const { id, offset, length } = placement
        this.#spans.set(msn, { key: packKey(track, hour, id), range: `bytes=${offset}-${offset + length - 1}` })
      }
    }
  }

  async read(msn: number, signal: AbortSignal): Promise<void> {
    const span = this.#spans.get(msn)
    if (span === undefined) throw new Error(`segment ${msn} is in no pack`)
    const { bucket } = this.#settings
    const atMs = performance.now()
    const command = new GetObjectCommand({ Bucket: bucket, Key: span.key, Range: span.range })
    const { Body: body } = await this.#client.send(command, { abortSignal: signal })
    let isFirst = true
    for await (const _ of body as AsyncIterable<Uint8Array>) {
      if (isFirst) this.firstMs.record(performance.now() - atMs)
      isFirst = false
    }
    this.lastMs.record(performance.now() - atMs)
  }

  close(): void {
    this.#client.destroy()
  }
}

/** The same order each time. */
function shuffled(numbers: readonly number[]): readonly number[] {
  return numbers.toSorted((a, b) => ((a * 2_654_435_761) % 2 ** 32) - ((b * 2_654_435_761) % 2 ** 32))
}

// How fast packs go from the spool into the bucket, by how many tracks have one; and how fast segments go into the spool.
// Beside it a loop over the AWS SDK that puts the same bytes, and one that writes and syncs them.
import { randomFillSync, randomUUID } from 'node:crypto'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { silentLog } from '../../src/core/log.ts'
import { hourOfCell } from '../../src/dvr/cell-hour.ts'
import { Drainer, type WriteMode } from '../../src/dvr/drainer.ts'
import { IndexStore } from '../../src/dvr/index-store.ts'
import { type SealedPack, Spool } from '../../src/dvr/spool/spool.ts'
import { TIMELINE_EPOCH_MS } from '../../src/media/timeline/cell.ts'
import { HOUR_MS } from '../../src/storage/keys.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { createS3Client } from '../../src/storage/s3-client.ts'
import type { S3Settings } from '../../src/storage/s3-settings.ts'
import { BENCH_FACTS, SEGMENT_MS } from './history.ts'

const MIB = 2 ** 20

export interface Throughput {
  readonly concurrency: number
  readonly mibPerSec: number
  readonly baselineMibPerSec: number
}

export interface PackWish {
  readonly folder: string
  readonly streamId: string
  readonly track: number
  /** Number within the hour. */
  readonly pack: number
  readonly segments: number
  readonly segmentBytes: number
  readonly hourMs: number
}

/** A sealed pack as the spool hands it over; its file holds what it says. */
export async function makePack(wish: PackWish): Promise<SealedPack> {
  const { folder, streamId, track, pack, segments, segmentBytes, hourMs } = wish
  const id = randomUUID()
  const path = join(folder, `${id}.pack`)
  await writeFile(path, randomFillSync(Buffer.alloc(segments * segmentBytes)))
  const firstMsn = (hourMs - TIMELINE_EPOCH_MS) / SEGMENT_MS + pack * segments
  return {
    id,
    track: { tenantId: 'default', streamId, trackId: `v${track}` },
    hour: hourOfCell(firstMsn, BENCH_FACTS.cell),
    facts: BENCH_FACTS,
    init: { name: 'init-0123456789abcdef.mp4', bytes: Buffer.alloc(800) },
    path,
    sizeBytes: segments * segmentBytes,
    segments: Array.from({ length: segments }, (_, index) => ({
      msn: firstMsn + index,
      dsn: 0,
      startsAtMs: hourMs + (pack * segments + index) * SEGMENT_MS,
      durationSec: SEGMENT_MS / 1000,
      initName: 'init-0123456789abcdef.mp4',
      sizeBytes: segmentBytes,
      sha256: id.replaceAll('-', '').padEnd(64, '0'),
      offset: index * segmentBytes,
    })),
  }
}

/** Resolves when all are in the store and in its indexes. */
export async function drainAll(store: ObjectStore, mode: WriteMode, packs: readonly SealedPack[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let left = packs.length
  await using drainer = new Drainer({
    store,
    indexes: new IndexStore(store, Date.now),
    mode,
    random: Math.random,
    log: silentLog,
    onDrained: async () => {
      left -= 1
      if (left === 0) resolve()
    },
    onTrouble: (message) => (message === null ? undefined : reject(new Error(message))),
  })
  for (const pack of packs) drainer.add(pack)
  await promise
}

export async function measurePackUploads(
  store: ObjectStore,
  settings: S3Settings,
  wish: { readonly folder: string; readonly concurrency: number; readonly packBytes: number; readonly packs: number },
): Promise<Throughput> {
  const { folder, concurrency, packBytes, packs: count } = wish
  const hourMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - HOUR_MS
  const packs = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const place = { track: n % concurrency, pack: Math.floor(n / concurrency) }
      const size = { segments: 32, segmentBytes: packBytes / 32 }
      return await makePack({ folder, streamId: `up-${concurrency}-${randomUUID()}`, ...place, ...size, hourMs })
    }),
  )
  const streamId = `up-${randomUUID()}`
  const together = packs.map((pack) => ({ ...pack, track: { ...pack.track, streamId } }))
  const megabytes = (count * packBytes) / MIB
  const drainSec = await seconds(async () => await drainAll(store, 'pack', together))

  const client = createS3Client(settings)
  const waiting = packs.values()
  const worker = async () => {
    for (const { path, id } of waiting) {
      await client.send(new PutObjectCommand({ Bucket: settings.bucket, Key: `raw/${id}`, Body: await readFile(path) }))
    }
  }
  const rawSec = await seconds(async () => await Promise.all(Array.from({ length: concurrency }, worker)))
  client.destroy()
  return { concurrency, mibPerSec: megabytes / drainSec, baselineMibPerSec: megabytes / rawSec }
}

/** Segments of many tracks, each safe on the disk before the next of its track. */
export async function measureSpool(
  folder: string,
  {
    tracks,
    segments,
    segmentBytes,
  }: { readonly tracks: number; readonly segments: number; readonly segmentBytes: number },
): Promise<Throughput> {
  const media = randomFillSync(Buffer.alloc(segmentBytes))
  const limits = { maxBytes: 2 ** 40, packMs: HOUR_MS, packBytes: 2 ** 40 }
  const host = { now: () => Date.now(), randomId: randomUUID, onSealed: () => {} }
  await using spool = await Spool.open(join(folder, `spool-${randomUUID()}`), limits, host)
  const hourMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS
  const firstMsn = (hourMs - TIMELINE_EPOCH_MS) / SEGMENT_MS
  const spoolSec = await seconds(async () => {
    await forTracks(tracks, async (track) => {
      for (let n = 0; n < segments; n++) {
        await spool.append({
          track: { tenantId: 'default', streamId: 'bench', trackId: `v${track}` },
          facts: BENCH_FACTS,
          init: { name: 'init-0123456789abcdef.mp4', bytes: Buffer.alloc(800) },
          segment: {
            msn: firstMsn + n,
            dsn: 0,
            startsAtMs: hourMs + n * SEGMENT_MS,
            durationSec: SEGMENT_MS / 1000,
            initName: 'init-0123456789abcdef.mp4',
          },
          buffers: [media],
        })
      }
    })
  })
  const rawSec = await seconds(async () => {
    await forTracks(tracks, async () => {
      await using file = await open(join(folder, randomUUID()), 'wx')
      for (let n = 0; n < segments; n++) {
        await file.write(media)
        await file.datasync()
      }
    })
  })
  const megabytes = (tracks * segments * segmentBytes) / MIB
  return { concurrency: tracks, mibPerSec: megabytes / spoolSec, baselineMibPerSec: megabytes / rawSec }
}

async function forTracks(tracks: number, work: (track: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: tracks }, async (_, track) => await work(track)))
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const atMs = performance.now()
  await work()
  return (performance.now() - atMs) / 1000
}

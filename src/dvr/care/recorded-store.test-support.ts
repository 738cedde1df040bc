// Recordings as Mirror writes them, in any store, without the time that recording takes.
import { createHash, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLog } from '../../core/log.ts'
import { fragmentSize, writeFragmentInto } from '../../media/fmp4/fragment.ts'
import { initHash, writeInitSegment } from '../../media/fmp4/init-segment.ts'
import type { AudioConfig } from '../../media/samples.ts'
import { TIMELINE_EPOCH_MS } from '../../media/timeline/cell.ts'
import { hourOf, type TrackPath } from '../../storage/keys.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { Drainer, type WriteMode } from '../drainer.ts'
import { IndexStore } from '../index-store.ts'
import type { PackedSegment } from '../segment-row.ts'
import type { SealedPack } from '../spool/spool.ts'
import type { AudioFacts } from '../track-facts.ts'

export const SOUND: TrackPath = { tenantId: 'default', streamId: 'demo', trackId: 'a0' }
export const SEVEN_MS = Date.UTC(2026, 10, 21, 7)

const CONFIG: AudioConfig = {
  kind: 'audio',
  codec: 'aac',
  codecString: 'mp4a.40.2',
  sampleRateHz: 48_000,
  channels: 2,
  samplesPerFrame: 1024,
  configRecord: Uint8Array.of(0x11, 0x90),
  language: 'de',
}
export const SOUND_FACTS: AudioFacts = {
  kind: 'audio',
  cell: { num: 2, den: 1 },
  targetDurationSec: 4,
  hasIndependentSegments: true,
  codecs: 'mp4a.40.2',
  codec: 'aac',
  channels: 2,
  language: 'de',
  name: 'Deutsch',
  role: null,
  isDefault: true,
}

const INIT_BYTES = writeInitSegment({ config: CONFIG, timescale: 48_000 })
export const INIT = { name: `init-${initHash(INIT_BYTES)}.mp4`, bytes: INIT_BYTES }

/** Number of the cell of two seconds that begins `n` cells after seven. */
export function cellAt(n: number): number {
  return (SEVEN_MS - TIMELINE_EPOCH_MS) / 2000 + n
}

/** A whole segment of two seconds: two fragments, whose media differs from that of every other. */
export function soundOf(n: number, mediaBytes: number): Uint8Array {
  const fragments = [0, 1].map((half) => {
    const data = Buffer.alloc(mediaBytes / 2, createHash('sha512').update(`${n}/${half}`).digest())
    const sample = { duration: 48_000, cto: 0, isKeyframe: true, data }
    const baseDecodeTime = (cellAt(n) * 2 + half) * 48_000
    return { kind: 'audio' as const, sequenceNumber: 1 + half, baseDecodeTime, samples: [sample] }
  })
  const bytes = new Uint8Array(fragments.reduce((sum, fragment) => sum + fragmentSize(fragment), 0))
  let at = 0
  for (const fragment of fragments) at = writeFragmentInto(fragment, bytes, at)
  return bytes
}

export interface Recorded {
  readonly store: ObjectStore
  /** For files on the way. */
  readonly folder: string
  readonly mode: WriteMode
  readonly track?: TrackPath
  /** Cells after seven; all of a pack lie in one hour. */
  readonly packs: readonly (readonly number[])[]
  readonly mediaBytes?: number
  readonly now?: () => number
}

/** Drains packs into the store, and ends when all of them are named by their indexes. Gives their ids. */
export async function record({
  store,
  folder,
  mode,
  track = SOUND,
  packs,
  mediaBytes = 100,
  now = Date.now,
}: Recorded): Promise<readonly string[]> {
  const sealed: SealedPack[] = []
  for (const cells of packs) sealed.push(await sealedPack(folder, track, cells, mediaBytes))
  const drained = Promise.withResolvers<void>()
  let left = sealed.length
  await using drainer = new Drainer({
    store,
    indexes: new IndexStore(store, now),
    mode,
    random: () => 0,
    log: silentLog,
    onDrained: async () => {
      left -= 1
      if (left === 0) drained.resolve()
    },
    onTrouble: (message) => (message === null ? undefined : drained.reject(new Error(message))),
  })
  for (const pack of sealed) drainer.add(pack)
  await drained.promise
  return sealed.map(({ id }) => id)
}

async function sealedPack(
  folder: string,
  track: TrackPath,
  cells: readonly number[],
  mediaBytes: number,
): Promise<SealedPack> {
  const id = randomUUID()
  const path = join(folder, `${id}.pack`)
  const bodies = cells.map((n) => soundOf(n, mediaBytes))
  await writeFile(path, Buffer.concat(bodies))
  let offset = 0
  const segments = cells.map((n, index): PackedSegment => {
    const bytes = bodies[index] ?? new Uint8Array()
    const segment = {
      msn: cellAt(n),
      dsn: 0,
      startsAtMs: SEVEN_MS + n * 2000,
      durationSec: 2,
      initName: INIT.name,
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      offset,
    }
    offset += bytes.length
    return segment
  })
  const hour = hourOf(SEVEN_MS + (cells[0] ?? 0) * 2000)
  return { id, track, hour, facts: SOUND_FACTS, init: INIT, path, sizeBytes: offset, segments }
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}

// A recorded past of hours, made in a second: a few real segments again and again, each with the decode times of its cell,
// put into a store as the drainer does it: a pack for every five minutes of a track, hour indexes, a stream index.
import { createHash } from 'node:crypto'
import { hourOfCell } from '../../src/dvr/cell-hour.ts'
import type { IndexedSegment } from '../../src/dvr/hour-index.ts'
import { IndexStore } from '../../src/dvr/index-store.ts'
import type { TrackFacts } from '../../src/dvr/track-facts.ts'
import { collect } from '../../src/storage/collect.ts'
import { type Hour, packKey, recordedInitKey, type TrackPath } from '../../src/storage/keys.ts'
import type { ObjectKey, ObjectStore } from '../../src/storage/object-store.ts'

const PACK_CELLS = 150

/** Sound falls into cells of two seconds in the same way again after four: 375 frames of AAC at 48 kHz. */
const LOOP_CELLS = 4

export interface SampleTrack {
  readonly track: TrackPath
  readonly facts: TrackFacts
  readonly timescale: number
  /** As recorded, neighbours. */
  readonly segments: readonly { readonly row: IndexedSegment; readonly bytes: Uint8Array }[]
}

/** What a stream has recorded into packs, but for its first segment, which may be short; null: not enough yet. */
export async function readSample(
  store: ObjectStore,
  stream: Omit<TrackPath, 'trackId'>,
  signal: AbortSignal,
): Promise<readonly SampleTrack[] | null> {
  const indexes = new IndexStore(store, Date.now)
  const tracks: SampleTrack[] = []
  for (const [trackId, { facts, hours }] of Object.entries((await indexes.stream(stream, { signal }))?.tracks ?? {})) {
    const track = { ...stream, trackId }
    const read = await Promise.all(
      hours.map(async (hour) => (await indexes.hour(track, hour, { signal }))?.segments ?? []),
    )
    const rows = read.flat().slice(1, 1 + LOOP_CELLS)
    const initName = rows[0]?.initName ?? null
    if (rows.length < LOOP_CELLS || initName === null) return null
    const init = await bytesOf(store, recordedInitKey(track, initName), null, signal)
    const segments = await Promise.all(
      rows.map(async (row) => {
        if (row.placement?.kind !== 'pack') throw new Error(`segment ${row.msn} of ${trackId} lies in no pack`)
        const { id, offset, length } = row.placement
        const range = { start: offset, end: offset + length }
        return { row, bytes: await bytesOf(store, packKey(track, hourOfCell(row.msn, facts.cell), id), range, signal) }
      }),
    )
    tracks.push({ track, facts, timescale: timescaleOf(init), segments })
  }
  return tracks.length < 2 ? null : tracks
}

/** The cells before the sample, `count` of them, without a hole. */
export async function putHistory(
  store: ObjectStore,
  sample: SampleTrack,
  { count, signal }: { readonly count: number; readonly signal: AbortSignal },
): Promise<void> {
  const { track, facts, segments } = sample
  const cellSec = facts.cell.num / facts.cell.den
  const indexes = new IndexStore(store, Date.now)
  const endMsn = segments[0]?.row.msn ?? 0
  const hours = new Map<Hour, IndexedSegment[]>()
  for (let first = endMsn - count; first < endMsn; ) {
    const hour = hourOfCell(first, facts.cell)
    const id = `history-${first}`
    const chunks: Uint8Array[] = []
    let offset = 0
    let msn = first
    for (; msn < Math.min(endMsn, first + PACK_CELLS) && hourOfCell(msn, facts.cell) === hour; msn++) {
      const { row, bytes: model } = modelFor(sample, msn)
      const shiftSec = (msn - row.msn) * cellSec
      const bytes = shifted(model, BigInt(Math.round(shiftSec * sample.timescale)))
      const placement = { kind: 'pack', id, offset, length: bytes.length } as const
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      const own = { ...row, msn, startsAtMs: row.startsAtMs + shiftSec * 1000, sha256, placement }
      const listed = hours.get(hour)
      if (listed === undefined) hours.set(hour, [own])
      else listed.push(own)
      chunks.push(bytes)
      offset += bytes.length
    }
    await store.put(packKey(track, hour, id), Buffer.concat(chunks), {
      signal,
      contentType: 'application/octet-stream',
    })
    first = msn
  }
  for (const [hour, rows] of hours) {
    await indexes.addSegments(track, hour, facts, rows, { signal })
    await indexes.addHour(track, facts, hour, { signal })
  }
}

function modelFor({ segments }: SampleTrack, msn: number): SampleTrack['segments'][number] {
  const first = segments[0]
  if (first === undefined) throw new Error('a history needs a sample')
  const index = (((msn - first.row.msn) % LOOP_CELLS) + LOOP_CELLS) % LOOP_CELLS
  return segments[index] ?? first
}

async function bytesOf(
  store: ObjectStore,
  key: ObjectKey,
  range: { readonly start: number; readonly end: number } | null,
  signal: AbortSignal,
): Promise<Buffer> {
  const object = await store.get(key, { signal, ...(range === null ? {} : { range }) })
  if (object === null) throw new Error(`${key} is not there`)
  await using body = object
  return Buffer.from(await collect(body.chunks))
}

/** Of the first track of an init segment (`mdhd`). */
function timescaleOf(init: Buffer): number {
  const at = init.indexOf('mdhd')
  if (at < 0) throw new Error('no mdhd in the init segment')
  return init.readUInt32BE(at + (init[at + 4] === 1 ? 24 : 16))
}

/** A copy whose decode times (`tfdt`, version 1) are later by `ticks`. */
function shifted(segment: Uint8Array, ticks: bigint): Uint8Array {
  const bytes = Buffer.from(segment)
  let found = 0
  for (let at = bytes.indexOf('tfdt'); at >= 0; at = bytes.indexOf('tfdt', at + 4)) {
    // Not four letters of media that happen to be these: the box is 20 bytes long and of version 1.
    if (bytes.readUInt32BE(at - 4) !== 20 || bytes.readUInt32BE(at + 4) !== 0x01000000) continue
    bytes.writeBigUInt64BE(bytes.readBigUInt64BE(at + 8) + ticks, at + 8)
    found++
  }
  if (found === 0) throw new Error('no decode time in the segment')
  return bytes
}

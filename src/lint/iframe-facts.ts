// What the byte range of an I-frame holds: it ends within `mdat`, so the boxes do not fit into each other.
import { forEachRunSample, parseMovieFragment } from '../media/fmp4/movie-fragment.ts'
import type { InitFacts } from './media-facts.ts'

export interface IFrameFacts {
  readonly sizeBytes: number
  /** Up to the end of the first sample; null: that cannot be told. */
  readonly neededBytes: number | null
  readonly startsWithSync: boolean
  /** Why it cannot be read. */
  readonly fault: string | null
}

/** ISO/IEC 14496-12 8.8.3.1: sample_is_non_sync_sample. */
const NON_SYNC = 0x1_0000
const HEADER_BYTES = 8

export function readIFrameFacts(bytes: Uint8Array, init: InitFacts | null): IFrameFacts {
  const sizeBytes = bytes.length
  const unreadable = (fault: string): IFrameFacts => ({ sizeBytes, neededBytes: null, startsWithSync: false, fault })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < HEADER_BYTES || view.getUint32(4) !== 0x6d6f6f66) return unreadable('it does not begin with moof')
  const moofBytes = view.getUint32(0)
  if (moofBytes < HEADER_BYTES || moofBytes > bytes.length) return unreadable('moof is cut short')
  const moof = { type: 'moof', bytes: bytes.subarray(0, moofBytes), headerBytes: HEADER_BYTES, offset: 0 }
  let first: { readonly size: number; readonly flags: number } | null = null
  try {
    const defaultsOf = (id: number) =>
      init?.tracks.find((track) => track.id === id)?.defaults ?? { duration: 0, size: 0, flags: 0, descriptionIndex: 1 }
    const run = parseMovieFragment(moof, defaultsOf).runs[0]
    if (run === undefined) return unreadable('there is no sample')
    forEachRunSample(run, ({ size, flags }) => {
      first ??= { size, flags }
    })
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : String(error))
  }
  const sample = first as { readonly size: number; readonly flags: number } | null
  if (sample === null) return unreadable('there is no sample')
  const neededBytes = moofBytes + HEADER_BYTES + sample.size
  return { sizeBytes, neededBytes, startsWithSync: (sample.flags & NON_SYNC) === 0, fault: null }
}

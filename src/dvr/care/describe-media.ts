// What the bytes of a segment tell of themselves. Pure.
import { toMirrorError } from '../../core/errors.ts'
import { childBoxes, findBox } from '../../media/fmp4/boxes.ts'
import { parseMovie } from '../../media/fmp4/movie.ts'
import { forEachRunSample, parseMovieFragment } from '../../media/fmp4/movie-fragment.ts'
import { TIMELINE_EPOCH_MS } from '../../media/timeline/cell.ts'

export interface DescribedMedia {
  /** Presentation time of the first sample in media time, without a drift correction. */
  readonly startsAtMs: number
  readonly durationSec: number
}

/** Ticks per second of the track of an init segment; null when it is none. */
export function timescaleOf(init: Uint8Array): number | null {
  return unlessMalformed(() => {
    const moov = findBox(childBoxes(init, 0, init.length, 'file'), 'moov')
    if (moov === null) return null
    return parseMovie(init.subarray(moov.start, moov.end), 0).tracks[0]?.timescale ?? null
  })
}

/** Null when the bytes are not whole fragments: each `moof` with all the media it speaks of. */
export function describeMedia(bytes: Uint8Array, timescale: number): DescribedMedia | null {
  return unlessMalformed(() => {
    let first: number | null = null
    let ticks = 0
    let isOpen = false
    const boxes = childBoxes(bytes, 0, bytes.length, 'file')
    if ((boxes.at(-1)?.end ?? 0) !== bytes.length) return null
    for (const box of boxes) {
      if (box.type === 'mdat') {
        if (!isOpen) return null
        isOpen = false
      }
      if (box.type !== 'moof') continue
      if (isOpen) return null
      isOpen = true
      const moof = { type: 'moof', bytes: bytes.subarray(box.start, box.end), headerBytes: 0, offset: 0 }
      const noDefaults = () => ({ duration: 0, size: 0, flags: 0, descriptionIndex: 1 })
      for (const run of parseMovieFragment(moof, noDefaults).runs) {
        const base = run.baseDecodeTime
        forEachRunSample(run, ({ duration, cto }) => {
          if (first === null && typeof base === 'number') first = base + cto
          ticks += duration
        })
      }
    }
    if (first === null || isOpen || ticks === 0) return null
    return { startsAtMs: TIMELINE_EPOCH_MS + (first * 1000) / timescale, durationSec: ticks / timescale }
  })
}

function unlessMalformed<T>(work: () => T | null): T | null {
  try {
    return work()
  } catch (error) {
    const { code } = toMirrorError(error)
    if (code.startsWith('ingest_') || error instanceof RangeError) return null
    throw error
  }
}

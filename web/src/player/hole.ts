// A hole in the buffer: media is missing, and what comes after it is there. Players load in order, so nobody fills it any
// more, and the element waits in front of it for ever. Pure.

export interface BufferedRange {
  readonly startSec: number
  readonly endSec: number
}

/** Seen: Chromium stands still up to 75 ms before the end of what is buffered, of which two frames are the decoder's. */
const SPENT_SEC = 0.2
/** Longer holes are not jumped: there the live edge is the better place to go on. */
const HOLE_MAX_SEC = 6
/** Just inside the next range, where both sound and picture are. */
const INSIDE_SEC = 0.01

/** Where a player that stands still at `positionSec` has to go on; null when it does not stand before a hole. */
export function endOfHole(positionSec: number, ranges: readonly BufferedRange[]): number | null {
  const here = ranges.find(({ startSec, endSec }) => startSec <= positionSec && positionSec <= endSec)
  if (here !== undefined && here.endSec - positionSec > SPENT_SEC) return null
  const next = ranges.find(({ startSec }) => startSec > positionSec)
  return next === undefined || next.startSec - positionSec > HOLE_MAX_SEC ? null : next.startSec + INSIDE_SEC
}

export function rangesOf(buffered: TimeRanges): readonly BufferedRange[] {
  return Array.from({ length: buffered.length }, (_, index) => ({
    startSec: buffered.start(index),
    endSec: buffered.end(index),
  }))
}

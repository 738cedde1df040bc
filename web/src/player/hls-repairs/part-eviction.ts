// A part taken for evicted. When old media has been removed from the buffer, what is tracked as loaded but not as buffered
// is forgotten. A part that is being parsed at that moment is such a thing: it "has no media", its segment becomes a gap,
// and playback waits for the next segment. Old media is removed once per segment.
import type { FragmentTracker, TrackedFragment } from './fragment-tracker.ts'

/** Sound and picture of a segment do not begin in the same instant, and playlists round. */
const NEARBY_SEC = 0.1

/** A part on its way into the buffer is not evicted by the removal of other media. */
export function repairEviction(tracker: FragmentTracker): void {
  const detectEvictedFragments = tracker.detectEvictedFragments.bind(tracker)
  tracker.detectEvictedFragments = (type, ranges, playlistType, ...appended) => {
    const { fragments } = tracker
    const onTheirWay = appended.some((one) => one) ? [] : Object.entries(fragments).filter(isOnItsWay)
    for (const [key] of onTheirWay) delete fragments[key]
    detectEvictedFragments(type, ranges, playlistType, ...appended)
    for (const [key, fragment] of onTheirWay) fragments[key] = fragment

    function isOnItsWay([, fragment]: readonly [string, TrackedFragment | undefined]): boolean {
      if (fragment === undefined || fragment.buffered || fragment.loaded !== null) return false
      return fragment.body.type === playlistType && adjoins(ranges, fragment.body.start)
    }
  }
}

/** Whether `atSec` lies in what is buffered, or at its very end. */
function adjoins(ranges: TimeRanges, atSec: number): boolean {
  for (let index = 0; index < ranges.length; index += 1) {
    if (ranges.start(index) <= atSec + NEARBY_SEC && atSec <= ranges.end(index) + NEARBY_SEC) return true
  }
  return false
}

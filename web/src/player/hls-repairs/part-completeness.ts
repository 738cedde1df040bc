// A segment taken for complete. While the last part but one is loaded, the playlist may come to list the last one. What is
// buffered is then compared with the whole segment, with a tolerance of 0.2 s. A last part shorter than that is not missed
// and never loaded, and as the end of the buffer lies in a segment that needs nothing, neither is what follows.
import { type FragmentTracker, ROUNDING_SEC } from './fragment-tracker.ts'

/** A segment of which a part other than the last has been appended is not complete, however little is missing. */
export function repairCompleteness(tracker: FragmentTracker): void {
  const getBufferedTimes = tracker.getBufferedTimes.bind(tracker)
  tracker.getBufferedTimes = (fragment, part, isPartial, ranges) => {
    const isEarlier = part !== null && part.end < fragment.end - ROUNDING_SEC
    return getBufferedTimes(fragment, part, isPartial || isEarlier, ranges)
  }
}

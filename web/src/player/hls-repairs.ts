// Repairs of defects of hls.js 1.7.4 by which it leaves out or puts off a part now and then, so that playback stops. The
// first two need what a viewer has who was moved to an origin that is ahead, is far away or has a busy computer: parts that
// take longer than they last. The third needs a stream that has just begun. `hls-repairs.test.ts` says when a new version
// of hls.js has to be looked at again.
//
// 1. Appends out of order. hls.js queues what it does to each source buffer; a finished append is taken from its queue when
//    `updateend` arrives. To wait for all appends of a fragment it puts blockers into the queues concerned, and then takes
//    the first operation from the queue of *every* buffer that is not updating. Audio that has just been appended and whose
//    `updateend` is still on its way is such a buffer: its next append begins, the late `updateend` is taken for the end of
//    that one, and the one after is refused by the browser because the buffer is busy, and dropped.
// 2. A segment taken for complete. While the last part but one is loaded, the playlist may come to list the last one. What
//    is buffered is then compared with the whole segment, with a tolerance of 0.2 s. A last part shorter than that is not
//    missed and never loaded, and as the end of the buffer lies in a segment that needs nothing, neither is what follows.
// 3. Parts that nobody asks for. hls.js loads parts once as much is buffered as the first listed part and the open segment
//    last together, so that parts do not leave the playlist while they are loaded. Where the playlist has a single short
//    segment, as that of sound in the first seconds of a stream, this is never so: it waits until the open one is whole.
//    It waits so, too, once it has given up on parts because one was not to be had, and whole segments ran out.
// 4. A part taken for evicted. When old media has been removed from the buffer, what is tracked as loaded but not as
//    buffered is forgotten. A part that is being parsed at that moment is such a thing: it "has no media", its segment
//    becomes a gap, and playback waits for the next segment. Old media is removed once per segment.
import type { HlsConfig } from 'hls.js'

type BufferType = 'audio' | 'video' | 'audiovideo'

/** Private methods of `BufferController`. */
interface BufferSteps {
  currentOp(type: BufferType): { readonly label: string } | null
  stepOperationQueue(types: readonly BufferType[]): void
}

interface Spanning {
  readonly end: number
}

interface TrackedFragment {
  readonly body: { readonly type: string; readonly start: number }
  readonly buffered: boolean
  /** Of a segment that was loaded whole. */
  readonly loaded: unknown
}

/** Private members of `FragmentTracker`. */
interface PartTracker {
  readonly fragments: Record<string, TrackedFragment | undefined>
  getBufferedTimes(fragment: Spanning, part: Spanning | null, isPartial: boolean, ranges: TimeRanges): unknown
  /** `appended`: what was appended; absent when media was removed. */
  detectEvictedFragments(type: string, ranges: TimeRanges, playlistType: string, ...appended: readonly unknown[]): void
}

/** What a private method of the stream controllers needs of `LevelDetails`; all in seconds of media time. */
interface PartLists {
  readonly fragmentEnd: number
  readonly partList: readonly { readonly start: number; readonly fragment: { readonly duration: number } }[] | null
}

/** Private members of the stream controllers. */
interface PartLoading {
  readonly playhead: number
  loadingParts: boolean
  shouldLoadParts(details: PartLists | undefined, bufferEndSec: number): boolean
  getNextFragment(bufferEndSec: number, details: PartLists): unknown
}

type BufferController = NonNullable<HlsConfig['bufferController']>

/** Parts and their segment are counted in the same seconds, added up in another order. */
const ROUNDING_SEC = 0.001
/** Sound and picture of a segment do not begin in the same instant, and playlists round. */
const NEARBY_SEC = 0.1

/** The buffer controller to be used instead of `Base`; it is handed the fragment tracker, and repairs that, too. */
export function repairedBufferController(Base: BufferController): BufferController {
  const Steps = Base as unknown as new (hls: unknown, tracker: PartTracker) => BufferSteps
  return class extends Steps {
    constructor(hls: unknown, tracker: PartTracker) {
      super(hls, tracker)
      repairTracker(tracker)
    }

    /** Only a blocker is taken from a queue out of turn; an append always ends with its own `updateend`. */
    override stepOperationQueue(types: readonly BufferType[]): void {
      super.stepOperationQueue(types.filter((type) => isBlocker(this.currentOp(type))))
    }
  } as unknown as BufferController
}

export function repairTracker(tracker: PartTracker): void {
  repairCompleteness(tracker)
  repairEviction(tracker)
}

/** A segment of which a part other than the last has been appended is not complete, however little is missing. */
function repairCompleteness(tracker: PartTracker): void {
  const getBufferedTimes = tracker.getBufferedTimes.bind(tracker)
  tracker.getBufferedTimes = (fragment, part, isPartial, ranges) => {
    const isEarlier = part !== null && part.end < fragment.end - ROUNDING_SEC
    return getBufferedTimes(fragment, part, isPartial || isEarlier, ranges)
  }
}

/** The stream controller, of picture or sound, to be used instead of `Base`. */
export function repairedStreamController<T>(Base: T): T {
  const Loading = Base as unknown as new (hls: unknown, tracker: unknown, keys: unknown) => PartLoading
  return class extends Loading {
    override shouldLoadParts(details: PartLists | undefined, bufferEndSec: number): boolean {
      if (super.shouldLoadParts(details, bufferEndSec)) return true
      return details !== undefined && hasOnlyParts(details, bufferEndSec, this.playhead)
    }

    override getNextFragment(bufferEndSec: number, details: PartLists): unknown {
      if (!this.loadingParts && hasOnlyParts(details, bufferEndSec, this.playhead)) this.loadingParts = true
      return super.getNextFragment(bufferEndSec, details)
    }
  } as unknown as T
}

/** A part on its way into the buffer is not evicted by the removal of other media. */
function repairEviction(tracker: PartTracker): void {
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

/** Whether every whole segment is buffered for a viewer at the live edge: then there is nothing but parts to load. */
function hasOnlyParts({ fragmentEnd, partList }: PartLists, bufferEndSec: number, playheadSec: number): boolean {
  const first = partList?.[0]
  if (first === undefined || playheadSec <= first.start - first.fragment.duration) return false
  return bufferEndSec >= fragmentEnd - ROUNDING_SEC
}

function isBlocker(operation: { readonly label: string } | null): boolean {
  return operation?.label.startsWith('async-blocker') === true
}

// Parts that nobody asks for. hls.js loads parts once as much is buffered as the first listed part and the open segment last
// together, so that parts do not leave the playlist while they are loaded. Where the playlist has a single short segment,
// as that of sound in the first seconds of a stream, this is never so: it waits until the open one is whole. It waits so,
// too, once it has given up on parts because one was not to be had, and whole segments ran out, or a gap was the last one:
// nothing of that will ever be buffered.
import { ROUNDING_SEC } from './fragment-tracker.ts'

/** What a private method of the stream controllers needs of `LevelDetails`; all in seconds of media time. */
interface PartLists {
  readonly fragmentEnd: number
  readonly fragments: readonly { readonly start: number; readonly gap?: boolean }[]
  readonly partList: readonly { readonly start: number; readonly fragment: { readonly duration: number } }[] | null
}

/** Private members of the stream controllers. */
interface PartLoading {
  readonly playhead: number
  loadingParts: boolean
  shouldLoadParts(details: PartLists | undefined, bufferEndSec: number): boolean
  getNextFragment(bufferEndSec: number, details: PartLists): unknown
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

/** Whether every whole segment is buffered for a viewer at the live edge: then there is nothing but parts to load. */
function hasOnlyParts(details: PartLists, bufferEndSec: number, playheadSec: number): boolean {
  const first = details.partList?.[0]
  if (first === undefined || playheadSec <= first.start - first.fragment.duration) return false
  return bufferEndSec >= endOfMedia(details) - ROUNDING_SEC
}

/** Where the last whole segment ends that is no gap. */
function endOfMedia({ fragments, fragmentEnd }: PartLists): number {
  const lastWithMedia = fragments.findLastIndex(({ gap }) => gap !== true)
  return fragments[lastWithMedia + 1]?.start ?? fragmentEnd
}

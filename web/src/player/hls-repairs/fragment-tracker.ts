// Private members of hls.js's `FragmentTracker` that repairs touch; all times in seconds of media time.

export interface Spanning {
  readonly end: number
}

export interface TrackedFragment {
  readonly body: { readonly type: string; readonly start: number }
  readonly buffered: boolean
  /** Of a segment that was loaded whole. */
  readonly loaded: unknown
}

export interface FragmentTracker {
  readonly fragments: Record<string, TrackedFragment | undefined>
  getBufferedTimes(fragment: Spanning, part: Spanning | null, isPartial: boolean, ranges: TimeRanges): unknown
  /** `appended`: what was appended; absent when media was removed. */
  detectEvictedFragments(type: string, ranges: TimeRanges, playlistType: string, ...appended: readonly unknown[]): void
}

/** Parts and their segment are counted in the same seconds, added up in another order. */
export const ROUNDING_SEC = 0.001

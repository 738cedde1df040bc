// The live playlist as a picture of time: what the timeline bar draws.

export interface WindowSegment {
  readonly startMs: number
  readonly endMs: number
  readonly isGap: boolean
  /** True when the media clock changed at the start of this segment. */
  readonly startsDiscontinuity: boolean
}

export interface LiveWindow {
  /** Program date times, milliseconds since 1970. */
  readonly startMs: number
  readonly endMs: number
  readonly segments: readonly WindowSegment[]
  /** Media time of `startMs` on the video element, seconds: what a click is turned into. */
  readonly startSec: number
}

/** The part of hls.js's LevelDetails that is needed, so that tests can write it by hand. */
export interface PlaylistFragments {
  readonly fragments: readonly {
    readonly programDateTime: number | null
    readonly duration: number
    readonly start: number
    readonly cc: number
    readonly gap?: boolean
  }[]
  /** Media time of the end of the newest part, seconds. */
  readonly partEnd: number
}

export function windowOf(details: PlaylistFragments): LiveWindow | null {
  const first = details.fragments[0]
  if (first === undefined || first.programDateTime === null) return null

  const segments: WindowSegment[] = []
  let endMs = first.programDateTime
  let previousCc = first.cc
  for (const fragment of details.fragments) {
    const startMs = fragment.programDateTime ?? endMs
    endMs = startMs + fragment.duration * 1000
    segments.push({ startMs, endMs, isGap: fragment.gap === true, startsDiscontinuity: fragment.cc !== previousCc })
    previousCc = fragment.cc
  }

  // Parts of the segment that is still growing lie behind the last complete one.
  const last = details.fragments.at(-1)
  const growingSec = last === undefined ? 0 : details.partEnd - (last.start + last.duration)
  if (growingSec > 0.001) {
    segments.push({ startMs: endMs, endMs: endMs + growingSec * 1000, isGap: false, startsDiscontinuity: false })
    endMs += growingSec * 1000
  }
  return { startMs: first.programDateTime, endMs, segments, startSec: first.start }
}

/** Media time on the video element for a program date time inside the window. */
export function mediaTimeAt(window: LiveWindow, atMs: number): number {
  const clamped = Math.min(Math.max(atMs, window.startMs), window.endMs)
  return window.startSec + (clamped - window.startMs) / 1000
}

// The live playlist as a picture of time: what the timeline draws, and where a time lies in the media. Pure.

/** A stretch of the playlist with nothing in it that a viewer would notice. */
export interface WindowSpan {
  /** Program date times, milliseconds since 1970. */
  readonly startMs: number
  readonly endMs: number
  /** Media time of `startMs` on the video element, seconds: what a click is turned into. */
  readonly startSec: number
  readonly isGap: boolean
  /** True when the media clock changed here. */
  readonly startsDiscontinuity: boolean
}

export interface LiveWindow {
  readonly startMs: number
  readonly endMs: number
  /** By time; at least one. */
  readonly spans: readonly WindowSpan[]
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

/** A longer playlist is shown as stretches, not segment by segment: four hours would be 7,200. */
const SEGMENTS_SHOWN = 60
/** Wall-clock and media time go their own ways by drift; a span whose ends disagree by more than this is split. */
const STRAY_MS = 100

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

export function windowOf(details: PlaylistFragments): LiveWindow | null {
  const { fragments, partEnd } = details
  const first = fragments[0]
  if (first === undefined || first.programDateTime === null) return null

  const isJoined = fragments.length > SEGMENTS_SHOWN
  const spans: Writable<WindowSpan>[] = []
  let open: Writable<WindowSpan> | undefined
  let endMs = first.programDateTime
  let previousCc = first.cc
  for (const { programDateTime, duration, start, cc, gap } of fragments) {
    const startMs = programDateTime ?? endMs
    const isGap = gap === true
    const startsDiscontinuity = cc !== previousCc
    endMs = startMs + duration * 1000
    previousCc = cc
    if (
      open !== undefined &&
      isJoined &&
      !startsDiscontinuity &&
      open.isGap === isGap &&
      !strays(open, startMs, start)
    ) {
      open.endMs = endMs
      continue
    }
    open = { startMs, endMs, startSec: start, isGap, startsDiscontinuity }
    spans.push(open)
  }

  // Parts of the segment that is still growing lie behind the last complete one.
  const last = fragments.at(-1)
  const growingSec = last === undefined ? 0 : partEnd - (last.start + last.duration)
  if (last !== undefined && growingSec > 0.001) {
    const startSec = last.start + last.duration
    if (open !== undefined && isJoined && !open.isGap) open.endMs = endMs + growingSec * 1000
    else {
      spans.push({
        startMs: endMs,
        endMs: endMs + growingSec * 1000,
        startSec,
        isGap: false,
        startsDiscontinuity: false,
      })
    }
    endMs += growingSec * 1000
  }
  return { startMs: first.programDateTime, endMs, spans }
}

/** Media time on the video element for a program date time; what lies outside lands on the edge. */
export function mediaTimeAt(window: LiveWindow, atMs: number): number {
  const clamped = Math.min(Math.max(atMs, window.startMs), window.endMs)
  const span = window.spans.findLast(({ startMs }) => startMs <= clamped) ?? window.spans[0]
  return span === undefined ? 0 : span.startSec + (Math.min(clamped, span.endMs) - span.startMs) / 1000
}

/** The program date time at a media time; null outside the window. */
export function dateAt({ spans }: LiveWindow, mediaSec: number): number | null {
  const span = spans.findLast(({ startSec }) => startSec <= mediaSec)
  return span === undefined ? null : span.startMs + (mediaSec - span.startSec) * 1000
}

/** The gap that a media time lies in; null: there is media, or nobody knows. */
export function gapAt({ spans }: LiveWindow, mediaSec: number): WindowSpan | null {
  const span = spans.findLast(({ startSec }) => startSec <= mediaSec)
  if (span === undefined || !span.isGap) return null
  return mediaSec < span.startSec + (span.endMs - span.startMs) / 1000 ? span : null
}

/** Where there is media at or after a time; null: nothing but a gap up to the live edge. */
export function playableFrom({ spans, startMs }: LiveWindow, atMs: number): number | null {
  const wantedMs = Math.max(atMs, startMs)
  for (const span of spans) if (!span.isGap && span.endMs > wantedMs) return Math.max(wantedMs, span.startMs)
  return null
}

function strays(span: WindowSpan, startMs: number, startSec: number): boolean {
  return Math.abs(startMs - span.startMs - (startSec - span.startSec) * 1000) > STRAY_MS
}

// Sound is cut into parts of nearly equal length, the longer ones last. Filling each part up would leave a remainder of a
// few frames at the end of every segment: a request for next to nothing, published so soon after the part before it that
// players meet both at once. An hls.js 1.7 that is still loading the one before takes the segment for complete when less
// than 0.2 s are missing, and does not load the rest.
// Pure: origins that see the same first frame of a cell cut alike. Video is cut by its frames and keyframes.

export interface EvenParts {
  readonly startDts: number
  readonly frameTicks: number
  /** The first so many parts have `frames` frames, all others one more. */
  readonly shorter: number
  readonly frames: number
}

/** For a segment of frames of `frameTicks` that start before `endDts`, in parts of at most `targetTicks`. */
export function planEvenParts(startDts: number, endDts: number, frameTicks: number, targetTicks: number): EvenParts {
  const total = Math.max(1, Math.ceil((endDts - startDts) / frameTicks))
  const parts = Math.ceil(total / Math.max(1, Math.floor(targetTicks / frameTicks)))
  const frames = Math.floor(total / parts)
  return { startDts, frameTicks, shorter: parts - (total - frames * parts), frames }
}

/** Where the part ends that begins at `dts` or, after a loss, that `dts` lies in; planned on after the segment's end. */
export function endOfEvenPart({ startDts, frameTicks, shorter, frames }: EvenParts, dts: number): number {
  const at = Math.round((dts - startDts) / frameTicks)
  const inShorter = shorter * frames
  const end = at < inShorter ? nextMultiple(at, frames) : inShorter + nextMultiple(at - inShorter, frames + 1)
  // Half a frame of room: clocks that are kept as they came jitter by a millisecond.
  return startDts + end * frameTicks + Math.floor(frameTicks / 2)
}

function nextMultiple(value: number, step: number): number {
  return (Math.floor(value / step) + 1) * step
}

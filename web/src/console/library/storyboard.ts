// Small pictures of a video on one large one, and where each stands. Pure.

export interface Frame {
  readonly atSec: number
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const CUE = /(\d+):(\d\d):(\d\d\.\d{3}) --> .*\n[^\n]*#xywh=(\d+),(\d+),(\d+),(\d+)/g

/** Of the WebVTT that stands beside the picture. */
export function parseStoryboard(text: string): readonly Frame[] {
  return [...text.matchAll(CUE)].map((cue) => {
    const [hours = 0, minutes = 0, seconds = 0, x = 0, y = 0, width = 0, height = 0] = cue.slice(1).map(Number)
    return { atSec: hours * 3600 + minutes * 60 + seconds, x, y, width, height }
  })
}

/** `count` of them, from the first to the last, with equal steps. */
export function pickFrames(frames: readonly Frame[], count: number): readonly Frame[] {
  if (frames.length <= count) return frames
  return Array.from({ length: count }, (_, at) => frames[Math.round((at * (frames.length - 1)) / (count - 1))]).filter(
    (frame) => frame !== undefined,
  )
}

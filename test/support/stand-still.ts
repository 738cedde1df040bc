// How long a video on a page stands still, measured inside the page by any player's only true clock: `currentTime`.
import type { Page } from 'playwright-core'

/** A span of time in which the picture did not move although nobody had paused it. */
export interface StandStill {
  /** Unix time. */
  readonly atMs: number
  readonly lastedMs: number
  /** Media time it stood at. */
  readonly positionSec: number
  /** `start-end` in media time, seconds. */
  readonly buffered: readonly string[]
}

export interface Movement {
  /** Spans of 100 ms and more, oldest first; one that goes on is the last. */
  readonly standStills: readonly StandStill[]
  /** Media time that passed while the page looked, jumps included. */
  readonly movedSec: number
  /** Jumps forward of more than 100 ms beyond what the clock allows, in seconds. */
  readonly jumpsSec: readonly number[]
  /** Longest time between two looks: how blind the watcher was on a busy machine. */
  readonly blindMs: number
}

/**
 * Looks every 20 ms. What is counted lies between two looks that saw the same `currentTime`, and of two looks that lie far
 * apart no more than `SEEN_MS`: a page that was itself held up by a busy machine cannot make a stand-still out of nothing.
 */
const WATCH = `(() => {
  const LOOK_MS = 20, SEEN_MS = 100, NOTED_MS = 100, MOVED_SEC = 0.001, JUMP_SEC = 0.1
  const video = document.querySelector('video')
  const spans = [], jumps = []
  let since = null, movedSec = 0, blindMs = 0
  let last = { at: performance.now(), position: video.currentTime }
  const bufferedNow = () => Array.from({ length: video.buffered.length }, (_, index) =>
    video.buffered.start(index).toFixed(3) + '-' + video.buffered.end(index).toFixed(3))
  setInterval(() => {
    const at = performance.now(), position = video.currentTime
    blindMs = Math.max(blindMs, at - last.at)
    const step = position - last.position
    if (Math.abs(step) >= MOVED_SEC || video.paused) {
      since = null
      movedSec += step
      if (step > (at - last.at) / 1000 * 1.25 + JUMP_SEC) jumps.push(step)
    } else {
      since ??= { lastedMs: 0, span: null }
      const lastedMs = (since.lastedMs += Math.min(at - last.at, SEEN_MS))
      if (lastedMs >= NOTED_MS) {
        if (since.span === null) {
          since.span = { atMs: Date.now() - lastedMs, lastedMs, positionSec: position, buffered: bufferedNow() }
          spans.push(since.span)
        }
        since.span.lastedMs = lastedMs
      }
    }
    last = { at, position }
  }, LOOK_MS)
  window.__movement = () => ({ standStills: spans, movedSec, jumpsSec: jumps, blindMs })
})()`

/** Begins to watch the only video of the page. */
export async function watchMovement(page: Page): Promise<void> {
  await page.evaluate(WATCH)
}

export async function movementOf(page: Page): Promise<Movement> {
  return await page.evaluate<Movement>('window.__movement()')
}

// Moving about in time, as both pages offer it: what keys and the pointer mean, and what is said of it. Pure.
import type { LiveWindow } from './live-window.ts'

export type Destination = { readonly kind: 'time'; readonly atMs: number } | { readonly kind: 'live' }

const STEP_MS = 5000
const STEP_LARGE_MS = 60_000
const STEP_PAGE_MS = 600_000
/** What the button goes back. */
export const SKIP_BACK_MS = 30_000
/** Shorter than this there is only the live window (30 s, and a segment), and no past to speak of. */
const REWINDABLE_MS = 45_000
/** Nobody aims for exactly the last part: this much of the bar is the live edge. */
const LIVE_SHARE = 0.015
const LIVE_MS_MIN = 3000

export const LIVE: Destination = { kind: 'live' }

/** Whether the playlist reaches back further than the live window. */
export function isRewindable(window: LiveWindow | null): boolean {
  return window !== null && window.endMs - window.startMs >= REWINDABLE_MS
}

/** Null: the key means nothing here. */
export function keyDestination(
  { key, shiftKey }: Pick<KeyboardEvent, 'key' | 'shiftKey'>,
  playingAtMs: number,
  window: LiveWindow,
): Destination | null {
  const stepMs = shiftKey ? STEP_LARGE_MS : STEP_MS
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return destinationAt(window, playingAtMs - stepMs)
    case 'ArrowRight':
    case 'ArrowUp':
      return destinationAt(window, playingAtMs + stepMs)
    case 'PageDown':
      return destinationAt(window, playingAtMs - STEP_PAGE_MS)
    case 'PageUp':
      return destinationAt(window, playingAtMs + STEP_PAGE_MS)
    case 'Home':
      return destinationAt(window, window.startMs)
    case 'End':
      return LIVE
    default:
      return null
  }
}

/** A time on the bar, kept inside the window; its last stretch is live. */
export function destinationAt(window: LiveWindow, atMs: number): Destination {
  const { startMs, endMs } = window
  const liveMs = Math.max(LIVE_MS_MIN, (endMs - startMs) * LIVE_SHARE)
  // A short window has no room for a stretch: only its very end is live.
  const edgeMs = isRewindable(window) ? endMs - Math.min(liveMs, 15_000) : endMs
  return atMs >= edgeMs ? LIVE : { kind: 'time', atMs: Math.max(atMs, startMs) }
}

/** "0:42", "12:03", "1:02:07": how far behind live. */
export function distanceWords(behindSec: number): string {
  const sec = Math.max(0, Math.round(behindSec))
  const hours = Math.floor(sec / 3600)
  const minutes = Math.floor((sec % 3600) / 60)
  const rest = String(sec % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`
}

/** What a screen reader says of the playhead. */
export function playheadWords(clock: string, behindSec: number | null, isLive: boolean): string {
  if (isLive) return `${clock}, live`
  return behindSec === null ? clock : `${clock}, ${spokenDistance(behindSec)} behind live`
}

function spokenDistance(behindSec: number): string {
  const sec = Math.max(0, Math.round(behindSec))
  const parts = [
    [Math.floor(sec / 3600), 'hour'],
    [Math.floor((sec % 3600) / 60), 'minute'],
    [sec % 60, 'second'],
  ] as const
  const said = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`)
  return said.length === 0 ? '0 seconds' : said.join(' ')
}

// A segment of a subtitles playlist: W3C WebVTT, with the header of RFC 8216bis 3.1.4.
import { TIMELINE_EPOCH_MS } from '../timeline/cell.ts'

export interface WrittenCue {
  /** Players know by it that a cue which reaches over segments is one. */
  readonly id: string
  /** Milliseconds since TIMELINE_EPOCH_MS, whole. */
  readonly startMs: number
  readonly endMs: number
  readonly text: string
  readonly settings: string
}

const DAY_MS = 86_400_000
/** Cue times count from a midnight (UTC) at least this long ago, so that no cue on screen begins before it. */
const REACH_MS = 3_600_000
const MPEGTS_MODULUS = 2 ** 33

/**
 * `startMs` is the segment's place on the media timeline. Cue times read as the time of day in UTC; MPEGTS is the media
 * time of our audio and video in ticks of 90 kHz, which wraps as PES timestamps do.
 */
export function writeWebVtt(startMs: number, cues: readonly WrittenCue[]): string {
  const midnightMs = Math.floor((startMs + TIMELINE_EPOCH_MS - REACH_MS) / DAY_MS) * DAY_MS - TIMELINE_EPOCH_MS
  const mpegts = (startMs * 90) % MPEGTS_MODULUS
  const blocks = cues.map(({ id, startMs: fromMs, endMs, text, settings }) => {
    const from = timestamp(Math.max(0, fromMs - midnightMs))
    return `${id}\n${from} --> ${timestamp(endMs - midnightMs)}${settings === '' ? '' : ` ${settings}`}\n${text}\n`
  })
  return [`WEBVTT\nX-TIMESTAMP-MAP=LOCAL:${timestamp(startMs - midnightMs)},MPEGTS:${mpegts}\n`, ...blocks].join('\n')
}

function timestamp(ms: number): string {
  const pad = (value: number, digits: number) => String(Math.floor(value)).padStart(digits, '0')
  return `${pad(ms / 3_600_000, 2)}:${pad((ms / 60_000) % 60, 2)}:${pad((ms / 1000) % 60, 2)}.${pad(ms % 1000, 3)}`
}

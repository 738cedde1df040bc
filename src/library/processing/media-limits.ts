import type { RunLimits } from '../../core/run-limited.ts'
import { PROBE_LIMITS, type ProbeLimits } from './probe-media.ts'

/** What an operator sets. */
export interface MediaLimits {
  /** Longer sound and video is not processed. */
  readonly maxDurationSec: number
  /** For each run of ffmpeg. */
  readonly stepMs: number
}

/** Files have a dozen at most. */
export const MAX_STREAMS = 50
/** 8K; a decoder keeps a dozen pictures. */
const MAX_SIDE = 8_192
const MAX_PIXELS = 8_192 * 4_352
const MEMORY_BYTES = 3 * 2 ** 30
/** Containers, cover pictures and rates that rise above their aim. */
const SLACK_BYTES = 64 * 2 ** 20
const SLACK = 1.5

export function probeLimits({ maxDurationSec }: MediaLimits): ProbeLimits {
  return { ...PROBE_LIMITS, maxStreams: MAX_STREAMS, maxSide: MAX_SIDE, maxPixels: MAX_PIXELS, maxDurationSec }
}

/** Of a run that writes files of at most `bitRate` bit/s. */
export function runLimits(
  { maxDurationSec, stepMs }: MediaLimits,
  bitRate: number,
  durationSec: number | null,
): RunLimits {
  const sec = durationSec ?? maxDurationSec
  const fileBytes = Math.ceil((sec * bitRate * SLACK) / 8) + SLACK_BYTES
  return { memoryBytes: MEMORY_BYTES, fileBytes, wallMs: stepMs, outputBytes: fileBytes }
}

// The peak segment bit rate of a track: RFC 8216bis 4.1.

export interface RatedSegment {
  readonly bits: number
  readonly durationSec: number
}

/**
 * The largest bit rate of any run of neighbouring segments that lasts 0.5 to 1.5 target durations; null when none does.
 * Shorter runs would exaggerate it: a lone keyframe of 40 ms a hundredfold.
 */
export function peakRateBps(segments: readonly RatedSegment[], targetDurationSec: number): number | null {
  let peakBps: number | null = null
  for (let start = 0; start < segments.length; start++) {
    let bits = 0
    let seconds = 0
    for (let index = start; index < segments.length; index++) {
      bits += segments[index]?.bits ?? 0
      seconds += segments[index]?.durationSec ?? 0
      if (seconds > 1.5 * targetDurationSec) break
      if (seconds >= 0.5 * targetDurationSec) peakBps = Math.max(peakBps ?? 0, bits / seconds)
    }
  }
  return peakBps
}

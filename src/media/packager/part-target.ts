// PART-TARGET is advertised once and never changed, so it must suit every frame rate that may come.

/** Common aims and the value that lets 23.976–60 fps video and AAC/Opus audio fill at least 85 % of it (tried). */
const UNIVERSAL_MS: ReadonlyMap<number, number> = new Map([
  [200, 214],
  [250, 256],
  [333, 333],
  [500, 500],
  [1000, 1000],
])

/** RFC 8216bis 4.4.4.9: a part must last at least this share of PART-TARGET (with few exceptions). */
export const PART_FILL_MIN = 0.85

/**
 * The PART-TARGET in milliseconds for an aim of `partMs` and the frame lengths (seconds) of the presentation's tracks:
 * the table where it has the aim, else the smallest value from the aim upwards that whole frames fill to 85 %.
 */
export function advertisedPartTargetMs(partMs: number, frameSecs: readonly number[]): number {
  const longestMs = Math.ceil(Math.max(0, ...frameSecs) * 1000)
  const universal = UNIVERSAL_MS.get(partMs)
  if (universal !== undefined && universal >= longestMs) return universal
  for (let targetMs = Math.max(partMs, longestMs); targetMs < 2 * Math.max(partMs, longestMs); targetMs++) {
    if (frameSecs.every((frameSec) => doesFill(targetMs / 1000, frameSec))) return targetMs
  }
  return Math.max(partMs, longestMs)
}

function doesFill(targetSec: number, frameSec: number): boolean {
  const filled = Math.floor(targetSec / frameSec + 1e-9) * frameSec
  return filled >= targetSec * PART_FILL_MIN
}

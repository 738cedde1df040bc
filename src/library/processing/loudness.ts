/** EBU R 128 (ITU-R BS.1770) over the whole sound. */
export interface Loudness {
  readonly integratedLufs: number
  /** Loudness range in LU. */
  readonly rangeLu: number
  /** Highest sample in dB of full scale. */
  readonly peakDbfs: number | null
}

/** ebur128 says −70 for what lies below its gate: silence. */
const GATE_LUFS = -70

/** The summary that ffmpeg's filter ebur128 writes last; null when there is none, or it says that there was only silence. */
export function parseLoudness(stderr: string): Loudness | null {
  const summary = stderr.slice(Math.max(0, stderr.lastIndexOf('Summary:')))
  const integratedLufs = figure(summary, /\bI:\s+(-?[\d.]+) LUFS/)
  const rangeLu = figure(summary, /\bLRA:\s+(-?[\d.]+) LU\b/)
  if (integratedLufs === null || rangeLu === null || integratedLufs <= GATE_LUFS) return null
  return { integratedLufs, rangeLu, peakDbfs: figure(summary, /\bPeak:\s+(-?[\d.]+) dBFS/) }
}

function figure(text: string, pattern: RegExp): number | null {
  const value = Number(pattern.exec(text)?.[1])
  return Number.isFinite(value) ? value : null
}

// A waveform as a shape: peaks of the API become the outline of one channel. Pure.
import type { WaveformView } from '../../../../src/api/recording-contract.ts'

/** Lowest and highest sample of a column, −1 to 1. */
export interface Column {
  readonly low: number
  readonly high: number
}

/** Loudest becomes the full height, but silence is not blown up to look like speech. */
const MAX_GAIN = 6
/** Silence is a line and no gap. */
const LEAST = 0.012

/** As many columns as asked for, or as there are peaks. */
export function columnsOf(waveform: WaveformView, channel: number, count: number): readonly Column[] {
  const { channels, length, data } = waveform
  const columns = Math.max(1, Math.min(count, length))
  return Array.from({ length: length === 0 ? 0 : columns }, (_, column) => {
    const from = Math.floor((column * length) / columns)
    const to = Math.max(from + 1, Math.floor(((column + 1) * length) / columns))
    let low = 0
    let high = 0
    for (let peak = from; peak < to; peak += 1) {
      const at = (peak * channels + channel) * 2
      low = Math.min(low, data[at] ?? 0)
      high = Math.max(high, data[at + 1] ?? 0)
    }
    return { low: low / 128, high: high / 127 }
  })
}

/** For all channels together, so that a quiet side of a call looks quiet. */
export function gainOf(waveform: WaveformView): number {
  const loudest = waveform.data.reduce((max, sample) => Math.max(max, Math.abs(sample)), 0) / 128
  return loudest === 0 ? 1 : Math.min(MAX_GAIN, 1 / loudest)
}

/** An SVG path in a box as wide as there are columns and two high, around a middle at 0. */
export function outlineOf(columns: readonly Column[], gain: number): string {
  if (columns.length === 0) return ''
  const bar = ({ low, high }: Column, index: number): string => {
    const top = Math.min(1, Math.max(LEAST, high * gain))
    const bottom = Math.max(-1, Math.min(-LEAST, low * gain))
    return `M${index + 0.15} ${(-top).toFixed(3)}h.7V${(-bottom).toFixed(3)}h-.7z`
  }
  return columns.map(bar).join('')
}

/** Where a key leads, in seconds; null: that is none of ours. */
export function seekByKey(key: string, isLarge: boolean, atSec: number, durationSec: number): number | null {
  const to = (sec: number): number => Math.max(0, Math.min(durationSec, sec))
  switch (key) {
    case 'ArrowRight':
    case 'ArrowUp':
      return to(atSec + (isLarge ? 30 : 5))
    case 'ArrowLeft':
    case 'ArrowDown':
      return to(atSec - (isLarge ? 30 : 5))
    case 'PageUp':
      return to(atSec + 30)
    case 'PageDown':
      return to(atSec - 30)
    case 'Home':
      return 0
    case 'End':
      return to(durationSec)
    default:
      return null
  }
}

// Whether two configurations need different initialization segments.
import { isSameRational } from '../../core/rational.ts'
import type { AudioConfig, TrackConfig, VideoConfig } from '../samples.ts'
import { av1SequenceHeaderBytes } from './av1-config.ts'
import { readAvcConfigRecord } from './avc-config.ts'
import { readHevcConfigRecord } from './hevc-config.ts'

/**
 * True when samples of `b` play with the initialization of `a`: equal records, or equal decoded values and the same
 * parameter sets in whatever order. Two records that both look alike but carry other parameter sets differ.
 */
export function isSameConfig(a: TrackConfig, b: TrackConfig): boolean {
  if (a.kind === 'audio') return b.kind === 'audio' && isSameAudio(a, b)
  return b.kind === 'video' && isSameVideo(a, b)
}

export function withoutTrailingZeros(nal: Uint8Array): Uint8Array {
  let end = nal.length
  while (end > 0 && nal[end - 1] === 0) end -= 1
  return end === nal.length ? nal : nal.subarray(0, end)
}

function isSameAudio(a: AudioConfig, b: AudioConfig): boolean {
  return (
    a.codec === b.codec &&
    a.codecString === b.codecString &&
    a.sampleRateHz === b.sampleRateHz &&
    a.channels === b.channels &&
    a.samplesPerFrame === b.samplesPerFrame &&
    a.language === b.language
  )
}

function isSameVideo(a: VideoConfig, b: VideoConfig): boolean {
  if (a.codec !== b.codec) return false
  if (Buffer.compare(a.configRecord, b.configRecord) === 0) return true
  return (
    a.codecString === b.codecString &&
    a.widthPx === b.widthPx &&
    a.heightPx === b.heightPx &&
    isSameRational(a.pixelAspect, b.pixelAspect) &&
    isSameRational(a.frameRate, b.frameRate) &&
    isSameSets(decoderInput(a), decoderInput(b))
  )
}

/** What the decoder is fed with out of the record; null when the record cannot be read. */
function decoderInput(config: VideoConfig): readonly Uint8Array[] | null {
  try {
    switch (config.codec) {
      case 'h264': {
        const { lengthSize, sps, pps } = readAvcConfigRecord(config.configRecord)
        return [Uint8Array.of(lengthSize), ...sps, ...pps]
      }
      case 'hevc': {
        const { lengthSize, vps, sps, pps } = readHevcConfigRecord(config.configRecord)
        return [Uint8Array.of(lengthSize), ...vps, ...sps, ...pps]
      }
      case 'av1': {
        const sequence = av1SequenceHeaderBytes(config.configRecord)
        return sequence === null ? null : [sequence]
      }
      default:
        return config.codec satisfies never
    }
  } catch {
    return null
  }
}

function isSameSets(a: readonly Uint8Array[] | null, b: readonly Uint8Array[] | null): boolean {
  if (a === null || b === null) return false
  return sortedText(a) === sortedText(b)
}

function sortedText(sets: readonly Uint8Array[]): string {
  return [...new Set(sets.map((set) => Buffer.from(withoutTrailingZeros(set)).toString('hex')))].sort().join(' ')
}

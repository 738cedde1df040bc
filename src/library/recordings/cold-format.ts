// As what the sound of a recording is kept once it grows cold: decided here, done by compress-recording.ts. Pure.
import type { RecordingRow } from './recording.ts'

/** `original`: as it was sent. */
export type ColdFormat = 'original' | 'flac' | 'opus'

export interface Compression {
  /** Short name of what holds the sound, and the end of its file's name. */
  readonly format: 'flac' | 'ogg'
  readonly codec: 'flac' | 'opus'
  readonly contentType: string
  /** Every sample comes back as it was. */
  readonly isLossless: boolean
  /** What ffmpeg is told for the output, without its file. */
  readonly args: readonly string[]
}

/** What FLAC takes as it is. What telephones send in 8 bits (A-law, µ-law) would grow. */
const WHOLE_SAMPLES: ReadonlySet<string> = new Set(['pcm_s16le', 'pcm_s24le'])
/** Rates of libopus; others are brought to the highest. */
const OPUS_RATES: ReadonlySet<number> = new Set([8000, 12_000, 16_000, 24_000, 48_000])
/** Speech is transparent from about 24 kbit/s a channel on (RFC 6716 2.1.1 names 16 to 20 for wideband). */
const OPUS_BIT_RATE = 32_000
/** FLAC takes no more (RFC 9639 8.2); Opus knows two without a mapping. */
const MAX_CHANNELS = { flac: 8, opus: 2 } as const

/** Null: its bytes stay as they are, because that is wished, it is compressed already, or its sound does not fit. */
export function compressionFor(
  { format, codec, channels, sampleRateHz, original }: RecordingRow,
  wish: ColdFormat,
): Compression | null {
  if (wish === 'original' || original !== null || format !== 'wav') return null
  if (codec === null || channels === null || sampleRateHz === null || channels > MAX_CHANNELS[wish]) return null
  const common = ['-map', '0:a:0', '-vn', '-map_metadata', '-1']
  if (wish === 'flac') {
    if (!WHOLE_SAMPLES.has(codec)) return null
    const args = [...common, '-c:a', 'flac', '-compression_level', '8', '-f', 'flac']
    return { format: 'flac', codec: 'flac', contentType: 'audio/flac', isLossless: true, args }
  }
  if (!codec.startsWith('pcm_')) return null
  const rate = OPUS_RATES.has(sampleRateHz) ? [] : ['-ar', '48000']
  const bitRate = String(channels * OPUS_BIT_RATE)
  const args = [...common, ...rate, '-c:a', 'libopus', '-application', 'voip', '-b:a', bitRate, '-f', 'ogg']
  return { format: 'ogg', codec: 'opus', contentType: 'audio/ogg', isLossless: false, args }
}

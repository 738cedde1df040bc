// Which sound files are made of a sound. Pure.
import type { AudioStream } from './media-facts.ts'

export interface SoundPlan {
  readonly extension: string
  readonly contentType: string
  readonly bitRate: number
  /** What ffmpeg is told for the output, without its file. */
  readonly args: readonly string[]
}

/** AAC takes no more; Opus is always 48 kHz. */
const MAX_RATE_HZ = 48_000

/** `name`: `m4a` or `opus`. More than two channels are mixed down. */
export function planSound(name: 'm4a' | 'opus', stream: AudioStream): SoundPlan {
  const channels = Math.min(Math.max(1, stream.channels), 2)
  const common = ['-map', `0:${stream.index}`, '-vn', '-sn', '-dn', '-map_chapters', '-1', '-ac', String(channels)]
  if (name === 'opus') {
    const bitRate = channels * 48_000
    const args = [...common, '-c:a', 'libopus', '-b:a', String(bitRate), '-f', 'ogg']
    return { extension: 'opus', contentType: 'audio/ogg', bitRate, args }
  }
  const bitRate = channels * 80_000
  const args = [...common, ...aacArgs(stream, bitRate), '-movflags', '+faststart', '-f', 'ipod']
  return { extension: 'm4a', contentType: 'audio/mp4', bitRate, args }
}

/** AAC-LC at the rate of the source, as far as there is such a rate. */
export function aacArgs({ sampleRateHz }: AudioStream, bitRate: number): readonly string[] {
  const rate = sampleRateHz > MAX_RATE_HZ || sampleRateHz < 8_000 ? ['-ar', String(MAX_RATE_HZ)] : []
  return ['-c:a', 'aac', '-b:a', String(bitRate), ...rate]
}

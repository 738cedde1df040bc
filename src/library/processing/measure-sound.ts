// Waveform and loudness of a sound, in one pass of ffmpeg that hands out samples at a low rate.
import { MirrorError } from '../../core/errors.ts'
import { type LimitedHost, type RunLimits, runLimited } from '../../core/run-limited.ts'
import { type Loudness, parseLoudness } from './loudness.ts'
import type { AudioStream } from './media-facts.ts'
import { contentError, inputArgs, type MediaInput, pipedInput, watchInput } from './media-input.ts'
import { PeakCollector, type SoundPeaks } from './sound-peaks.ts'

/** Enough for an outline: what lies above 4 kHz changes it little. */
const SAMPLE_RATE_HZ = 8_000
/** A call has a channel for each side; of more than two a mix is shown. */
const MAX_CHANNELS = 2
const MAX_PEAKS = 4_000
const MAX_STREAMS = 100

export const SOUND_LIMITS: RunLimits = {
  memoryBytes: 512 * 2 ** 20,
  fileBytes: 0,
  cpuSec: 1_800,
  wallMs: 3_600_000,
  // Two channels for 48 hours, and some.
  outputBytes: 6 * 2 ** 30,
}

export interface SoundHost extends LimitedHost {
  readonly ffmpegPath: string
  readonly limits?: RunLimits
  /** Told how much has been decoded. */
  readonly onSec?: (sec: number) => void
}

export interface MeasuredSound {
  readonly peaks: SoundPeaks
  /** Null when it is silent, or too short to be measured. */
  readonly loudness: Loudness | null
  /** What could be decoded, which is not what the file says of itself when it was cut off. */
  readonly durationSec: number
}

/**
 * Of one audio stream: the first of a file may be one that nobody can decode. Rejects as `probeMedia` does; a file that breaks off in the middle is
 * measured to there.
 */
export async function measureSound(
  input: MediaInput,
  { index, channels }: Pick<AudioStream, 'index' | 'channels'>,
  host: SoundHost,
  signal: AbortSignal,
): Promise<MeasuredSound> {
  const kept = Math.min(Math.max(1, channels), MAX_CHANNELS)
  const collector = new PeakCollector({ channels: kept, maxPeaks: MAX_PEAKS })
  const watched = watchInput(input)
  const bytesPerSec = kept * 2 * SAMPLE_RATE_HZ
  let sizeBytes = 0
  const { code, stderrTail } = await runLimited(
    {
      program: [host.ffmpegPath, ...soundArgs(input, index, kept)],
      limits: host.limits ?? SOUND_LIMITS,
      onOutput: (chunk) => {
        sizeBytes += chunk.length
        collector.add(chunk)
        host.onSec?.(sizeBytes / bytesPerSec)
      },
      ...pipedInput(watched),
    },
    host,
    signal,
  )
  if (code !== 0) throw await contentError(stderrTail, watched, MAX_STREAMS)
  if (sizeBytes === 0) throw new MirrorError('content_damaged', 'It has no sound that can be decoded')
  return {
    peaks: collector.peaks(SAMPLE_RATE_HZ),
    loudness: parseLoudness(stderrTail),
    durationSec: sizeBytes / bytesPerSec,
  }
}

function soundArgs(input: MediaInput, index: number, channels: number): string[] {
  // The summary of ebur128 is said at level info, its running figures one level below.
  const quiet = ['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'info']
  const filter = `ebur128=framelog=verbose:peak=sample,aresample=${SAMPLE_RATE_HZ}`
  return [
    ...quiet,
    ...['-threads', '1', ...inputArgs(input, MAX_STREAMS)],
    ...['-map', `0:${index}`, '-filter_threads', '1', '-af', filter],
    ...['-ac', String(channels), '-c:a', 'pcm_s16le', '-f', 's16le', '-flush_packets', '0', 'pipe:1'],
  ]
}

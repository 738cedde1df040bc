// Asks ffprobe what a file is.
import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MirrorError } from '../../core/errors.ts'
import { type LimitedHost, type RunLimits, runLimited } from '../../core/run-limited.ts'
import { type MediaFacts, parseProbe } from './media-facts.ts'
import { contentError, inputArgs, type MediaInput, pipedInput, watchInput } from './media-input.ts'

export interface ProbeLimits extends RunLimits {
  readonly maxStreams: number
  readonly maxDurationSec: number
  /** The longest side of a picture, and how many pixels it may have. */
  readonly maxSide: number
  readonly maxPixels: number
}

export const PROBE_LIMITS: ProbeLimits = {
  memoryBytes: 512 * 2 ** 20,
  fileBytes: 0,
  cpuSec: 30,
  wallMs: 60_000,
  outputBytes: 4 * 2 ** 20,
  maxStreams: 100,
  maxDurationSec: 48 * 3600,
  maxSide: 16_384,
  maxPixels: 100_000_000,
}

export interface ProbeHost extends LimitedHost {
  /** ffmpeg's sister: `ffprobePathOf(config.ffmpeg.path)`. */
  readonly ffprobePath: string
  readonly limits?: ProbeLimits
}

/** ffprobe lies beside the ffmpeg that was configured. */
export function ffprobePathOf(ffmpegPath: string): string {
  const name = basename(ffmpegPath).replace(/^ffmpeg/, 'ffprobe')
  return ffmpegPath.includes('/') ? join(dirname(ffmpegPath), name) : name
}

/**
 * Rejects with `content_unsupported` (no audio or video that is known), `content_damaged` (it was one), `content_too_large`
 * (streams, time, pixels), or as `runLimited` does. Nothing but the input is read, and no network.
 */
export async function probeMedia(input: MediaInput, host: ProbeHost, signal: AbortSignal): Promise<MediaFacts> {
  if (input.kind === 'file') await refuseEmpty(input.path)
  const limits = host.limits ?? PROBE_LIMITS
  const show = ['-show_format', '-show_streams', '-print_format', 'json=compact=1']
  const chunks: Uint8Array[] = []
  const watched = watchInput(input)
  const { code, stderrTail } = await runLimited(
    {
      program: [host.ffprobePath, '-v', 'error', '-hide_banner', ...show, ...inputArgs(input, limits.maxStreams)],
      limits,
      onOutput: (chunk) => chunks.push(chunk),
      ...pipedInput(watched),
    },
    host,
    signal,
  )
  if (code !== 0) throw await contentError(stderrTail, watched, limits.maxStreams)
  const facts = parseProbe(Buffer.concat(chunks).toString('utf8'))
  if (facts === null) throw new MirrorError('content_unsupported', 'ffprobe did not say what it is')
  refuseExcess(facts, limits)
  return facts
}

async function refuseEmpty(path: string): Promise<void> {
  const { size } = await stat(path)
  if (size === 0) throw new MirrorError('content_damaged', 'The file is empty')
}

function refuseExcess({ streams, durationSec }: MediaFacts, limits: ProbeLimits): void {
  const { maxStreams, maxDurationSec, maxSide, maxPixels } = limits
  const media = streams.filter(({ kind }) => kind === 'audio' || kind === 'video')
  if (media.length === 0) throw new MirrorError('content_unsupported', 'It has neither audio nor video')
  if (media.every(({ codec }) => codec === 'unknown')) {
    throw new MirrorError('content_unsupported', 'Neither its audio nor its video can be decoded')
  }
  if (streams.length > maxStreams) throw tooLarge(`It has more than ${maxStreams} streams`, { maxStreams })
  if (durationSec !== null && durationSec > maxDurationSec) {
    throw tooLarge(`It lasts longer than ${maxDurationSec / 3600} hours`, { maxDurationSec })
  }
  for (const stream of streams) {
    if (stream.kind !== 'video') continue
    const { width, height } = stream
    if (Math.max(width, height) > maxSide || width * height > maxPixels) {
      throw tooLarge(`Its pictures of ${width}×${height} pixels are too large`, { maxSide, maxPixels })
    }
  }
}

function tooLarge(message: string, details: Readonly<Record<string, number>>): MirrorError {
  return new MirrorError('content_too_large', message, { details })
}

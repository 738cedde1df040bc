// One run of ffmpeg over a file of a stranger, from its beginning to its end, telling how far it is.
import { MirrorError } from '../../core/errors.ts'
import { type LimitedHost, type RunLimits, runLimited } from '../../core/run-limited.ts'
import { contentError, inputArgs, type MediaInput, pipedInput, watchInput } from './media-input.ts'

export interface FfmpegHost extends LimitedHost {
  readonly ffmpegPath: string
  /** Of decoders and encoders. */
  readonly threads: number
}

export interface FfmpegRun {
  readonly input: MediaInput
  readonly maxStreams: number
  /** In front of the input: where to begin, what to leave out. */
  readonly inputOptions?: readonly string[]
  /** Behind the input, with the files that are written. */
  readonly outputs: readonly string[]
  readonly limits: RunLimits
  /** Told about every second how much has been written. */
  readonly onSec?: (sec: number) => void
  /** Takes what is written to `pipe:1`; then nothing is told to `onSec`. */
  readonly onOutput?: (chunk: Uint8Array) => Promise<void>
}

/** Gives how many seconds were written, null: ffmpeg did not say. Rejects as `probeMedia` does, and with `ffmpeg_missing` for a filter. */
export async function runFfmpeg(
  { input, maxStreams, inputOptions = [], outputs, limits, onSec, onOutput }: FfmpegRun,
  host: FfmpegHost,
  signal: AbortSignal,
): Promise<number | null> {
  const watched = watchInput(input)
  const progress = new ProgressReader(onSec ?? (() => {}))
  const threads = ['-threads', String(host.threads)]
  const { code, stderrTail } = await runLimited(
    {
      program: [
        ...[host.ffmpegPath, '-nostdin', '-hide_banner', '-y', '-loglevel', 'error'],
        ...['-nostats', ...(onOutput === undefined ? ['-progress', 'pipe:1', '-stats_period', '1'] : [])],
        ...['-filter_threads', '1', '-filter_complex_threads', '1'],
        ...[...threads, ...inputOptions, ...inputArgs(input, maxStreams), ...outputs],
      ],
      limits,
      onOutput: onOutput ?? ((chunk) => progress.add(chunk)),
      ...pipedInput(watched),
    },
    host,
    signal,
  )
  if (code !== 0 && /No space left on device/.test(stderrTail)) {
    throw new MirrorError(
      'scratch_full',
      'The disk is full (ffmpeg could not write all); it goes on by itself when there is room',
    )
  }
  const [, filter] = /No such filter: '(\w+)'/.exec(stderrTail) ?? []
  if (code !== 0 && filter !== undefined) throw new MirrorError('ffmpeg_missing', `this ffmpeg has no filter ${filter}`)
  if (code !== 0) throw await contentError(stderrTail, watched, maxStreams)
  return progress.sec
}

/** Reads what `-progress` writes: lines `name=value`. */
export class ProgressReader {
  readonly #onSec: (sec: number) => void
  #rest = ''
  #sec: number | null = null

  constructor(onSec: (sec: number) => void) {
    this.#onSec = onSec
  }

  /** Null: it has not been said. */
  get sec(): number | null {
    return this.#sec
  }

  add(chunk: Uint8Array): void {
    const lines = `${this.#rest}${Buffer.from(chunk).toString('latin1')}`.split('\n')
    this.#rest = (lines.pop() ?? '').slice(-1000)
    for (const line of lines) {
      // It says N/A, or the smallest number that there is, before anything is written.
      const micros = Number(/^out_time_us=(\d+)$/.exec(line)?.[1])
      if (!Number.isFinite(micros)) continue
      this.#sec = micros / 1_000_000
      this.#onSec(this.#sec)
    }
  }
}

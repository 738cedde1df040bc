// Real encoders: ffmpeg children that publish generated pictures and tones.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { StreamView } from '../../src/api/stream-contract.ts'

export interface PictureOptions {
  readonly seconds: number
  readonly size?: string
  readonly rate?: string
  /** Frames between keyframes; omitted: the encoder's default (x264: 250). */
  readonly gop?: number
  readonly codec?: 'libx264' | 'libx265'
  readonly video?: boolean
  readonly audio?: boolean
  readonly bFrames?: boolean
}

/** ffmpeg arguments up to the output format: moving picture, tone, real time. */
export function pictureArgs(options: PictureOptions): string[] {
  const { seconds, size = '640x360', rate = '30', codec = 'libx264', video = true, audio = true } = options
  const args = ['-hide_banner', '-loglevel', 'warning', '-nostdin']
  if (video) args.push('-re', '-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}`)
  if (audio) args.push('-re', '-f', 'lavfi', '-i', 'sine=f=440:r=48000')
  if (video) {
    args.push('-c:v', codec, '-preset', 'ultrafast', '-pix_fmt', 'yuv420p')
    if (codec === 'libx265')
      args.push(
        '-x265-params',
        `log-level=error${options.gop === undefined ? '' : `:keyint=${options.gop}:min-keyint=${options.gop}`}`,
      )
    else if (options.gop !== undefined)
      args.push('-g', String(options.gop), '-keyint_min', String(options.gop), '-sc_threshold', '0')
    if (options.bFrames) args.push('-bf', '2')
  }
  if (audio) args.push('-c:a', 'aac', '-b:a', '96k')
  args.push('-t', String(seconds))
  return args
}

export const CMAF_OUTPUT = [
  '-movflags',
  '+cmaf+frag_keyframe+empty_moov+default_base_moof+delay_moov',
  '-frag_duration',
  '200000',
  '-flush_packets',
  '1',
  '-f',
  'mp4',
] as const

/** Where to publish by SRT. libsrt itself gives up on a handshake after 3 s, which a busy machine may stand still for. */
export function patientSrt(stream: StreamView): string {
  return `${stream.ingest?.srt ?? ''}&connect_timeout=20000`
}

export class Encoder implements AsyncDisposable {
  readonly child: ChildProcess
  stderr = ''

  constructor(args: readonly string[]) {
    this.child = spawn('ffmpeg', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString('utf8')).slice(-100_000)
    })
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** Resolves to the exit code. */
  async exited(): Promise<number | null> {
    if (this.isRunning) await once(this.child, 'exit')
    return this.child.exitCode
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return
    const exited = once(this.child, 'exit')
    this.child.kill(signal)
    await exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
  }
}

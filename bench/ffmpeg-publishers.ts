// Encoders for RTMP and SRT: ffmpeg children that loop the source in real time without encoding.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { BenchProtocol } from './options.ts'
import { cpuSec } from './process-usage.ts'

const OUTPUTS: Readonly<Record<Exclude<BenchProtocol, 'cmaf'>, readonly string[]>> = {
  rtmp: ['-flvflags', 'no_duration_filesize', '-f', 'flv'],
  srt: ['-f', 'mpegts'],
}

export class FfmpegPublishers implements AsyncDisposable {
  readonly #children: ChildProcess[] = []
  readonly #failures: string[] = []
  #isStopped = false

  constructor(file: string, protocol: 'rtmp' | 'srt', urls: readonly string[]) {
    for (const url of urls) {
      const args = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', file]
      const child = spawn('ffmpeg', [...args, '-c', 'copy', ...OUTPUTS[protocol], url], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let stderr = ''
      child.stderr?.on('data', (chunk: Buffer) => {
        stderr = (stderr + chunk.toString('utf8')).slice(-500)
      })
      child.once('error', (error) => this.#failures.push(error.message))
      child.once('exit', (code) => {
        if (!this.#isStopped) this.#failures.push(`ffmpeg ended (${code}): ${stderr.trim()}`)
      })
      this.#children.push(child)
    }
  }

  get failures(): readonly string[] {
    return this.#failures
  }

  get cpuSec(): number {
    return this.#children.reduce((sum, { pid }) => sum + (pid === undefined ? 0 : cpuSec(pid)), 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
        const exited = once(child, 'exit')
        child.kill('SIGKILL')
        await exited
      }),
    )
  }
}

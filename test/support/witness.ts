// A healthy stream beside the bad ones: whatever happens to its neighbours, it must not notice.
import { expect } from 'vitest'
import { CMAF_OUTPUT, Encoder, pictureArgs } from './encoder.ts'
import { mediaPlaylist } from './hls.ts'
import type { MirrorProcess } from './mirror-process.ts'

const PICTURE = { size: '160x90', rate: '30', gop: 15 } as const

export class Witness implements AsyncDisposable {
  readonly #mirror: MirrorProcess
  readonly #encoder: Encoder
  readonly #id: string
  readonly #pid: number

  private constructor(mirror: MirrorProcess, encoder: Encoder, id: string) {
    this.#mirror = mirror
    this.#encoder = encoder
    this.#id = id
    this.#pid = mirror.pid
  }

  /** Resolves when the stream is live and has its first complete segments. */
  static async start(mirror: MirrorProcess, protocol: 'rtmp' | 'srt' | 'cmaf', id = 'witness'): Promise<Witness> {
    const stream = await mirror.createStream(id, { segmentMs: 500, partMs: 100 })
    const output = {
      rtmp: ['-f', 'flv', stream.ingest?.rtmp ?? ''],
      srt: ['-f', 'mpegts', stream.ingest?.srt ?? ''],
      cmaf: [...CMAF_OUTPUT, stream.ingest?.cmaf ?? ''],
    }[protocol]
    const encoder = new Encoder([...pictureArgs({ seconds: 600, ...PICTURE }), ...output])
    const witness = new Witness(mirror, encoder, id)
    try {
      await mirror.waitForStatus(id, 'live')
      await expect.poll(async () => await witness.#newestSegment(), { timeout: 5000 }).toBeGreaterThan(0)
    } catch (error) {
      await encoder.stop('SIGKILL')
      throw error
    }
    return witness
  }

  /** Media goes on, nothing was dropped or repaired, nothing began anew, and the process is the one that it was. */
  async expectUnharmed(): Promise<void> {
    const before = await this.#newestSegment()
    await expect.poll(async () => await this.#newestSegment(), { timeout: 4000, interval: 100 }).toBeGreaterThan(before)
    const { status, live } = await this.#mirror.stream(this.#id)
    expect({ status, drops: live.drops, discontinuities: live.discontinuitySequence }).toEqual({
      status: 'live',
      drops: {},
      discontinuities: 0,
    })
    expect(this.#encoder.isRunning).toBe(true)
    expect(this.#mirror.pid).toBe(this.#pid)
    expect(this.#mirror.output).not.toContain('worker_restarted')
    expect(this.#mirror.output).not.toMatch(/"code":"internal"/)
  }

  async #newestSegment(): Promise<number> {
    const playlist = await mediaPlaylist(`${this.#mirror.mediaUrl}/stream/${this.#id}/v0/playlist.m3u8`)
    expect(playlist.segments.filter((segment) => segment.gap)).toEqual([])
    return playlist.segments.findLast((segment) => segment.uri !== '')?.mediaSequenceNumber ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#encoder[Symbol.asyncDispose]()
  }
}

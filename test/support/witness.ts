// A healthy stream beside the bad ones: whatever happens to its neighbours, it must not notice.
import { setTimeout as delay } from 'node:timers/promises'
import { expect, vi } from 'vitest'
import { CMAF_OUTPUT, Encoder, patientSrt, pictureArgs } from './encoder.ts'
import { mediaPlaylist } from './hls.ts'
import type { MirrorProcess } from './mirror-process.ts'
import { Patience } from './patience.ts'

/** Eight segments' time. */
const SEGMENT_WITHIN_MS = 4000
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
    const stream = await mirror.createStream(id, { segment: '500ms', part: '100ms' })
    const output = {
      rtmp: ['-f', 'flv', stream.ingest?.rtmp ?? ''],
      srt: ['-f', 'mpegts', patientSrt(stream)],
      cmaf: [...CMAF_OUTPUT, stream.ingest?.cmaf ?? ''],
    }[protocol]
    const encoder = new Encoder([...pictureArgs({ seconds: 600, ...PICTURE }), ...output])
    const witness = new Witness(mirror, encoder, id)
    try {
      await mirror.waitForStatus(id, 'live')
      await vi.waitFor(async () => expect(await witness.#newestSegment()).toBeGreaterThan(0), { timeout: 15_000 })
    } catch (error) {
      await encoder.stop('SIGKILL')
      throw error
    }
    return witness
  }

  /** Media goes on, nothing was dropped or repaired, nothing began anew, and the process is the one that it was. */
  async expectUnharmed(): Promise<void> {
    const before = await this.#newestSegment()
    const patience = new Patience(SEGMENT_WITHIN_MS)
    while ((await this.#newestSegment()) <= before && !patience.isOver) await delay(50)
    const { status, live } = await this.#mirror.stream(this.#id)
    const facts = {
      status,
      isAdvancing: (await this.#newestSegment()) > before,
      drops: live.drops,
      discontinuities: live.discontinuitySequence,
      isEncoding: this.#encoder.isRunning,
      pid: this.#mirror.pid,
    }
    expect(facts, await this.#story()).toEqual({
      status: 'live',
      isAdvancing: true,
      drops: {},
      discontinuities: 0,
      isEncoding: true,
      pid: this.#pid,
    })
    expect(this.#mirror.output).not.toMatch(/"code":"(?:internal|worker_restarted)"/)
  }

  /** For the message of a failure. */
  async #story(): Promise<string> {
    const events = (await this.#mirror.events(this.#id)).map((event) => `${event.at} ${event.type} ${event.message}`)
    return ['what happened to the healthy stream:', ...events, this.#encoder.stderr].join('\n')
  }

  async #newestSegment(): Promise<number> {
    const playlist = await mediaPlaylist(`${this.#mirror.mediaUrl}/stream/${this.#id}/v0/playlist.m3u8`)
    const gaps = playlist.segments.filter((segment) => segment.gap).map((segment) => segment.mediaSequenceNumber)
    if (gaps.length > 0) expect(gaps, await this.#story()).toEqual([])
    return playlist.segments.findLast((segment) => segment.uri !== '')?.mediaSequenceNumber ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#encoder[Symbol.asyncDispose]()
  }
}

// Reads one file of an asset as fragmented MP4 and hands its samples to tracks of the presentation, whose time begins
// with the first picture.
import { Fmp4Demuxer } from '../../media/fmp4/demuxer.ts'
import type { InputSample, InputTrack } from '../../media/samples.ts'
import type { VodTrack } from './vod-track.ts'

/** Samples that wait for the first picture; fragments of a second have a few dozen. */
const MAX_WAITING = 2000

export class VodSource {
  readonly #demuxer: Fmp4Demuxer
  readonly #open: (track: InputTrack) => VodTrack | null
  readonly #tracks = new Map<string, { readonly input: InputTrack; readonly output: VodTrack | null }>()
  #waiting: InputSample[] = []
  #hasVideo = false
  /** Where in the time of the file the presentation begins, in seconds; null: not known yet. */
  #beginSec: number | null = null
  /** How much later than it is decoded the first picture is shown. */
  #delaySec = 0

  /** `open`: the track that takes its samples; null: they are left. Called once for each. */
  constructor(open: (track: InputTrack) => VodTrack | null) {
    this.#open = open
    this.#demuxer = new Fmp4Demuxer({
      onTrack: (track) => {
        if (!this.#tracks.has(track.id)) this.#tracks.set(track.id, { input: track, output: this.#open(track) })
      },
      onTracksKnown: (ids) => {
        this.#hasVideo = ids.some((id) => id.startsWith('v'))
      },
      onSample: (sample) => this.#onSample(sample),
      onRepair: () => {},
    })
  }

  get delaySec(): number {
    return this.#delaySec
  }

  /** Throws what the demuxer throws. */
  async push(bytes: Uint8Array): Promise<void> {
    this.#demuxer.push(bytes)
    for (const { output } of this.#tracks.values()) await output?.flush()
  }

  end(): void {
    this.#demuxer.end()
    if (this.#beginSec === null) this.#begin(0)
  }

  #onSample(sample: InputSample): void {
    if (this.#beginSec !== null) return this.#deliver(sample, this.#beginSec)
    this.#waiting.push(sample)
    const track = this.#tracks.get(sample.trackId)?.input
    if (track === undefined) return
    if (track.config.kind === 'video') {
      this.#delaySec = sample.cto / track.clock.ticksPerSec
      this.#begin(sample.dts / track.clock.ticksPerSec)
    } else if (!this.#hasVideo || this.#waiting.length >= MAX_WAITING) {
      this.#begin((this.#waiting[0] ?? sample).dts / track.clock.ticksPerSec)
    }
  }

  #begin(sec: number): void {
    this.#beginSec = sec
    for (const sample of this.#waiting.splice(0)) this.#deliver(sample, sec)
  }

  #deliver({ trackId, ...sample }: InputSample, beginSec: number): void {
    const track = this.#tracks.get(trackId)
    if (track === undefined || track.output === null) return
    const dts = sample.dts - Math.round(beginSec * track.input.clock.ticksPerSec)
    // What an encoder of sound puts in front, to warm up.
    if (dts < 0) return
    track.output.push({ ...sample, dts })
  }
}

// A stream's slate: asked for when the stream's tracks are known, shown while nothing else comes, frame by frame.
import { isMirrorError, toMirrorError } from '../../core/errors.ts'
import type { Rational } from '../../core/rational.ts'
import type { TrackConfig } from '../../media/samples.ts'
import type { RegisteredStream, SlateStatus } from '../control.ts'
import { gopFramesOf, type SlateProfile, type SlateSource, type SlateTrack, slateKey } from '../slate/slate-profile.ts'
import type { ArrivedSample } from './gathering.ts'
import { SlateLoop } from './slate-loop.ts'
import type { StreamEmit } from './stream-events.ts'

/** Frames are handed over so much before their time: a tick later they would be late. */
const AHEAD_SEC = 0.2

/** What the control plane is asked for. */
export interface SlateWish {
  readonly streamId: string
  readonly key: string
  readonly source: SlateSource
  readonly profile: SlateProfile
}

/** Its answer: bytes, or why there are none. */
export interface SlateAnswer {
  readonly streamId: string
  readonly key: string
  readonly bytes: Uint8Array | null
  readonly problem: string | null
}

export interface SlateOptions {
  readonly stream: () => RegisteredStream
  readonly now: () => number
  readonly emit: StreamEmit
  readonly ask: (wish: SlateWish) => void
}

export class Slate {
  readonly #options: SlateOptions
  #wish: SlateWish | null = null
  #loop: SlateLoop | null = null
  #problem: string | null = null
  /** Up to where its frames were handed over, seconds since 1970; null: it is not on air. */
  #shownUntilSec: number | null = null

  constructor(options: SlateOptions) {
    this.#options = options
  }

  get isOnAir(): boolean {
    return this.#shownUntilSec !== null
  }

  /** Null while none is ready. */
  get loop(): SlateLoop | null {
    return this.#options.stream().settings.slate === null ? null : this.#loop
  }

  status(): SlateStatus | null {
    if (this.#options.stream().settings.slate === null) return null
    const state = this.isOnAir
      ? 'on_air'
      : this.#loop !== null
        ? 'ready'
        : this.#problem !== null
          ? 'failed'
          : this.#wish === null
            ? 'waiting'
            : 'preparing'
    return { state, error: this.#problem }
  }

  /** The tracks of the encoder are known, or the slate was changed. */
  prepareFor(tracks: readonly { readonly id: string; readonly config: TrackConfig }[], rates: RateOf, cell: Rational) {
    const { slate: source } = this.#options.stream().settings
    const profile = profileOf(tracks, rates, cell)
    if (source === null || profile.length === 0) return
    const key = slateKey(source, profile)
    if (this.#wish?.key === key && this.#problem === null) return
    this.#wish = { streamId: this.#options.stream().id, key, source, profile }
    this.#loop = null
    this.#problem = null
    this.#options.ask(this.#wish)
  }

  onAnswer({ key, bytes, problem }: SlateAnswer): void {
    if (this.#wish?.key !== key) return
    try {
      if (bytes !== null) this.#loop = new SlateLoop(bytes, this.#wish.profile)
      this.#problem = problem
    } catch (error) {
      if (!isMirrorError(error)) throw error
      this.#problem = toMirrorError(error).message
    }
    if (this.#problem === null) return
    const message = `The slate could not be prepared, so silence is bridged with gaps: ${this.#problem}`
    this.#options.emit('stream.warning', 'warning', 'slate_failed', message, {})
  }

  /** Goes on air with what should have been seen since `fromSec`. */
  begin(fromSec: number): readonly ArrivedSample[] {
    this.#shownUntilSec = fromSec
    return this.due()
  }

  /** Frames whose time has come since the last call, none from `endSec` on. */
  due(endSec = Number.POSITIVE_INFINITY): readonly ArrivedSample[] {
    return this.through(Math.min(endSec, this.#reachSec()))
  }

  /** Everything before `endSec` was handed over, or can be now. */
  reaches(endSec: number): boolean {
    return this.#reachSec() >= endSec
  }

  /** Frames up to `untilSec` that were not handed over yet. */
  through(untilSec: number): readonly ArrivedSample[] {
    const fromSec = this.#shownUntilSec
    if (fromSec === null || this.#loop === null || untilSec <= fromSec) return []
    this.#shownUntilSec = untilSec
    const arrivedAtMs = this.#options.now()
    return this.#loop.samplesBetween(fromSec, untilSec).map((sample) => ({ sample, arrivedAtMs }))
  }

  end(): void {
    this.#shownUntilSec = null
  }

  #reachSec(): number {
    return this.#options.now() / 1000 + AHEAD_SEC
  }
}

export type RateOf = (trackId: string) => Rational | null

/** Tracks without a frame rate get no pictures: nothing could put them on the grid. */
function profileOf(
  tracks: readonly { readonly id: string; readonly config: TrackConfig }[],
  rateOf: RateOf,
  cell: Rational,
): SlateProfile {
  const wanted = tracks.flatMap(({ id, config }): SlateTrack[] => {
    if (config.kind === 'audio') {
      const { kind, codec, sampleRateHz, channels, language } = config
      return [{ kind, id, codec, sampleRateHz, channels, language }]
    }
    const frameRate = rateOf(id)
    // One picture is what ffmpeg makes; further angles go on with gaps.
    if (frameRate === null || id !== 'v0') return []
    const { kind, codec, widthPx, heightPx, pixelAspect } = config
    return [{ kind, id, codec, widthPx, heightPx, pixelAspect, frameRate, gopFrames: gopFramesOf(frameRate, cell) }]
  })
  const hasPicture = tracks.some(({ config }) => config.kind === 'video')
  // Audio ids must be those that a demuxer gives: a0, a1, … without holes.
  const audio = wanted
    .filter(({ kind }) => kind === 'audio')
    .toSorted((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)))
  const isOrdered = audio.every(({ id }, index) => id === `a${index}`)
  if (!isOrdered || (hasPicture && !wanted.some(({ kind }) => kind === 'video'))) return []
  return [...wanted.filter(({ kind }) => kind === 'video'), ...audio]
}

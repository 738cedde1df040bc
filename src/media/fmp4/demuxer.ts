// Fragmented MP4 and CMAF in, samples out: any interleaving of `moof` + `mdat` of one or several tracks after one `moov`.
//
// Edit lists. ffmpeg writes a simple one with `delay_moov`, for B-frames and for audio priming, and A/V alignment depends
// on it. Its start offset (presentation minus media time) moves the decode times of the track; composition offsets stay
// as they are, so that they do not become negative where the encoder took care that they were not: readers built on
// ffmpeg show a track with negative offsets later than the others. Video may therefore begin a few frames before 0.
// Audio that would begin before 0 is priming and is dropped.
import { MirrorError, toMirrorError } from '../../core/errors.ts'
import { type Rational, rational } from '../../core/rational.ts'
import { stripTemporalDelimiters } from '../codecs/av1-config.ts'
import { opusPacketSamples } from '../codecs/opus-config.ts'
import { isSameConfig } from '../codecs/same-config.ts'
import type { Demuxer, DemuxSink, RepairCause, TrackConfig } from '../samples.ts'
import { cuesOf } from '../text/sample-cues.ts'
import { BoxFramer, type FramedBox } from './box-framer.ts'
import { malformed } from './boxes.ts'
import { InBandTrack } from './in-band-track.ts'
import { type Movie, type MovieText, type MovieTrack, parseMovie } from './movie.ts'
import {
  forEachRunSample,
  isEmptyRun,
  type MovieFragment,
  parseMovieFragment,
  type RunSample,
  type TrackRun,
} from './movie-fragment.ts'

/** Sample is no sync sample: ISO/IEC 14496-12 8.8.3.1. */
const NON_SYNC = 0x1_0000

interface TextState {
  readonly track: MovieText
  nextDts: number
}

interface TrackState {
  readonly track: MovieTrack
  /** Present when samples need more than to be passed on. */
  readonly inBand: InBandTrack | null
  /** What the container or the samples say now; null until a parameter set has come. */
  config: TrackConfig | null
  /** The `config` that the sink was told last; null before the first time. */
  announced: TrackConfig | null
  /** Media decode time behind the newest sample, for fragments without `tfdt`. */
  nextDts: number
}

export class Fmp4Demuxer implements Demuxer {
  readonly #sink: DemuxSink
  readonly #framer: BoxFramer
  /** By track_ID of the container. */
  #states = new Map<number, TrackState>()
  #texts = new Map<number, TextState>()
  #movie: Movie | null = null
  #movieBytes: Uint8Array | null = null
  /** Samples in front of the first fragment that were neither delivered nor reported yet. */
  #unfragmentedSamples = 0
  /** A `moof` that waits for its `mdat`. */
  #pending: MovieFragment | null = null
  #failure: MirrorError | null = null

  constructor(sink: DemuxSink, options: { readonly maxBoxBytes?: number } = {}) {
    this.#sink = sink
    this.#framer = new BoxFramer(options)
  }

  push(bytes: Uint8Array): void {
    this.#run(() => {
      for (const box of this.#framer.push(bytes)) this.#onBox(box)
    })
  }

  end(): void {
    this.#run(() => {
      this.#framer.end()
      if (this.#pending !== null && this.#pending.sampleCount > 0) {
        throw new MirrorError('ingest_truncated', 'the input ended between "moof" and its "mdat"')
      }
    })
  }

  /** After a failure the position in the stream is unknown, so every later call fails in the same way. */
  #run(step: () => void): void {
    if (this.#failure !== null) throw this.#failure
    try {
      step()
    } catch (error) {
      this.#failure = toMirrorError(error)
      throw this.#failure
    }
  }

  #onBox(box: FramedBox): void {
    switch (box.type) {
      case 'moov':
        this.#onMovie(box)
        break
      case 'moof':
        this.#onMovieFragment(box)
        break
      case 'mdat':
        this.#onMediaData(box)
        break
      default: // ftyp, styp, sidx, prft, emsg, free, skip, mfra, uuid and the like carry no samples
    }
  }

  #onMovie(box: FramedBox): void {
    if (this.#movieBytes !== null && Buffer.compare(this.#movieBytes, box.bytes) === 0) return // sent again after a reconnect
    const isFirst = this.#movie === null
    const movie = parseMovie(box.bytes, box.headerBytes)
    const states = new Map<number, TrackState>()
    for (const track of movie.tracks) {
      const before = [...this.#states.values()].find((state) => state.track.id === track.id)
      const state = newState(track, before)
      states.set(track.containerId, state)
      if (state.announced !== state.config && isFinal(state.config)) this.#announce(state, null, null)
    }
    this.#movie = movie
    this.#movieBytes = box.bytes.slice()
    this.#states = states
    this.#texts = this.#textsOf(movie)
    this.#pending = null
    this.#unfragmentedSamples = movie.unfragmentedSamples
    for (const name of movie.unsupported)
      this.#repair('track_unsupported', null, 1, `${name} is not supported and left out`)
    if (isFirst && movie.tracks.length > 0) this.#sink.onTracksKnown(movie.tracks.map((track) => track.id))
  }

  #textsOf({ texts }: Movie): Map<number, TextState> {
    const states = new Map<number, TextState>()
    for (const track of texts) {
      const before = [...this.#texts.values()].find((state) => state.track.id === track.id)
      states.set(track.containerId, { track, nextDts: before?.nextDts ?? 0 })
      const { id, language, role } = track
      this.#sink.onTextTrack?.({ id, language, role, isTimed: true })
    }
    return states
  }

  #onMovieFragment(box: FramedBox): void {
    if (this.#movie === null) {
      throw new MirrorError('ingest_init_missing', 'a fragment ("moof") came before the movie header ("moov")')
    }
    if (this.#pending !== null && this.#pending.sampleCount > 0)
      throw malformed('two "moof" without "mdat" between them')
    const fragment = parseMovieFragment(
      box,
      (id) => (this.#states.get(id) ?? this.#texts.get(id))?.track.defaults ?? null,
    )
    if (fragment.sampleCount === 0) this.#repair('corrupt_sample', null, 1, 'a fragment without samples')
    this.#pending = fragment
  }

  #onMediaData(box: FramedBox): void {
    if (this.#movie === null) {
      throw new MirrorError(
        'ingest_type_unsupported',
        'media came before its description: this is no fragmented MP4; with ffmpeg add -movflags +cmaf',
      )
    }
    const fragment = this.#pending
    this.#pending = null
    if (fragment !== null) {
      this.#deliver(fragment, box)
    } else if (this.#unfragmentedSamples > 0) {
      const detail = 'samples in front of the first fragment; with ffmpeg add -movflags +empty_moov'
      this.#repair('sample_dropped', null, this.#unfragmentedSamples, detail)
      this.#unfragmentedSamples = 0
    } else if (box.bytes.length > box.headerBytes) {
      this.#repair('corrupt_sample', null, 1, 'media data that belongs to no fragment')
    }
  }

  #deliver(fragment: MovieFragment, mdat: FramedBox): void {
    // Stream position behind the preceding run's data, and the position the current traf counts from.
    let cursor = mdat.offset + mdat.headerBytes
    let base = cursor
    for (const run of fragment.runs) {
      if (run.baseDecodeTime !== undefined) base = run.base ?? cursor
      const start = run.dataOffset === null ? cursor : base + run.dataOffset
      cursor = this.#deliverRun(run, mdat, start - mdat.offset) + mdat.offset
    }
  }

  /** `start` is an offset into `mdat.bytes`; returns the offset behind the run's data. */
  #deliverRun(run: TrackRun, mdat: FramedBox, start: number): number {
    const text = this.#texts.get(run.containerId)
    if (text !== undefined) return this.#deliverText(text, run, mdat, start)
    const state = this.#states.get(run.containerId) ?? null
    if (state !== null && run.sampleCount > 0 && run.defaults.descriptionIndex > 1) {
      throw new MirrorError('ingest_type_unsupported', `track ${state.track.id} changes its sample description`)
    }
    if (state !== null && typeof run.baseDecodeTime === 'number') state.nextDts = run.baseDecodeTime
    if (run.sampleCount === 0) {
      this.#repair('corrupt_sample', state?.track.id ?? null, 1, 'a track run without samples')
      return start
    }
    if (isEmptyRun(run)) {
      // Counted at once: a few bytes may claim thousands of such samples.
      this.#repair('corrupt_sample', state?.track.id ?? null, run.sampleCount, 'samples without bytes')
      if (state !== null) state.nextDts += run.sampleCount * run.defaults.duration
      return start
    }

    let at = start
    let emptySamples = 0
    forEachRunSample(run, (sample) => {
      const from = at
      at += sample.size
      if (sample.size > 0 && (from < mdat.headerBytes || at > mdat.bytes.length)) {
        throw malformed(`a sample of ${sample.size} bytes lies outside its "mdat" of ${mdat.bytes.length} bytes`)
      }
      if (state === null) return // a track that is left out
      if (!Number.isSafeInteger(state.nextDts)) throw malformed('a decode time is beyond 2^53')
      if (sample.size === 0) emptySamples++
      else this.#deliverSample(state, sample, mdat.bytes.subarray(from, at))
      state.nextDts += sample.duration
    })
    if (emptySamples > 0) this.#repair('corrupt_sample', state?.track.id ?? null, emptySamples, 'samples without bytes')
    return at
  }

  /** As `#deliverRun`. A text sample may be empty: that is silence. */
  #deliverText(state: TextState, run: TrackRun, mdat: FramedBox, start: number): number {
    const { id, format, timescale, editShift } = state.track
    if (typeof run.baseDecodeTime === 'number') state.nextDts = run.baseDecodeTime
    let at = start
    forEachRunSample(run, (sample) => {
      const from = at
      at += sample.size
      if (sample.size > 0 && (from < mdat.headerBytes || at > mdat.bytes.length)) {
        throw malformed(`a sample of ${sample.size} bytes lies outside its "mdat" of ${mdat.bytes.length} bytes`)
      }
      const shiftSec = (editShift + sample.cto) / timescale
      const startSec = state.nextDts / timescale + shiftSec
      state.nextDts += sample.duration
      const endSec = state.nextDts / timescale + shiftSec
      const cues = cuesOf(format, mdat.bytes.subarray(from, at), { startSec, endSec, shiftSec })
      if (cues === null) this.#repair('corrupt_sample', id, 1, 'a subtitle that cannot be read')
      this.#sink.onText?.({ trackId: id, cues: cues ?? [], coveredSec: endSec })
    })
    return at
  }

  #deliverSample(state: TrackState, sample: RunSample, raw: Uint8Array): void {
    const { id, kind, entry, editShift } = state.track
    const dts = state.nextDts + editShift
    if (kind === 'audio' && dts < 0 && editShift < 0) return // priming

    let data = raw
    if (state.inBand !== null) {
      data = state.inBand.unpack(raw)
      state.config = state.inBand.config
      if (state.config === null) {
        this.#repair('sample_dropped', id, 1, 'a sample before the first parameter sets')
        return
      }
    } else if (entry.codec === 'av1') {
      data = stripTemporalDelimiters(raw)
    }
    if (data.length === 0) {
      this.#repair('corrupt_sample', id, 1, 'a sample without a picture')
      return
    }

    const duration = sample.duration === 0 ? null : sample.duration
    if (state.announced !== state.config) this.#announce(state, duration, data)
    const isKeyframe = kind === 'audio' || (sample.flags & NON_SYNC) === 0
    this.#sink.onSample({ trackId: id, dts, cto: sample.cto, duration, isKeyframe, data })
  }

  /** What only samples tell is taken from the first one. */
  #announce(state: TrackState, duration: number | null, data: Uint8Array | null): void {
    const { id, timescale, role } = state.track
    if (state.config === null) return
    state.announced = state.config
    let config = state.config
    if (config.kind === 'video' && config.frameRate === null && duration !== null) {
      config = { ...config, frameRate: frameRateOf(timescale, duration) }
    } else if (config.codec === 'opus' && data !== null) {
      config = { ...config, samplesPerFrame: opusPacketSamples(data) ?? config.samplesPerFrame }
    }
    const clock = { kind: 'media', ticksPerSec: timescale, wrapBits: null } as const
    this.#sink.onTrack({ id, clock, config, ...(role === null ? {} : { role }) })
  }

  #repair(cause: RepairCause, trackId: string | null, count: number, detail: string): void {
    this.#sink.onRepair({ cause, trackId, count, detail })
  }
}

/** `before` is the state of the same track under the previous `moov`. */
function newState(track: MovieTrack, before: TrackState | undefined): TrackState {
  const { entry } = track
  const nextDts = before?.nextDts ?? 0
  if (before !== undefined && isSameTrack(before.track, track)) return { ...before, track, nextDts }
  const { codec, config, nalLengthBytes } = entry
  const videoConfig = config?.kind === 'video' ? config : null
  const isUnpacking = (codec === 'h264' || codec === 'hevc') && (entry.hasInBandParameterSets || nalLengthBytes !== 4)
  const inBand = isUnpacking ? new InBandTrack(codec, nalLengthBytes, videoConfig) : null
  // The collected parameter sets hold their own copy of the configuration, which changes only with them.
  return { track, inBand, config: inBand === null ? config : inBand.config, announced: null, nextDts }
}

function isSameTrack(a: MovieTrack, b: MovieTrack): boolean {
  if (a.timescale !== b.timescale || a.entry.fourCc !== b.entry.fourCc) return false
  if (a.entry.nalLengthBytes !== b.entry.nalLengthBytes) return false
  if (a.entry.config === null || b.entry.config === null) return a.entry.config === b.entry.config
  return isSameConfig(a.entry.config, b.entry.config)
}

/** True when no sample can add to it, so that the track can be announced before its first sample. */
function isFinal(config: TrackConfig | null): boolean {
  return config !== null && (config.kind === 'video' ? config.frameRate !== null : config.codec !== 'opus')
}

/** Only a rate that is whole, or whole / 1.001, is taken from one duration: anything else is a clock of milliseconds. */
function frameRateOf(timescale: number, duration: number): Rational | null {
  const isWhole = timescale % duration === 0 || (timescale * 1001) % (duration * 1000) === 0
  return isWhole ? rational(timescale, duration) : null
}

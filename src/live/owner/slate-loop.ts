// A prepared slate as an endless input: every frame's place in the loop follows from its time since 1970 alone, so that
// two origins show the same bytes. Pure.
import { MirrorError } from '../../core/errors.ts'
import { scaleCeil, toNumber } from '../../core/rational.ts'
import { Fmp4Demuxer } from '../../media/fmp4/demuxer.ts'
import type { InputSample, InputTrack } from '../../media/samples.ts'
import { TIMELINE_EPOCH_SEC } from '../../media/timeline/cell.ts'
import { videoTimescale } from '../../media/timeline/frame-grid.ts'
import type { SlateProfile, SlateTrack } from '../slate/slate-profile.ts'
import type { DeclaredTracks } from './stream-sessions.ts'

const MAX_BOX_BYTES = 64 * 1024 * 1024

interface LoopTrack {
  readonly input: InputTrack
  readonly samples: readonly InputSample[]
  /** Length of a frame in ticks of the input's clock. */
  readonly frameTicks: number
}

export class SlateLoop {
  readonly declared: DeclaredTracks
  readonly sizeBytes: number
  readonly #tracks: readonly LoopTrack[]
  /** Of the pictures; sound is cut or begins again with them. Without pictures that of the sound. */
  readonly #loopSec: number

  /** Throws MirrorError `slate_unreadable` when `bytes` are not what the profile asks for. */
  constructor(bytes: Uint8Array, profile: SlateProfile) {
    const found = demux(bytes)
    this.#tracks = profile.map((wanted) => loopTrack(wanted, found))
    this.sizeBytes = bytes.length
    this.declared = {
      tracks: this.#tracks.map(({ input }) => input),
      textTracks: [],
      expectedTracks: this.#tracks.map(({ input }) => input.id),
    }
    const first = this.#tracks[0]
    if (first === undefined) throw new MirrorError('slate_unreadable', 'a slate without tracks')
    this.#loopSec = (first.samples.length * first.frameTicks) / first.input.clock.ticksPerSec
  }

  /** Every frame whose time lies in [fromSec, untilSec), seconds since 1970, in order of time. */
  samplesBetween(fromSec: number, untilSec: number): readonly InputSample[] {
    const timed = this.#tracks.flatMap((track) => {
      const { ticksPerSec } = track.input.clock
      const perSec = ticksPerSec / track.frameTicks
      const from = Math.ceil((fromSec - TIMELINE_EPOCH_SEC) * perSec - 1e-6)
      const until = Math.ceil((untilSec - TIMELINE_EPOCH_SEC) * perSec - 1e-6)
      return Array.from({ length: Math.max(0, until - from) }, (_, index) => {
        const atSec = (from + index) / perSec
        return { atSec, sample: this.#sampleAt(track, from + index, atSec) }
      })
    })
    return timed.toSorted((a, b) => a.atSec - b.atSec).map(({ sample }) => sample)
  }

  #sampleAt({ input, samples, frameTicks }: LoopTrack, frame: number, atSec: number): InputSample {
    const { ticksPerSec } = input.clock
    const perSec = ticksPerSec / frameTicks
    const index =
      input.config.kind === 'video'
        ? frame % samples.length
        : Math.min(Math.floor((atSec % this.#loopSec) * perSec + 1e-6), samples.length - 1)
    const sample = samples[index]
    if (sample === undefined) throw new Error('a loop has no holes')
    const dts = TIMELINE_EPOCH_SEC * ticksPerSec + frame * frameTicks
    return { ...sample, trackId: input.id, dts, cto: 0, duration: frameTicks }
  }
}

function loopTrack(wanted: SlateTrack, found: readonly LoopTrack[]): LoopTrack {
  const track = found.find(({ input }) => input.id === wanted.id)
  const config = track?.input.config
  if (track === undefined || config === undefined || track.samples.length === 0 || config.codec !== wanted.codec) {
    throw new MirrorError('slate_unreadable', `what was prepared has no ${wanted.codec} track ${wanted.id}`)
  }
  if (wanted.kind === 'video' && config.kind === 'video') {
    const { timescale, frameTicks } = videoTimescale(wanted.frameRate)
    // A frame rate beyond the usual may have no whole number of ticks; then the nearest clock that has.
    const ticks = frameTicks ?? scaleCeil(1, timescale, Math.round(toNumber(wanted.frameRate)))
    const input = clocked(wanted.id, { ...config, frameRate: wanted.frameRate }, timescale)
    return { input, samples: track.samples, frameTicks: ticks }
  }
  if (wanted.kind === 'audio' && config.kind === 'audio') {
    const input = clocked(wanted.id, { ...config, language: wanted.language }, config.sampleRateHz)
    return { input, samples: track.samples, frameTicks: config.samplesPerFrame }
  }
  throw new MirrorError('slate_unreadable', `track ${wanted.id} is no ${wanted.kind}`)
}

function clocked(id: string, config: InputTrack['config'], ticksPerSec: number): InputTrack {
  return { id, clock: { kind: 'media', ticksPerSec, wrapBits: null }, config }
}

function demux(bytes: Uint8Array): readonly LoopTrack[] {
  const tracks = new Map<string, { input: InputTrack; samples: InputSample[]; frameTicks: number }>()
  const demuxer = new Fmp4Demuxer(
    {
      onTrack: (input) => void tracks.set(input.id, { input, samples: [], frameTicks: 0 }),
      onTracksKnown: () => {},
      onSample: (sample) => void tracks.get(sample.trackId)?.samples.push(sample),
      onRepair: () => {},
    },
    { maxBoxBytes: MAX_BOX_BYTES },
  )
  demuxer.push(bytes)
  demuxer.end()
  return [...tracks.values()]
}

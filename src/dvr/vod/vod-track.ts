// One track of video or sound of an asset, cut into segments as a live track is: by the same packager, on the same grid,
// whose first cell begins with the asset. A segment is one fragment: nobody waits for parts of what is there already.
import type { Rational } from '../../core/rational.ts'
import type { RenditionLabel } from '../../hls/rendition.ts'
import { type Fragment, fragmentSize, writeFragmentInto } from '../../media/fmp4/fragment.ts'
import { initHash, writeInitSegment } from '../../media/fmp4/init-segment.ts'
import { type PackagedSample, TrackPackager } from '../../media/packager/track-packager.ts'
import type { InputSample, InputTrack, TrackConfig } from '../../media/samples.ts'
import { cellGrid, targetDurationSec, ticksToEpochMs } from '../../media/timeline/cell.ts'
import type { TrackPath } from '../../storage/keys.ts'
import type { InitSegment } from '../spool/journal.ts'
import type { SealedPack } from '../spool/spool.ts'
import type { TrackFacts } from '../track-facts.ts'
import { PackFiles } from './pack-files.ts'

interface OpenSegment {
  readonly msn: number
  readonly startsAtMs: number
  readonly samples: PackagedSample[]
}

interface ClosedSegment extends OpenSegment {
  readonly durationSec: number
}

export interface VodTrackOptions {
  readonly path: TrackPath
  readonly track: Pick<InputTrack, 'clock' | 'config'>
  readonly label: RenditionLabel
  readonly cell: Rational
  /** For its packs until they are stored. */
  readonly folder: string
}

export class VodTrack implements AsyncDisposable {
  readonly #options: VodTrackOptions
  readonly #timescale: number
  readonly #init: InitSegment
  readonly #packager: TrackPackager
  readonly #files: PackFiles
  readonly #closed: ClosedSegment[] = []
  #open: OpenSegment | null = null

  constructor(options: VodTrackOptions) {
    const { path, track, cell, folder } = options
    this.#options = options
    this.#timescale = track.clock.ticksPerSec
    const bytes = writeInitSegment({ config: track.config, timescale: this.#timescale })
    this.#init = { name: `init-${initHash(bytes)}.mp4`, bytes }
    this.#files = new PackFiles(path, folder)
    const grid = cellGrid(cell, this.#timescale)
    const { kind } = track.config
    // A part never ends before its segment.
    const partTargetTicks = 2 * grid.startOf(1)
    this.#packager = new TrackPackager(
      { trackId: path.trackId, kind, grid, partTargetTicks, firstCell: 0, gop: 'fixed' },
      {
        onSegmentStart: ({ msn, startPts }) => {
          this.#open = { msn, startsAtMs: ticksToEpochMs(startPts, this.#timescale), samples: [] }
        },
        onPart: ({ samples }) => this.#open?.samples.push(...samples),
        onSegmentEnd: ({ startDts, endDts }) => {
          if (this.#open !== null)
            this.#closed.push({ ...this.#open, durationSec: (endDts - startDts) / this.#timescale })
          this.#open = null
        },
        // A number that is missing becomes a gap when the playlist is written.
        onGap: () => {},
        onRepair: () => {},
      },
    )
  }

  get path(): TrackPath {
    return this.#options.path
  }

  get init(): InitSegment {
    return this.#init
  }

  get facts(): TrackFacts {
    const { track, cell, label } = this.#options
    return factsOf(track.config, cell, label)
  }

  /** `dts` counts from the beginning of the asset. */
  push({ dts, cto, duration, isKeyframe, data }: Omit<InputSample, 'trackId'>): void {
    this.#packager.push({ dts, cto, duration, isKeyframe, data, arrivedAtMs: 0 })
  }

  /** Writes the segments that are complete. */
  async flush(): Promise<void> {
    const { kind } = this.#options.track.config
    for (const { msn, startsAtMs, durationSec, samples } of this.#closed.splice(0)) {
      const baseDecodeTime = samples[0]?.dts ?? 0
      const fragment: Fragment = { kind, sequenceNumber: msn + 1, baseDecodeTime, samples }
      const bytes = Buffer.allocUnsafe(fragmentSize(fragment))
      writeFragmentInto(fragment, bytes, 0)
      await this.#files.add({ msn, startsAtMs, durationSec, initName: this.#init.name }, bytes, this.facts)
    }
  }

  async end(): Promise<readonly SealedPack[]> {
    this.#packager.close()
    await this.flush()
    return await this.#files.seal(this.facts, this.#init)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]()
  }
}

function factsOf(config: TrackConfig, cell: Rational, label: RenditionLabel): TrackFacts {
  const common = { cell, targetDurationSec: targetDurationSec(cell, 'fixed'), hasIndependentSegments: true }
  const { codecString: codecs } = config
  if (config.kind === 'audio') {
    return { kind: 'audio', ...common, codecs, codec: config.codec, channels: config.channels, ...label }
  }
  const { widthPx, heightPx, frameRate } = config
  return { kind: 'video', ...common, codecs, widthPx, heightPx, frameRate }
}

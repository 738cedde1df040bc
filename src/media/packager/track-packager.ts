// Cuts one track's samples into parts and segments on the cell grid. What comes out depends only on (cells, samples):
// no wall clock, no counters from start-up. Rules: docs/decisions/timeline.md, "Cells" and "Parts".
import type { Repair, RepairCause } from '../samples.ts'
import type { CellGrid } from '../timeline/cell.ts'
import type { TimedSample } from '../timeline/timing.ts'
import { PART_FILL_MIN } from './part-target.ts'

/** A sample whose length is settled. */
export interface PackagedSample extends TimedSample {
  readonly duration: number
}

export interface PackagedPart {
  readonly msn: number
  /** Position in its segment, from 0. */
  readonly index: number
  readonly startDts: number
  /** Where the next part will start if nothing is lost, or so little that it still fits into that part. */
  readonly endDts: number
  /** Contains a keyframe (video) or is audio. */
  readonly isIndependent: boolean
  /** At least one. The first may begin after `startDts`, where something is missing. */
  readonly samples: readonly PackagedSample[]
}

export interface PackagerSink {
  /** `startPts` is what PROGRAM-DATE-TIME tells. */
  onSegmentStart(segment: {
    readonly msn: number
    readonly startDts: number
    readonly startPts: number
    readonly isIndependent: boolean
  }): void
  onPart(part: PackagedPart): void
  /** From `startDts` to `endDts` is what EXTINF tells: parts with a hole between them are shorter together. */
  onSegmentEnd(segment: { readonly msn: number; readonly startDts: number; readonly endDts: number }): void
  /** A cell without media: one EXT-X-GAP segment. */
  onGap(gap: { readonly msn: number; readonly startDts: number; readonly endDts: number }): void
  onRepair(repair: Repair): void
}

export interface PackagerOptions {
  readonly trackId: string
  readonly kind: 'video' | 'audio'
  readonly grid: CellGrid
  /** In ticks; a part never lasts longer (unless a single sample does). */
  readonly partTargetTicks: number
  /** No segment below this cell: those belong to an earlier session or to origins that saw the cell from its start. */
  readonly firstCell: number
  readonly gop: 'auto' | 'fixed'
}

interface OpenPart {
  readonly index: number
  readonly startDts: number
  readonly samples: PackagedSample[]
  endDts: number
}

export class TrackPackager {
  readonly #options: PackagerOptions
  readonly #sink: PackagerSink
  /** Cell of the newest segment or gap; the next one is this plus 1. */
  #lastMsn: number
  /** Where the newest segment or gap ends. */
  #endDts: number
  #isOpen = false
  #segmentStartDts = 0
  #part: OpenPart | null = null
  #nextIndex = 0
  /** A sample that waits for its successor to learn its length. */
  #held: TimedSample | null = null
  #lastDuration: number | null = null
  /** Decode time of the newest sample taken in. */
  #lastDts = Number.NEGATIVE_INFINITY
  /** Where the newest part of the open segment ends, and where the newest frame of any part starts. */
  #publishedDts = Number.NEGATIVE_INFINITY
  #appendedDts = Number.NEGATIVE_INFINITY
  /** How long the last frame of the newest part was said to last. */
  #promisedTicks = 0
  /** Where the newest frame ends, whether it was published or left to others; null at the start and after a gap. */
  #joinDts: number | null = null

  constructor(options: PackagerOptions, sink: PackagerSink) {
    this.#options = options
    this.#sink = sink
    this.#lastMsn = options.firstCell - 1
    this.#endDts = options.grid.startOf(options.firstCell)
  }

  /** Cell of the newest segment or gap, open or closed. */
  get lastMsn(): number {
    return this.#lastMsn
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Where the newest segment starts, open or closed; before the first one 0. */
  get segmentStartDts(): number {
    return this.#segmentStartDts
  }

  /** Decode time up to which media has been taken in. */
  get endDts(): number {
    return this.#endDts
  }

  push(sample: TimedSample): void {
    const held = this.#held
    this.#held = null
    if (held !== null) this.#take({ ...held, duration: Math.max(1, sample.dts - held.dts) })
    if (sample.duration === null) this.#held = sample
    else this.#take(sample as PackagedSample)
  }

  /** Ends the open segment where its media ends. */
  close(): void {
    const held = this.#held
    this.#held = null
    if (held !== null)
      this.#take({ ...held, duration: this.#lastDuration ?? Math.round(this.#options.grid.timescale / 30) })
    if (this.#isOpen) this.#endSegment()
  }

  /** Closes what is open and fills every cell through `msn` with a gap, the last one up to `untilDts` at most. */
  fillGapsThrough(msn: number, untilDts = Number.POSITIVE_INFINITY): void {
    if (this.#lastMsn >= msn && !this.#isOpen) return
    this.close()
    while (this.#lastMsn < msn - 1) this.#gap(this.#lastMsn + 1)
    if (this.#lastMsn < msn) this.#gap(msn, untilDts)
  }

  #take(sample: PackagedSample): void {
    this.#lastDuration = sample.duration
    if (sample.dts <= this.#lastDts) {
      this.#repair('late_media', 'media that has been published came again, as after a reconnect')
      return
    }
    this.#lastDts = sample.dts
    const cell = this.#options.grid.cellOf(sample.dts)
    if (this.#isOpen) {
      const belongs = cell <= this.#lastMsn || (cell === this.#lastMsn + 1 && !this.#canStartSegment(sample, cell))
      if (belongs) {
        this.#append(sample)
        return
      }
      this.#endSegment()
    }
    if (cell <= this.#lastMsn) {
      this.#leaveOut(sample, 'late_media', 'media for a cell that is already published')
      return
    }
    // Only when the rest of the open cell and at least one whole cell are missing is there anything to fill.
    while (this.#lastMsn < cell - 1) this.#gap(this.#lastMsn + 1)
    if (this.#canStartSegment(sample, cell)) this.#startSegment(this.#joined(sample), cell)
    else this.#leaveOut(sample, 'sample_dropped', 'frames before the first keyframe after a gap')
  }

  /** Audio starts a segment with its first frame in a cell; video with a keyframe, or failing that with the cell's last frame. */
  #canStartSegment(sample: PackagedSample, cell: number): boolean {
    if (this.#options.kind === 'audio' || sample.isKeyframe) return true
    if (this.#options.gop === 'fixed' && this.#isOpen && this.#outlastsCell(sample)) return true
    return sample.dts + sample.duration >= this.#options.grid.startOf(cell + 1)
  }

  /** The promise of a fixed GOP was broken: TARGETDURATION is one cell, so the segment must end before this frame. */
  #outlastsCell(sample: PackagedSample): boolean {
    const { grid } = this.#options
    const cellTicks = grid.startOf(this.#lastMsn + 1) - grid.startOf(this.#lastMsn)
    return sample.dts + sample.duration - this.#segmentStartDts > cellTicks
  }

  #startSegment(sample: PackagedSample, cell: number): void {
    this.#lastMsn = cell
    this.#isOpen = true
    this.#segmentStartDts = sample.dts
    this.#publishedDts = Number.NEGATIVE_INFINITY
    this.#nextIndex = 0
    this.#part = null
    const isIndependent = this.#options.kind === 'audio' || sample.isKeyframe
    if (!isIndependent) {
      this.#repair('gop_too_long', 'no keyframe in a whole cell: the segment was cut at another frame')
    }
    this.#sink.onSegmentStart({
      msn: cell,
      startDts: sample.dts,
      startPts: sample.dts + sample.cto,
      isIndependent,
    })
    this.#append(sample)
  }

  #append(early: PackagedSample): void {
    const target = this.#options.partTargetTicks
    const taken = this.#afterPublished(early)
    // A sample may claim any length, also because what followed it was lost: the segment must keep TARGETDURATION.
    let fitting =
      taken.duration > target
        ? { ...taken, duration: Math.max(1, Math.min(taken.duration, this.#latestEnd() - taken.dts)) }
        : taken
    let part = this.#part
    if (part !== null && fitting.dts + fitting.duration - part.startDts > target) {
      const fullDts = Math.max(fitting.dts, this.#fullAt(part))
      stretchPart(part, Math.min(fullDts, part.startDts + target))
      this.#joinDts = part.endDts
      this.#endPart()
      part = null
      fitting = this.#afterPublished(fitting)
    }
    const sample = part === null ? this.#joined(fitting) : fitting
    if (part === null) {
      const startDts = this.#startOfPart(sample)
      part = { index: this.#nextIndex++, startDts, samples: [], endDts: startDts }
      this.#part = part
      if (sample.duration > target) {
        this.#repair('part_fit', 'a single frame lasts longer than PART-TARGET')
      }
    }
    const last = part.samples.at(-1)
    if (last !== undefined) part.samples[part.samples.length - 1] = { ...last, duration: sample.dts - last.dts }
    part.samples.push(sample)
    part.endDts = sample.dts + sample.duration
    this.#endDts = part.endDts
    this.#joinDts = part.endDts
    // No further frame of this length fits, so nothing is gained by waiting for it; unless the part has to be filled by it.
    if (part.endDts >= this.#fullAt(part) && part.endDts + fitting.duration - part.startDts > target) this.#endPart()
  }

  /**
   * Where a part lasts long enough to be followed by another in its segment. Frames that come unevenly may fit neither way;
   * then the one that has no room is decoded a little later and shown when it should be. Sound is always independent, to
   * which the rule does not apply.
   */
  #fullAt({ startDts }: OpenPart): number {
    return this.#options.kind === 'audio'
      ? startDts
      : startDts + Math.ceil(PART_FILL_MIN * this.#options.partTargetTicks)
  }

  /**
   * Where the part that begins with `sample` starts: with the end of the one before it, as was hinted, also when a little is
   * missing between them. Where more is missing than fits into a part, it starts with its sample and leaves a hole.
   */
  #startOfPart(sample: PackagedSample): number {
    const endOfSample = sample.dts + sample.duration
    const doesFit = endOfSample - this.#publishedDts <= this.#options.partTargetTicks
    return doesFit ? Math.min(this.#publishedDts, sample.dts) : sample.dts
  }

  /**
   * A part is published when no further frame fits, with the nominal length of its last one. A frame that comes a little
   * sooner is decoded when that ends and shown when it should be. Only within a segment: each depends on its own samples.
   */
  #afterPublished(sample: PackagedSample): PackagedSample {
    const isSoon = this.#isSoon(sample, this.#publishedDts)
    const dts = Math.max(sample.dts, isSoon ? this.#publishedDts : 0, this.#appendedDts + 1)
    this.#appendedDts = dts
    return this.#decodedAt(sample, dts)
  }

  /** Pictures are shown when they should be nevertheless; players of sound expect no such offset. */
  #decodedAt(sample: PackagedSample, dts: number): PackagedSample {
    const lateBy = dts - sample.dts
    if (lateBy === 0) return sample
    const cto = this.#options.kind === 'video' ? sample.cto - lateBy : sample.cto
    return { ...sample, dts, cto, duration: Math.max(1, sample.duration - lateBy) }
  }

  /** Whether it begins within the frame that was promised to last until then. One that claims to last long promises nothing. */
  #isSoon(sample: PackagedSample, promisedDts: number): boolean {
    return promisedDts - sample.dts < Math.max(sample.duration, this.#promisedTicks)
  }

  /**
   * Frames are missing before this one, or a loop comes round between two frames, and what came before has been published
   * with a hint at what begins where it ends. So this frame is decoded there and shown when it should be; sound, whose
   * players expect no such offset, comes that little early. Only a hole that a part has room for, and that lets it be filled.
   * One that comes a little sooner than the last one promised is decoded when that ends.
   */
  #joined(sample: PackagedSample): PackagedSample {
    const target = this.#options.partTargetTicks
    if (this.#joinDts === null) return sample
    const holeTicks = sample.dts - this.#joinDts
    if (holeTicks < 0 && this.#isSoon(sample, this.#joinDts)) return this.#decodedAt(sample, this.#joinDts)
    const duration = sample.duration + holeTicks
    if (holeTicks <= 0 || duration > target) return sample
    const filled = duration + Math.floor((target - duration) / sample.duration) * sample.duration
    if (filled < PART_FILL_MIN * target) return sample
    const cto = this.#options.kind === 'video' ? sample.cto + holeTicks : sample.cto
    return { ...sample, dts: sample.dts - holeTicks, cto, duration }
  }

  /** Where the open segment ends at the latest: TARGETDURATION is two cells, with a fixed GOP one. */
  #latestEnd(): number {
    const { grid, gop } = this.#options
    if (gop === 'auto') return grid.startOf(this.#lastMsn + 2)
    return this.#segmentStartDts + grid.startOf(this.#lastMsn + 1) - grid.startOf(this.#lastMsn)
  }

  #endPart(): void {
    const part = this.#part
    if (part === null) return
    this.#part = null
    this.#publishedDts = part.endDts
    const lastTicks = part.samples.at(-1)?.duration ?? 0
    this.#promisedTicks = lastTicks > this.#options.partTargetTicks ? 0 : lastTicks
    this.#sink.onPart({
      msn: this.#lastMsn,
      index: part.index,
      startDts: part.startDts,
      endDts: part.endDts,
      isIndependent: this.#options.kind === 'audio' || part.samples.some((sample) => sample.isKeyframe),
      samples: part.samples,
    })
  }

  #endSegment(): void {
    this.#endPart()
    this.#isOpen = false
    this.#sink.onSegmentEnd({ msn: this.#lastMsn, startDts: this.#segmentStartDts, endDts: this.#endDts })
  }

  #gap(msn: number, untilDts = Number.POSITIVE_INFINITY): void {
    const { grid } = this.#options
    const cellEndDts = grid.startOf(msn + 1)
    // A long GOP may reach nearly to the end of the next cell; a gap still lasts at least a millisecond.
    const shortest = Math.ceil(grid.timescale / 1000)
    const startDts = Math.min(this.#endDts, cellEndDts - shortest)
    const endDts = Math.min(cellEndDts, Math.max(untilDts, startDts + shortest))
    this.#lastMsn = msn
    this.#endDts = endDts
    this.#joinDts = null
    this.#sink.onGap({ msn, startDts, endDts })
  }

  /** What comes before the first segment belongs to an earlier one, of another session or origin, and is no loss. */
  #leaveOut(sample: PackagedSample, cause: RepairCause, detail: string): void {
    if (this.#lastMsn >= this.#options.firstCell) {
      this.#repair(cause, detail)
      return
    }
    this.#joinDts = sample.dts + sample.duration
    this.#promisedTicks = sample.duration
  }

  #repair(cause: RepairCause, detail: string): void {
    this.#sink.onRepair({ cause, trackId: this.#options.trackId, count: 1, detail })
  }
}

/** Frames are missing before the next one: the last one lasts longer, for a part within a segment must fill PART-TARGET. */
function stretchPart(part: OpenPart, endDts: number): void {
  const last = part.samples.at(-1)
  if (last === undefined || endDts <= part.endDts) return
  part.samples[part.samples.length - 1] = { ...last, duration: endDts - last.dts }
  part.endDts = endDts
}

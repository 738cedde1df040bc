// One stretch of media under a presentation: timeline entry, timing and packagers. Sessions follow one another without
// the playlist ending; each new timeline entry starts in a cell that no earlier one has used, in every track alike.
import { isSameRational, type Rational, toNumber } from '../../core/rational.ts'
import { TrackPackager } from '../../media/packager/track-packager.ts'
import type { InputTrack, Repair, TextSample, TextTrack } from '../../media/samples.ts'
import type { TextCue } from '../../media/text/text-cue.ts'
import { type CellGrid, cellGrid, TIMELINE_EPOCH_SEC } from '../../media/timeline/cell.ts'
import type { DriftPoint } from '../../media/timeline/drift.ts'
import { entrySec, type TimelineEntry } from '../../media/timeline/entry.ts'
import { type TimedSample, Timing } from '../../media/timeline/timing.ts'
import type { ClockKeeper } from './clock-keeper.ts'
import type { ArrivedSample } from './gathering.ts'
import type { Presentation, PresentedEntry } from './presentation.ts'
import { SessionTexts } from './session-texts.ts'

export interface PackagedTrack {
  readonly packager: TrackPackager
  readonly grid: CellGrid
}

interface HeldSample {
  readonly track: PackagedTrack
  readonly sample: TimedSample
}

export interface SessionOptions {
  readonly presentation: Presentation
  readonly onRepair: (repair: Repair) => void
  /** Of this session alone, which closes it. */
  readonly clock: ClockKeeper
}

export class Session {
  readonly entry: TimelineEntry
  readonly #options: SessionOptions
  readonly #tracks = new Map<string, PackagedTrack>()
  readonly #texts: SessionTexts
  readonly #firstCell: number
  #timing: Timing
  /** Tracks of which the input before has already brought what comes first. */
  readonly #relieved = new Set<string>()
  /**
   * Sound of the entry's first cell until it is known where the pictures begin; null: it is. When the session ends before,
   * that cell has not begun, and is another's.
   */
  #awaiting: { readonly cell: number; readonly held: HeldSample[] } | null

  private constructor(entry: TimelineEntry, firstCell: number, options: SessionOptions) {
    this.entry = entry
    this.#firstCell = firstCell
    this.#options = options
    this.#texts = new SessionTexts(entry, firstCell, options.presentation, this.#presented)
    this.#timing = this.#newTiming()
    const { startCell, tracks } = entry
    const isPictured = tracks[0]?.id.startsWith('v') === true
    this.#awaiting =
      startCell !== undefined && startCell >= firstCell && isPictured ? { cell: startCell, held: [] } : null
  }

  /**
   * `firstCell` is the first cell that the entry may publish. Tracks of the presentation that the entry does not have go
   * on with gaps.
   */
  static begin(
    entry: TimelineEntry,
    inputTracks: readonly InputTrack[],
    firstCell: number,
    options: SessionOptions,
  ): Session {
    const session = new Session(entry, firstCell, options)
    const { presentation } = options
    const presented = session.#presented
    for (const track of entry.tracks) {
      const input = inputTracks.find((candidate) => candidate.id === track.id)
      if (input === undefined) continue
      session.#addTrack(
        track.id,
        firstCell,
        track.timescale,
        presentation.beginTrack(input, track.timescale, presented),
      )
    }
    for (const id of presentation.trackIds) {
      if (session.#tracks.has(id)) continue
      const carried = presentation.continueTrack(id, presented)
      if (carried !== null) session.#addTrack(id, firstCell, carried.timescale, carried.sink)
    }
    for (const text of presentation.textTracks) session.addText(text)
    return session
  }

  /** The same entry goes on with another connection, whose clock has to be unwrapped anew. */
  reconnect(point: DriftPoint | null): void {
    this.#timing = this.#newTiming()
    this.clock.take(point)
  }

  /** Another feed on the same clock: what comes again is no news, and pictures go on with a keyframe. */
  relieve(point: DriftPoint | null): void {
    this.reconnect(point)
    for (const id of this.#tracks.keys()) this.#relieved.add(id)
  }

  /** Whether the sample lies at or before the newest of its track. */
  isBehind({ sample, arrivedAtMs }: ArrivedSample): boolean {
    return this.#timing.isBehind(sample, arrivedAtMs)
  }

  /**
   * `early`: it lies before the session's first cell. `left_out`: it takes the playlist no further. `jump`,
   * `unknown_track`: it needs a new timeline entry.
   */
  push({ sample, arrivedAtMs }: ArrivedSample): 'taken' | 'early' | 'left_out' | 'jump' | 'unknown_track' {
    const placed = this.#timing.place(sample, arrivedAtMs)
    if (placed.kind === 'repeated') return 'left_out'
    if (placed.kind !== 'sample') return placed.kind
    const track = this.#tracks.get(sample.trackId)
    if (track === undefined) return 'left_out'
    if (sample.trackId === this.entry.tracks[0]?.id) this.clock.noteArrival(arrivedAtMs, placed.mediaSec)
    const { packager, grid } = track
    if (grid.cellOf(placed.sample.dts) < this.#firstCell) return 'early'
    const endDts = packager.endDts
    if (this.#relieved.has(sample.trackId)) {
      const isWaiting = sample.trackId.startsWith('v') && !sample.isKeyframe
      if (isWaiting || placed.sample.dts < endDts) return 'left_out'
      this.#relieved.delete(sample.trackId)
    }
    if (this.#isHeldBack(sample.trackId, placed.sample, track)) return 'taken'
    packager.push(placed.sample)
    this.#noteStart(sample.trackId, track)
    if (packager.endDts <= endDts) return 'left_out'
    this.#texts.advance(this.endSec)
    return 'taken'
  }

  /** Sound waits for the pictures where every track is to begin with them. */
  #isHeldBack(trackId: string, sample: TimedSample, track: PackagedTrack): boolean {
    if (this.#awaiting === null || trackId.startsWith('v')) return false
    if (track.grid.cellOf(sample.dts) === this.#awaiting.cell) {
      this.#awaiting.held.push({ track, sample })
      return true
    }
    this.#release(null)
    return false
  }

  #noteStart(trackId: string, { packager, grid }: PackagedTrack): void {
    if (this.#awaiting === null || trackId !== this.entry.tracks[0]?.id) return
    if (packager.lastMsn < this.#awaiting.cell) return
    // A cell without pictures is a gap from its border on.
    const hasPicture = packager.lastMsn === this.#awaiting.cell && packager.isOpen
    this.#release(hasPicture ? packager.segmentStartDts / grid.timescale : null)
  }

  /** Sound goes on; what comes before the first picture (in seconds of the grid) is left out, so that tracks stay in step. */
  #release(startSec: number | null): void {
    const awaiting = this.#awaiting
    if (awaiting === null) return
    this.#awaiting = null
    if (startSec !== null) this.#texts.beginAt(awaiting.cell, startSec + TIMELINE_EPOCH_SEC)
    for (const { track, sample } of awaiting.held) {
      if (startSec === null || sample.dts >= Math.floor(startSec * track.grid.timescale)) track.packager.push(sample)
    }
  }

  /** Subtitles from here on. Players that are there do not look for tracks again; those who come see it. */
  addText(text: TextTrack): void {
    this.#texts.add(text, this.endSec)
  }

  /** What the input says, in the time of its clock. Never a reason for a new timeline entry. */
  pushText(sample: TextSample): void {
    const toMedia = (sec: number) => entrySec(this.entry, sec)
    for (const cue of sample.cues) {
      this.showText(sample.trackId, { ...cue, startSec: toMedia(cue.startSec), endSec: toMedia(cue.endSec) })
    }
    this.#texts.cover(sample.trackId, toMedia(sample.coveredSec))
  }

  /** Media time of a wall-clock time as PROGRAM-DATE-TIME tells it, both in seconds since 1970. */
  mediaSecAt(dateSec: number): number {
    return dateSec - this.clock.driftSecAt(dateSec)
  }

  /** In seconds since 1970 on the media timeline. */
  showText(trackId: string, cue: TextCue): void {
    this.#texts.show(trackId, cue)
  }

  /** What the media of a segment is dated by. */
  get #presented(): PresentedEntry {
    return { dsn: this.entry.dsn, driftSec: (msn) => this.clock.driftSec(msn) }
  }

  /** Newest cell of any track. */
  get lastMsn(): number {
    return Math.max(...this.#packagers().map((packager) => packager.lastMsn))
  }

  /** Seconds since 1970 up to which the furthest track has media. */
  get endSec(): number {
    return Math.max(...[...this.#tracks.values()].map(endSecOf))
  }

  get clock(): ClockKeeper {
    return this.#options.clock
  }

  closeOpenSegments(): void {
    this.#awaiting = null
    for (const packager of this.#packagers()) packager.close()
    this.#texts.advanceThrough(this.lastMsn)
  }

  /** Publishes a gap for each cell that has wholly passed by `untilSec` (since 1970), in every track. */
  fillGapsUntil(untilSec: number): void {
    this.#awaiting = null
    for (const track of this.#tracks.values()) fillTrack(track, untilSec)
    this.#texts.advanceThrough(this.lastMsn)
  }

  /**
   * The playlist goes on with another session in the cell after `msn`. What is missing until then is no gap: every track ends
   * where the furthest does. Playlists that differ in length before a discontinuity are out of step behind it, and a player
   * that moves sound by more than a segment to mend that finds nothing to load any more (hls.js 1.7.4).
   */
  endThrough(msn: number): void {
    this.#awaiting = null
    for (const packager of this.#packagers()) packager.close()
    const untilSec = this.lastMsn === msn ? this.endSec : Number.POSITIVE_INFINITY
    for (const { packager, grid } of this.#tracks.values()) {
      packager.fillGapsThrough(msn, Math.round((untilSec - TIMELINE_EPOCH_SEC) * grid.timescale))
    }
    this.#texts.endThrough(msn, untilSec)
  }

  /** Tracks that have fallen silent while others go on get their gaps; `lagSec` behind the furthest one. */
  fillSilentTracks(lagSec: number): void {
    const aheadSec = this.endSec
    for (const track of this.#tracks.values()) {
      if (aheadSec - endSecOf(track) > lagSec) fillTrack(track, aheadSec)
    }
  }

  #newTiming(): Timing {
    return new Timing(this.entry, this.#options.onRepair, (mediaSec) => this.clock.driftSecAt(mediaSec))
  }

  #packagers(): readonly TrackPackager[] {
    return [...this.#tracks.values()].map(({ packager }) => packager)
  }

  #addTrack(id: string, firstCell: number, timescale: number, sink: ReturnType<Presentation['beginTrack']>): void {
    const { presentation } = this.#options
    const grid = cellGrid(this.entry.cell, timescale)
    const kind = id.startsWith('v') ? 'video' : 'audio'
    const partTargetTicks = Math.floor(presentation.partTargetSec * timescale)
    this.#tracks.set(id, {
      grid,
      packager: new TrackPackager({ trackId: id, kind, grid, partTargetTicks, firstCell, gop: presentation.gop }, sink),
    })
  }
}

function endSecOf({ packager, grid }: PackagedTrack): number {
  return packager.endDts / grid.timescale + TIMELINE_EPOCH_SEC
}

function fillTrack({ packager, grid }: PackagedTrack, untilSec: number): void {
  packager.fillGapsThrough(grid.cellOf(Math.floor((untilSec - TIMELINE_EPOCH_SEC) * grid.timescale)) - 1)
}

export interface SessionCircumstances {
  /** The cell that the new media would like to begin in. */
  readonly wantedCell: number
  readonly cell: Rational
  /** The session before it in the same presentation. */
  readonly previous: { readonly lastMsn: number; readonly cell: Rational } | null
  /** Newest cell of the presentation that ended last. */
  readonly endedMsn: number | null
  readonly graceMs: number
}

/**
 * Whether the playlist goes on with the new session, and in which cell that begins. Filling the way to a far-away clock
 * would take thousands of gaps, waiting for one that is far behind as long: such a jump starts over. So does another
 * cell length, which renumbers everything.
 */
export function planSession({ wantedCell, cell, previous, endedMsn, graceMs }: SessionCircumstances): {
  readonly isContinuing: boolean
  readonly firstCell: number
} {
  const maxGapCells = (graceMs / 1000 + 60) / toNumber(cell)
  const isNear = (msn: number) => Math.abs(wantedCell - msn) <= maxGapCells
  const isContinuing = previous !== null && isNear(previous.lastMsn) && isSameRational(previous.cell, cell)
  const lastMsn = previous?.lastMsn ?? endedMsn
  // Numbers are names: those of a playlist that has just ended are not given to other bytes either.
  const firstCell = lastMsn !== null && isNear(lastMsn) ? Math.max(wantedCell, lastMsn + 1) : wantedCell
  return { isContinuing, firstCell }
}

// The subtitles of a session. Their clock is the media of the others: they never hold those back, and never fall behind.
import { TEXT_TIMESCALE, TextPackager } from '../../media/packager/text-packager.ts'
import type { TextTrack } from '../../media/samples.ts'
import type { TextCue } from '../../media/text/text-cue.ts'
import { type CellGrid, cellGrid, TIMELINE_EPOCH_SEC } from '../../media/timeline/cell.ts'
import type { TimelineEntry } from '../../media/timeline/entry.ts'
import type { Presentation, PresentedEntry } from './presentation.ts'

/** A track whose encoder tells how far it has come is waited for so long: fragments of subtitles are seldom shorter. */
const PATIENCE_SEC = 3
/** One that has told nothing for so long has nothing to wait for. */
const COVERED_WITHIN_SEC = 10

interface SessionText {
  readonly packager: TextPackager
  /** Up to where its encoder has said everything; null when it tells cues alone. */
  coveredSec: number | null
}

export class SessionTexts {
  readonly #entry: PresentedEntry
  readonly #firstCell: number
  readonly #presentation: Presentation
  readonly #grid: CellGrid
  readonly #texts = new Map<string, SessionText>()

  constructor(entry: TimelineEntry, firstCell: number, presentation: Presentation, presented: PresentedEntry) {
    this.#entry = presented
    this.#firstCell = firstCell
    this.#presentation = presentation
    this.#grid = cellGrid(entry.cell, TEXT_TIMESCALE)
  }

  /** `nowSec`: how far the others have come. */
  add(text: TextTrack, nowSec: number): void {
    if (this.#texts.has(text.id)) return
    const packager = new TextPackager(
      {
        trackId: text.id,
        grid: this.#grid,
        partTargetTicks: Math.floor(this.#presentation.partTargetSec * TEXT_TIMESCALE),
        firstCell: Math.max(this.#firstCell, this.#grid.cellOf(toTicks(nowSec))),
      },
      this.#presentation.beginText(text, this.#entry),
    )
    this.#texts.set(text.id, { packager, coveredSec: text.isTimed ? nowSec : null })
  }

  show(trackId: string, cue: TextCue): void {
    this.#texts.get(trackId)?.packager.add(cue)
  }

  cover(trackId: string, untilSec: number): void {
    const text = this.#texts.get(trackId)
    if (text !== undefined) text.coveredSec = Math.max(text.coveredSec ?? Number.NEGATIVE_INFINITY, untilSec)
  }

  /** The others have come to `nowSec`, in seconds since 1970. */
  advance(nowSec: number): void {
    for (const { packager, coveredSec } of this.#texts.values()) packager.advance(toTicks(limitOf(coveredSec, nowSec)))
  }

  advanceThrough(msn: number): void {
    for (const { packager } of this.#texts.values()) packager.advanceThrough(msn)
  }

  /** The others begin, in cell `msn` and at `startSec`. */
  beginAt(msn: number, startSec: number): void {
    for (const { packager } of this.#texts.values()) packager.beginAt(msn, toTicks(startSec))
  }

  /** The others have ended, in cell `msn` and at `untilSec`. */
  endThrough(msn: number, untilSec: number): void {
    for (const { packager } of this.#texts.values()) packager.endThrough(msn, toTicks(untilSec))
  }
}

function limitOf(coveredSec: number | null, nowSec: number): number {
  if (coveredSec === null || nowSec - coveredSec > COVERED_WITHIN_SEC) return nowSec
  return Math.max(Math.min(coveredSec, nowSec), nowSec - PATIENCE_SEC)
}

function toTicks(sec: number): number {
  return Math.floor((sec - TIMELINE_EPOCH_SEC) * TEXT_TIMESCALE)
}

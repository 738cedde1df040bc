// Cuts one track of subtitles into parts and segments: exactly the cells, whatever is said in them. Silence is a segment
// without cues, never a gap. Pure: time passes when `advance` says so.
import type { Repair } from '../samples.ts'
import type { TextCue } from '../text/text-cue.ts'
import type { WrittenCue } from '../text/webvtt-writer.ts'
import { type CellGrid, TIMELINE_EPOCH_MS } from '../timeline/cell.ts'

/** Milliseconds: cell borders, part borders and cue times are whole, and so exact in WebVTT. */
export const TEXT_TIMESCALE = 1000

export interface TextPiece {
  readonly msn: number
  /** Ticks (ms since TIMELINE_EPOCH_MS). */
  readonly startDts: number
  readonly endDts: number
  /** Every cue that is shown in this time. */
  readonly cues: readonly WrittenCue[]
}

export interface TextPackagerSink {
  onSegmentStart(segment: { readonly msn: number; readonly startDts: number }): void
  onPart(part: TextPiece): void
  onSegmentEnd(segment: TextPiece): void
  onRepair(repair: Repair): void
}

export interface TextPackagerOptions {
  readonly trackId: string
  /** Of TEXT_TIMESCALE. */
  readonly grid: CellGrid
  readonly partTargetTicks: number
  readonly firstCell: number
}

interface HeldCue extends WrittenCue {
  readonly isWritten: boolean
}

/** Cues that wait for their time. Beyond it the farthest ones are dropped. */
const MAX_HELD_CUES = 500
/** Cues further ahead than this belong to another clock. */
const MAX_AHEAD_MS = 3_600_000
/** A cue that begins where the same text ended continues it. */
const CONTINUES_WITHIN_MS = 2

export class TextPackager {
  readonly #options: TextPackagerOptions
  readonly #sink: TextPackagerSink
  #cues: HeldCue[] = []
  /** The open cell. */
  #msn: number
  #cellStart: number
  #cellEnd: number
  #partStart: number
  #isOpen = false

  constructor(options: TextPackagerOptions, sink: TextPackagerSink) {
    this.#options = options
    this.#sink = sink
    this.#msn = options.firstCell
    this.#cellStart = options.grid.startOf(this.#msn)
    this.#cellEnd = options.grid.startOf(this.#msn + 1)
    this.#partStart = this.#cellStart
  }

  /** Newest complete cell. */
  get lastMsn(): number {
    return this.#msn - 1
  }

  /** Up to where it is published, in ticks. */
  get endDts(): number {
    return this.#partStart
  }

  /** Seconds since 1970. What is over already is told and left out; what has begun is shown from now on. */
  add(cue: TextCue): void {
    const startMs = Math.round(cue.startSec * 1000) - TIMELINE_EPOCH_MS
    const endMs = Math.max(startMs + 1, Math.round(cue.endSec * 1000) - TIMELINE_EPOCH_MS)
    if (endMs <= this.#partStart) return this.#repair('late_media', 'a subtitle came after its time')
    if (startMs > this.#partStart + MAX_AHEAD_MS) return this.#repair('timestamp_jump', 'a subtitle is an hour ahead')
    const { text, settings } = cue
    const before = this.#cues.findIndex(
      (held) =>
        held.text === text && held.settings === settings && Math.abs(held.endMs - startMs) <= CONTINUES_WITHIN_MS,
    )
    const held = this.#cues[before]
    // What a player has seen keeps its end: it would not look at the same cue again.
    if (held !== undefined && !held.isWritten) {
      this.#cues[before] = { ...held, endMs }
      return
    }
    if (this.#cues.some((other) => other.startMs === startMs && other.endMs === endMs && other.text === text)) return
    const id = `${startMs}-${hashOf(text)}`
    this.#cues.push({ id, startMs, endMs, text, settings, isWritten: false })
    this.#cues.sort((a, b) => a.startMs - b.startMs || (a.id < b.id ? -1 : 1))
    if (this.#cues.length <= MAX_HELD_CUES) return
    this.#cues.pop()
    this.#repair('sample_dropped', `more than ${MAX_HELD_CUES} subtitles wait for their time`)
  }

  /** The others begin at `startDts` of this cell, if it is the first: so does this one. */
  beginAt(msn: number, startDts: number): void {
    if (msn !== this.#msn || msn !== this.#options.firstCell || this.#isOpen) return
    this.#cellStart = Math.max(this.#cellStart, Math.min(startDts, this.#cellEnd - 1))
    this.#partStart = this.#cellStart
  }

  /** Publishes every part that is over by `untilDts`, and every segment. */
  advance(untilDts: number): void {
    for (;;) {
      const partEnd = Math.min(this.#partStart + this.#options.partTargetTicks, this.#cellEnd)
      if (partEnd > untilDts) return
      this.#start()
      this.#sink.onPart(this.#piece(this.#partStart, partEnd))
      this.#partStart = partEnd
      if (partEnd === this.#cellEnd) this.#endCell()
    }
  }

  /** Publishes through the end of the cell. */
  advanceThrough(msn: number): void {
    if (msn >= this.#msn) this.advance(this.#options.grid.startOf(msn + 1))
  }

  /** Publishes through the cell, which is the last one and ends at `untilDts`, or with what is published already. */
  endThrough(msn: number, untilDts: number): void {
    if (msn < this.#msn) return
    this.advance(this.#options.grid.startOf(msn))
    this.#cellEnd = Math.min(this.#cellEnd, Math.max(untilDts, this.#partStart + 1))
    this.advance(this.#cellEnd)
  }

  #start(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#sink.onSegmentStart({ msn: this.#msn, startDts: this.#cellStart })
  }

  #endCell(): void {
    this.#sink.onSegmentEnd(this.#piece(this.#cellStart, this.#cellEnd))
    this.#cues = this.#cues.filter(({ endMs }) => endMs > this.#cellEnd)
    this.#isOpen = false
    this.#msn++
    this.#cellStart = this.#cellEnd
    this.#cellEnd = this.#options.grid.startOf(this.#msn + 1)
  }

  #piece(startDts: number, endDts: number): TextPiece {
    const isShown = ({ startMs, endMs }: HeldCue) => startMs < endDts && endMs > startDts
    this.#cues = this.#cues.map((cue) => (isShown(cue) && !cue.isWritten ? { ...cue, isWritten: true } : cue))
    return { msn: this.#msn, startDts, endDts, cues: this.#cues.filter(isShown) }
  }

  #repair(cause: Repair['cause'], detail: string): void {
    this.#sink.onRepair({ cause, trackId: this.#options.trackId, count: 1, detail })
  }
}

/** FNV-1a: equal on every origin, and enough to tell apart what begins in the same millisecond. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0).toString(36)
}

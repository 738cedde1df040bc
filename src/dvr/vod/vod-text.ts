// The subtitles of an asset, cut into the same cells as its pictures.
import { setImmediate } from 'node:timers/promises'
import type { Rational } from '../../core/rational.ts'
import type { RenditionLabel } from '../../hls/rendition.ts'
import { TEXT_TIMESCALE, TextPackager, type TextPiece } from '../../media/packager/text-packager.ts'
import type { TextCue } from '../../media/text/text-cue.ts'
import { writeWebVtt } from '../../media/text/webvtt-writer.ts'
import { cellGrid, TIMELINE_EPOCH_SEC, targetDurationSec, ticksToEpochMs } from '../../media/timeline/cell.ts'
import type { TrackPath } from '../../storage/keys.ts'
import type { SealedPack } from '../spool/spool.ts'
import type { TrackFacts } from '../track-facts.ts'
import { PackFiles } from './pack-files.ts'

export interface VodText {
  readonly label: RenditionLabel
  /**
   * In seconds since the beginning of the asset, in the order of their beginnings; asked for when it is their turn, so that
   * one track at a time is held. What it rejects with is a reason to leave this text.
   */
  readonly cues: () => Promise<readonly TextCue[]>
}

export interface TextPlace {
  readonly path: TrackPath
  readonly cell: Rational
  readonly folder: string
  /** What the pictures last, and how much later than the beginning the first one is shown. */
  readonly durationSec: number
  readonly delaySec: number
}

/** Of one track: a cue stands in every segment in which it is shown, and hundreds may be shown for hours. */
const MAX_BYTES = 64 * 2 ** 20
/** Then others of this thread have a turn: tens of thousands of cues may begin in one segment. */
const CUES_A_TURN = 500

/** Rejects with `content_too_large`, or as `cues` does. */
export async function packText({ label, cues }: VodText, place: TextPlace): Promise<readonly SealedPack[]> {
  const { path, cell, folder, durationSec, delaySec } = place
  const common = { cell, targetDurationSec: targetDurationSec(cell, 'fixed'), hasIndependentSegments: true }
  const facts: TrackFacts = { kind: 'subtitles', ...common, ...label }
  const grid = cellGrid(cell, TEXT_TIMESCALE)
  const ended: TextPiece[] = []
  const packager = new TextPackager(
    { trackId: path.trackId, grid, partTargetTicks: 2 * grid.startOf(1), firstCell: 0 },
    { onSegmentStart: () => {}, onPart: () => {}, onSegmentEnd: (piece) => ended.push(piece), onRepair: () => {} },
  )
  await using files = new PackFiles(path, folder, MAX_BYTES)
  const lastCell = grid.cellOf(Math.max(0, Math.ceil((durationSec + delaySec) * TEXT_TIMESCALE) - 1))
  const waiting = (await cues()).values()
  let next = waiting.next()
  let added = 0
  for (let msn = 0; msn <= lastCell; msn += 1) {
    const untilSec = grid.startOf(msn + 1) / TEXT_TIMESCALE
    for (; next.done !== true && next.value.startSec + delaySec < untilSec; next = waiting.next()) {
      const { startSec, endSec, ...cue } = next.value
      const shiftSec = TIMELINE_EPOCH_SEC + delaySec
      packager.add({ ...cue, startSec: startSec + shiftSec, endSec: endSec + shiftSec })
      added += 1
      if (added % CUES_A_TURN === 0) await setImmediate()
    }
    packager.advanceThrough(msn)
    for (const { startDts, endDts, cues: shown } of ended.splice(0)) {
      const startsAtMs = ticksToEpochMs(startDts, TEXT_TIMESCALE)
      const length = { startsAtMs, durationSec: (endDts - startDts) / TEXT_TIMESCALE }
      await files.add({ msn, ...length, initName: null }, Buffer.from(writeWebVtt(startDts, shown)), facts)
    }
  }
  return await files.seal(facts, null)
}

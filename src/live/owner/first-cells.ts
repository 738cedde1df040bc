// In which cell an input begins. Pure.
import { cellGrid, TIMELINE_EPOCH_SEC } from '../../media/timeline/cell.ts'
import type { TimelineEntry } from '../../media/timeline/entry.ts'
import { Timing } from '../../media/timeline/timing.ts'
import type { ArrivedSample } from './gathering.ts'

/**
 * First frames that lie further apart belong to no common start: sound that came before the first keyframe, or a
 * transport stream that sends pictures early.
 */
const COMMON_START_MS = 250
/** Each track rounds to ticks of its own, so a border is passed by a little more than needed. */
const BORDER_MARGIN_US = 1000

interface FirstCell {
  readonly trackId: string
  readonly cell: number
  /** Seconds since 1970 on the media timeline. */
  readonly startSec: number
}

function firstCells(entry: TimelineEntry, firsts: readonly ArrivedSample[]): readonly FirstCell[] {
  const timing = new Timing(entry, () => {})
  return firsts.flatMap(({ sample, arrivedAtMs }) => {
    const track = entry.tracks.find((candidate) => candidate.id === sample.trackId)
    const placed = timing.place(sample, arrivedAtMs)
    if (track === undefined || placed.kind !== 'sample') return []
    const { dts } = placed.sample
    const cell = cellGrid(entry.cell, track.timescale).cellOf(dts)
    return [{ trackId: track.id, cell, startSec: dts / track.timescale + TIMELINE_EPOCH_SEC }]
  })
}

/** The first cell that an entry publishes: its creator starts at once, an adopter with the first cell seen from its start. */
export function firstCellOf(entry: TimelineEntry, firsts: readonly ArrivedSample[], isAdopted: boolean): number {
  const cells = firstCells(entry, firsts)
  const video = cells.filter(({ trackId }) => trackId.startsWith('v'))
  if (isAdopted) return Math.max(...cells.map(({ cell }) => cell)) + 1
  return Math.max(...(video.length > 0 ? video : cells).map(({ cell }) => cell))
}

/**
 * The first frames of an encoder's tracks lie some milliseconds apart (AAC begins with a frame of priming). Where a cell
 * border falls between them, one track would begin a cell before the other and lose its first frames: a new entry then
 * maps its clock that little later, so that all tracks begin behind the border. A clock that counts from 1970 stays.
 */
export function startedInOneCell(entry: TimelineEntry, firsts: readonly ArrivedSample[]): TimelineEntry {
  if (entry.clock === 'epoch') return entry
  const starts = firstCells(entry, firsts).toSorted((a, b) => a.startSec - b.startSec)
  const [first, last] = [starts[0], starts.at(-1)]
  if (first === undefined || last === undefined || first.cell === last.cell) return entry
  if ((last.startSec - first.startSec) * 1000 > COMMON_START_MS) return entry
  const borderUs = cellGrid(entry.cell, 1_000_000).startOf(first.cell + 1) + TIMELINE_EPOCH_SEC * 1_000_000
  const laterUs = borderUs - Math.round(first.startSec * 1_000_000) + BORDER_MARGIN_US
  return { ...entry, epochUs: entry.epochUs + laterUs }
}

import { expect, test } from 'vitest'
import { rational } from '../../core/rational.ts'
import { cellGrid, TIMELINE_EPOCH_SEC } from '../timeline/cell.ts'
import { TEXT_TIMESCALE, TextPackager, type TextPiece } from './text-packager.ts'

const FIRST_CELL = 1000
const GRID = cellGrid(rational(1001, 500), TEXT_TIMESCALE) // 2.002 s
const START = GRID.startOf(FIRST_CELL)

function packaging() {
  const parts: TextPiece[] = []
  const segments: TextPiece[] = []
  const repairs: string[] = []
  const packager = new TextPackager(
    { trackId: 's0', grid: GRID, partTargetTicks: 214, firstCell: FIRST_CELL },
    {
      onSegmentStart: () => {},
      onPart: (part) => parts.push(part),
      onSegmentEnd: (segment) => segments.push(segment),
      onRepair: ({ cause }) => repairs.push(cause),
    },
  )
  /** Milliseconds from the start of the first cell. */
  const say = (fromMs: number, toMs: number, text = 'Hi') => {
    const sec = (ms: number) => (START + ms) / 1000 + TIMELINE_EPOCH_SEC
    packager.add({ startSec: sec(fromMs), endSec: sec(toMs), text, settings: '' })
  }
  return { packager, parts, segments, repairs, say }
}

test('silence is segments on the cell grid, without cues and without gaps', () => {
  const { packager, parts, segments } = packaging()
  packager.advance(GRID.startOf(FIRST_CELL + 3))
  expect(segments.map(({ msn, startDts, endDts, cues }) => [msn, startDts, endDts, cues.length])).toEqual(
    [0, 1, 2].map((index) => [
      FIRST_CELL + index,
      GRID.startOf(FIRST_CELL + index),
      GRID.startOf(FIRST_CELL + index + 1),
      0,
    ]),
  )
  for (const { msn, endDts } of segments) {
    const own = parts.filter((part) => part.msn === msn)
    expect(own[0]?.startDts).toBe(GRID.startOf(msn))
    expect(own.at(-1)?.endDts).toBe(endDts)
    // RFC 8216bis 4.4.4.9: no part but the last is shorter than 85 % of PART-TARGET.
    for (const part of own.slice(0, -1)) expect(part.endDts - part.startDts).toBe(214)
  }
})

test('a cue stands in every part and segment that it is shown in, under one name', () => {
  const { packager, parts, segments, say } = packaging()
  say(1900, 2300)
  packager.advance(START + 5000)
  const shown = (pieces: readonly TextPiece[]) => pieces.filter(({ cues }) => cues.length > 0)
  expect(shown(segments).map(({ msn }) => msn)).toEqual([FIRST_CELL, FIRST_CELL + 1])
  expect(shown(parts).map(({ startDts, endDts }) => [startDts - START, endDts - START])).toEqual([
    [1712, 1926],
    [1926, 2002],
    [2002, 2216],
    [2216, 2430],
  ])
  expect(
    new Set(shown(parts).flatMap(({ cues }) => cues.map(({ id, startMs, endMs }) => `${id} ${startMs} ${endMs}`))).size,
  ).toBe(1)
})

test('nothing is published before its time, whatever is known already', () => {
  const { packager, parts, say } = packaging()
  say(0, 60_000)
  packager.advance(START + 213)
  expect(parts).toEqual([])
  packager.advance(START + 214)
  expect(parts).toHaveLength(1)
})

test('the last cell ends with the media, or with what has been published of it', () => {
  const ends = [1500, 100, 5000].map((endMs) => {
    const { packager, parts, segments, say } = packaging()
    say(0, 60_000)
    packager.advance(START + 214)
    packager.endThrough(FIRST_CELL, START + endMs)
    expect(parts.at(-1)?.endDts).toBe(segments[0]?.endDts)
    expect(packager.lastMsn).toBe(FIRST_CELL)
    return segments.map(({ startDts, endDts }) => [startDts - START, endDts - START])
  })
  expect(ends).toEqual([[[0, 1500]], [[0, 215]], [[0, 2002]]])
})

test('a cue that comes late is shown for the rest of its time; one that is over is counted', () => {
  const { packager, parts, segments, repairs, say } = packaging()
  packager.advance(START + 1000)
  say(100, 1200, 'late')
  say(100, 800, 'over')
  packager.advance(START + 4100)
  expect(repairs).toEqual(['late_media'])
  expect(parts.filter(({ cues }) => cues.length > 0).map(({ startDts }) => startDts - START)).toEqual([856, 1070])
  expect(segments[0]?.cues.map(({ text }) => text)).toEqual(['late'])
})

test('an encoder that repeats what is on screen with each sample yields one cue, until viewers have seen it', () => {
  const { packager, segments, say } = packaging()
  for (let ms = 0; ms < 2000; ms += 500) say(ms, ms + 500)
  packager.advance(GRID.startOf(FIRST_CELL + 1))
  say(2000, 2500)
  packager.advance(GRID.startOf(FIRST_CELL + 2))
  expect(segments.map(({ cues }) => cues.map(({ startMs, endMs }) => [startMs - START, endMs - START]))).toEqual([
    [[0, 2000]],
    [[2000, 2500]],
  ])
})

test('two origins that hear the same name it alike, also when one came later', () => {
  const first = packaging()
  const second = packaging()
  first.say(300, 900, 'one')
  first.say(300, 900, 'two')
  second.packager.advance(START + 214)
  second.say(300, 900, 'two')
  second.say(300, 900, 'one')
  for (const { packager } of [first, second]) packager.advance(GRID.startOf(FIRST_CELL + 1))
  expect(second.segments).toEqual(first.segments)
})

test('a flood and a foreign clock are left out by name', () => {
  const { packager, segments, repairs, say } = packaging()
  for (let index = 0; index < 600; index++) say(index, index + 5, `${index}`)
  say(5 * 3_600_000, 5 * 3_600_000 + 1000)
  packager.advance(GRID.startOf(FIRST_CELL + 1))
  expect(segments[0]?.cues).toHaveLength(500)
  expect(new Set(repairs)).toEqual(new Set(['sample_dropped', 'timestamp_jump']))
})

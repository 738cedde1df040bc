import { expect, test } from 'vitest'
import { planStoryboard, writeStoryboard } from '../../../../src/library/processing/plan-storyboard.ts'
import { parseStoryboard, pickFrames } from './storyboard.ts'

test('what the server writes is read back, tile by tile', () => {
  const board = planStoryboard({ width: 1280, height: 720 }, 7300, { num: 2, den: 1 })
  const frames = parseStoryboard(writeStoryboard(board, 7300, '../storyboard.jpg'))
  expect(frames).toHaveLength(board.tiles)
  expect(frames[0]).toEqual({ atSec: 0, x: 0, y: 0, ...board.tile })
  expect(frames[11]).toMatchObject({ atSec: 11 * board.everySec, x: board.tile.width, y: board.tile.height })
  expect(parseStoryboard('WEBVTT\n\nno cue')).toEqual([])
})

test('a few of many reach from the first to the last', () => {
  const frames = parseStoryboard(
    writeStoryboard(planStoryboard({ width: 4, height: 3 }, 100, { num: 1, den: 1 }), 100, 'a'),
  )
  const few = pickFrames(frames, 8)
  expect(few).toHaveLength(8)
  expect([few[0]?.atSec, few[7]?.atSec]).toEqual([0, 99])
  expect(pickFrames(few.slice(0, 3), 8)).toHaveLength(3)
})

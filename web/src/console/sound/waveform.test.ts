import { expect, test } from 'vitest'
import type { WaveformView } from '../../../../src/api/recording-contract.ts'
import { columnsOf, gainOf, outlineOf, seekByKey } from './waveform.ts'

/** Two channels, four peaks: the first side loud, the other a whisper. */
const CALL: WaveformView = {
  ...{ version: 1, durationSec: 4, sampleRateHz: 8000, channels: 2, samplesPerPeak: 8000, length: 4 },
  data: [-128, 127, -1, 1, 0, 64, -2, 2, -64, 0, 0, 0, -32, 32, -4, 4],
}

test('a column shows the lowest and the highest of what it stands for, of its own channel', () => {
  const left = columnsOf(CALL, 0, 2)
  expect(left.map(({ low, high }) => [low, high])).toEqual([
    [-1, 1],
    [-0.5, 32 / 127],
  ])
  expect(columnsOf(CALL, 1, 100)).toHaveLength(4)
  expect(columnsOf(CALL, 1, 4)[3]).toEqual({ low: -4 / 128, high: 4 / 127 })
})

test('a quiet side stays quiet beside a loud one, and silence is no noise', () => {
  expect(gainOf(CALL)).toBe(1)
  expect(gainOf({ ...CALL, data: CALL.data.map(() => 0) })).toBe(1)
  expect(gainOf({ ...CALL, data: CALL.data.map(() => 2) })).toBe(6)
})

test('the outline stays in its box and is nowhere empty', () => {
  const path = outlineOf(columnsOf(CALL, 1, 4), 1)
  expect(path.match(/M/g)).toHaveLength(4)
  for (const [, y] of path.matchAll(/[MV](?:[\d.]+ )?(-?[\d.]+)/g)) expect(Math.abs(Number(y))).toBeLessThanOrEqual(1)
  expect(path).toContain('-0.012')
  expect(outlineOf([], 1)).toBe('')
})

test('keys lead through the sound and never beyond it', () => {
  expect(seekByKey('ArrowRight', false, 10, 60)).toBe(15)
  expect(seekByKey('ArrowLeft', true, 10, 60)).toBe(0)
  expect(seekByKey('PageUp', false, 50, 60)).toBe(60)
  expect(seekByKey('Home', false, 50, 60)).toBe(0)
  expect(seekByKey('End', false, 5, 60)).toBe(60)
  expect(seekByKey('a', false, 5, 60)).toBeNull()
})

import { expect, test } from 'vitest'
import { rational } from '../../core/rational.ts'
import type { InputSample, Repair } from '../samples.ts'
import { TIMELINE_EPOCH_MS } from './cell.ts'
import type { TimelineEntry } from './entry.ts'
import { Timing } from './timing.ts'

const NOW_MS = Date.UTC(2026, 10, 21)

function entry(clock: TimelineEntry['clock'], ticksPerSec: number): TimelineEntry {
  const firstTimestamp = clock === 'epoch' ? (NOW_MS / 1000) * ticksPerSec : 0
  const track = { id: 'v0', ticksPerSec, firstTimestamp, timescale: 90_000, frameTicks: 3000, rate: rational(30, 1) }
  return {
    version: 1,
    dsn: 0,
    cell: rational(2, 1),
    clock,
    epochUs: NOW_MS * 1000,
    configHash: '',
    tracks: [track],
    createdAtMs: NOW_MS,
  }
}

function begin(clock: TimelineEntry['clock']) {
  const ticksPerSec = clock === 'rtmp' ? 1000 : 90_000
  const repairs: Repair[] = []
  const timing = new Timing(entry(clock, ticksPerSec), (repair) => repairs.push(repair))
  const base = clock === 'epoch' ? NOW_MS / 1000 : 0
  /** A frame at so many seconds of media, arriving at so many. */
  const place = (sec: number, arrivedSec = sec, trackId = 'v0') => {
    const dts = Math.round((base + sec) * ticksPerSec)
    const sample: InputSample = { trackId, dts, cto: 0, duration: null, isKeyframe: true, data: new Uint8Array(1) }
    return timing.place(sample, NOW_MS + arrivedSec * 1000)
  }
  return { place, repairs }
}

function secOf(result: ReturnType<ReturnType<typeof begin>['place']>): number {
  if (result.kind !== 'sample') throw new Error(result.kind)
  return result.sample.dts / 90_000 - (NOW_MS - TIMELINE_EPOCH_MS) / 1000
}

test.each(['rtmp', 'ts', 'media', 'epoch'] as const)(
  '%s: media time is the time of arrival of the first sample, and runs with the input clock',
  (clock) => {
    const { place } = begin(clock)
    for (const sec of [0, 1, 2.5, 9]) expect(secOf(place(sec))).toBeCloseTo(sec, 5)
  },
)

test('milliseconds are snapped to frames', () => {
  const { place } = begin('rtmp')
  const ticks = [0, 0.033, 0.067, 0.1].map((sec) => Math.round(secOf(place(sec)) * 90_000))
  expect(ticks).toEqual([0, 3000, 6000, 9000])
})

test.each(['rtmp', 'media'] as const)(
  '%s: a leap forward that fits its arrival is loss, another one is a new clock',
  (clock) => {
    const { place } = begin(clock)
    place(0)
    expect(place(15, 15.5).kind).toBe('sample')
    expect(place(40, 16)).toMatchObject({ kind: 'jump', bySec: 25 })
  },
)

test.each(['rtmp', 'ts'] as const)('%s: half a second back is mended frame by frame, more is a new clock', (clock) => {
  const { place, repairs } = begin(clock)
  place(0)
  const latest = secOf(place(5))
  expect(secOf(place(4.6, 5))).toBeGreaterThan(latest)
  expect(repairs.map(({ cause }) => cause)).toEqual(['timestamp_backward'])
  expect(place(1, 5)).toMatchObject({ kind: 'jump' })
})

test.each(['media', 'epoch'] as const)(
  '%s: what an encoder sends again after a reconnect is left out, to the last frame',
  (clock) => {
    const { place, repairs } = begin(clock)
    place(0)
    place(5)
    for (const sec of [3, 4, 4.9, 5]) expect(place(sec, 6).kind).toBe('repeated')
    expect(secOf(place(5.04, 6))).toBeCloseTo(5.04, 4)
    expect(repairs).toHaveLength(4)
  },
)

test('a file that an encoder plays in a loop is a new clock, not a repetition', () => {
  const { place } = begin('media')
  place(0)
  place(60)
  expect(place(0, 60.04)).toMatchObject({ kind: 'jump', bySec: -60 })
})

test('a jump changes nothing: the old clock may come back', () => {
  const { place } = begin('rtmp')
  place(0)
  place(1)
  expect(place(500, 1.1).kind).toBe('jump')
  expect(secOf(place(1.1))).toBeCloseTo(1.1, 5)
})

test('a track that the entry does not know is named', () => {
  expect(begin('rtmp').place(0, 0, 'a0').kind).toBe('unknown_track')
})

test('a step forward of seconds is a new clock when it leads ahead of the arrival, and a loss when media comes as late', () => {
  const jumping = begin('ts')
  jumping.place(0)
  expect(jumping.place(5, 1 / 30)).toMatchObject({ kind: 'jump' })
  const losing = begin('ts')
  losing.place(0)
  expect(losing.place(5, 5)).toMatchObject({ kind: 'sample' })
  const delayed = begin('ts')
  delayed.place(0)
  expect(delayed.place(5, 9)).toMatchObject({ kind: 'sample' })
})

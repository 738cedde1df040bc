import { expect, test } from 'vitest'
import { TIMELINE_EPOCH_MS } from './cell.ts'
import { canAdopt, clockKind, type FirstSight, type TimelineEntry, TrackMap, timelineEntrySchema } from './entry.ts'

const NOW_MS = Date.UTC(2026, 10, 21, 12)

const tsEntry: TimelineEntry = {
  version: 1,
  dsn: 3,
  cell: { num: 1001, den: 500 },
  clock: 'ts',
  epochUs: NOW_MS * 1000,
  configHash: 'abc',
  tracks: [
    {
      id: 'v0',
      ticksPerSec: 90_000,
      firstTimestamp: 1_000_000,
      timescale: 90_000,
      frameTicks: 3003,
      rate: { num: 30000, den: 1001 },
    },
    {
      id: 'a0',
      ticksPerSec: 90_000,
      firstTimestamp: 1_009_000,
      timescale: 48_000,
      frameTicks: 1024,
      rate: { num: 375, den: 8 },
    },
  ],
  createdAtMs: NOW_MS,
}

const sight: FirstSight = {
  clock: 'ts',
  configHash: 'abc',
  trackId: 'v0',
  timestamp: 1_000_000,
  ticksPerSec: 90_000,
  arrivedAtMs: NOW_MS,
}

test('an entry survives its own JSON', () => {
  expect(timelineEntrySchema.parse(JSON.parse(JSON.stringify(tsEntry)))).toEqual(tsEntry)
})

test('an input whose clock went on is adopted, one whose clock restarted is not', () => {
  const tenMinutes = { ...sight, timestamp: 1_000_000 + 600 * 90_000, arrivedAtMs: NOW_MS + 600_000 }
  expect(canAdopt(tsEntry, tenMinutes, null)).toBe(true)
  expect(canAdopt(tsEntry, { ...tenMinutes, timestamp: 1_000_000 }, null)).toBe(false)
  expect(canAdopt(tsEntry, { ...tenMinutes, arrivedAtMs: NOW_MS + 603_000 }, null)).toBe(false)
  expect(canAdopt(tsEntry, { ...tenMinutes, configHash: 'other' }, null)).toBe(false)
})

test('a 33-bit wrap between two publishers is no new clock', () => {
  const wrapSec = 2 ** 33 / 90_000
  const arrivedAtMs = NOW_MS + Math.round((wrapSec + 100) * 1000)
  expect(canAdopt(tsEntry, { ...sight, timestamp: 1_000_000 + 100 * 90_000, arrivedAtMs }, null)).toBe(true)
})

test('two origins map the same timestamps to the same ticks, whenever they joined', () => {
  const track = tsEntry.tracks[0]!
  const early = new TrackMap(tsEntry, track)
  for (let frame = 0; frame < 3000; frame++) {
    const elapsed = early.elapsed((1_000_000 + frame * 3003) % 2 ** 33, NOW_MS + frame * 33)
    early.advance(elapsed)
  }
  const timestamp = 1_000_000 + 3000 * 3003
  const arrivedAtMs = NOW_MS + 100_100
  const late = new TrackMap(tsEntry, track)
  expect(late.toTicks(late.elapsed(timestamp, arrivedAtMs))).toEqual(
    early.toTicks(early.elapsed(timestamp, arrivedAtMs + 900)),
  )
  expect(early.toTicks(early.elapsed(timestamp, arrivedAtMs)).ticks).toBe(
    ((NOW_MS - TIMELINE_EPOCH_MS) / 1000) * 90_000 + 3000 * 3003,
  )
})

test('audio keeps its offset to video', () => {
  const audio = new TrackMap(tsEntry, tsEntry.tracks[1]!)
  const { ticks } = audio.toTicks(audio.elapsed(1_009_000, NOW_MS + 100))
  expect(ticks / 48_000 - (NOW_MS - TIMELINE_EPOCH_MS) / 1000).toBeCloseTo(0.1, 6)
})

test('fMP4 decode times that are seconds since 1970 are recognised, unless the clock is plainly wrong', () => {
  const clock = { kind: 'media', ticksPerSec: 90_000, wrapBits: null } as const
  expect(clockKind(clock, (NOW_MS / 1000) * 90_000, NOW_MS)).toBe('epoch')
  expect(clockKind(clock, (NOW_MS / 1000 + 86_400) * 90_000, NOW_MS)).toBe('media')
  expect(clockKind(clock, 5 * 90_000, NOW_MS)).toBe('media')
  const entry: TimelineEntry = {
    ...tsEntry,
    clock: 'epoch',
    tracks: [{ ...tsEntry.tracks[0]!, firstTimestamp: (NOW_MS / 1000) * 90_000 }],
  }
  const map = new TrackMap(entry, entry.tracks[0]!)
  const raw = (NOW_MS / 1000 + 10) * 90_000
  expect(map.toTicks(map.elapsed(raw, 0)).ticks).toBeCloseTo(((NOW_MS - TIMELINE_EPOCH_MS) / 1000 + 10) * 90_000, -2)
})

// A healthy encoder may start at any moment; whatever cell border its first frames lie on both sides of, none is lost.
import { beforeAll, expect, test } from 'vitest'
import { rational } from '../../core/rational.ts'
import type { InputSample } from '../../media/samples.ts'
import { TIMELINE_EPOCH_MS } from '../../media/timeline/cell.ts'
import type { TimelineEntry } from '../../media/timeline/entry.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import { firstCellOf } from './first-cells.ts'
import { flv, isAudioTag, NOON_MS, Stage, type TimedBytes, ts } from './live-stage.test-support.ts'
import { openTimelineStore } from './timeline-store.ts'

let tags: readonly TimedBytes[]
let packets: readonly TimedBytes[]

beforeAll(async () => {
  const options = { seconds: 12, gopFrames: 15 }
  tags = await flv(options)
  packets = await ts(options)
}, 60_000)

const SHORT = { segmentMs: 500, partMs: 100 }

function expectUnharmed(stage: Stage): void {
  const { status, drops, repairs } = stage.stream.status(stage.nowMs)
  expect({ status, drops, repairs }).toEqual({ status: 'live', drops: {}, repairs: {} })
}

/** A busy machine hands over at once what came while it was busy. */
function inBursts(media: readonly TimedBytes[], burstMs: number): readonly TimedBytes[] {
  return media.map(({ atMs, bytes }) => ({ atMs: Math.ceil((atMs + 1) / burstMs) * burstMs, bytes }))
}

test.each(
  [0, 1, 5, 10, 20, 22, 30, 480, 499].flatMap((afterBorderMs) =>
    [1, 50, 150].map((burstMs) => ({ afterBorderMs, burstMs })),
  ),
)('a start $afterBorderMs ms after a cell border, in bursts of $burstMs ms, drops nothing', async (start) => {
  const stage = new Stage({ settings: SHORT, startMs: NOON_MS + start.afterBorderMs })
  await stage.feed(
    stage.open('flv'),
    inBursts(
      tags.filter(({ atMs }) => atMs < 2500),
      start.burstMs,
    ),
  )
  expectUnharmed(stage)
  const [video, audio] = ['v0', 'a0'].map((id) => stage.segments(id))
  expect(audio?.[0]).toEqual(video?.[0])
  for (const listed of [video, audio]) expect(listed?.filter(({ isGap }) => isGap)).toEqual([])
})

test('sound that came long before the first picture begins with it, and is not counted as lost', async () => {
  const stage = new Stage({ settings: SHORT })
  const late = tags.filter((tag) => tag.atMs < 5000 && (isAudioTag(tag) || tag.atMs >= 1800 || tag.bytes[12] === 0))
  await stage.feed(stage.open('flv'), late)
  expectUnharmed(stage)
  expect(stage.segments('a0')[0]?.msn).toBe(stage.segments('v0')[0]?.msn)
})

test('an origin that joins late leaves the cell it has not seen from its start to others, and counts no loss', async () => {
  const store = createMemoryStore({ nowMs: () => NOON_MS })
  const one = new Stage({ timeline: openTimelineStore(store) })
  await one.feed(
    one.open('ts'),
    packets.filter(({ atMs }) => atMs < 1000),
  )
  const two = new Stage({ timeline: openTimelineStore(store), startMs: NOON_MS + 3300 })
  await two.feed(
    two.open('ts'),
    packets.filter(({ atMs }) => atMs >= 3300),
  )
  expectUnharmed(two)
  expect(two.stream.status(two.nowMs).discontinuitySequence).toBe(0)
  expect(two.segments('v0').length).toBeGreaterThan(1)
})

const NOON_CELL = (NOON_MS - TIMELINE_EPOCH_MS) / 2000
const entry: TimelineEntry = {
  version: 1,
  dsn: 0,
  cell: rational(2, 1),
  clock: 'rtmp',
  epochUs: (NOON_MS + 500) * 1000,
  configHash: '',
  tracks: [
    { id: 'v0', ticksPerSec: 1000, firstTimestamp: 0, timescale: 90_000, frameTicks: 3000, rate: rational(30, 1) },
    { id: 'a0', ticksPerSec: 1000, firstTimestamp: 0, timescale: 48_000, frameTicks: 1024, rate: rational(375, 8) },
  ],
  createdAtMs: NOON_MS,
}

function first(trackId: string, dts: number) {
  const sample: InputSample = { trackId, dts, cto: 0, duration: null, isKeyframe: true, data: new Uint8Array(1) }
  return { sample, arrivedAtMs: NOON_MS + 500 + dts }
}

test('the creator of an entry starts at once, in the cell of its video', () => {
  expect(firstCellOf(entry, [first('v0', 0), first('a0', 0)], false)).toBe(NOON_CELL)
  expect(firstCellOf(entry, [first('a0', 0), first('v0', 1600)], false)).toBe(NOON_CELL + 1)
  expect(firstCellOf(entry, [first('a0', 4000)], false)).toBe(NOON_CELL + 2)
})

test('an adopter starts with the first cell that it has seen from its start in every track', () => {
  expect(firstCellOf(entry, [first('v0', 0), first('a0', 0)], true)).toBe(NOON_CELL + 1)
  expect(firstCellOf(entry, [first('v0', 0), first('a0', 1600)], true)).toBe(NOON_CELL + 2)
})

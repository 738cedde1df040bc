import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rational } from '../../core/rational.ts'
import type { Repair } from '../samples.ts'
import { cellGrid, cellLength } from '../timeline/cell.ts'
import type { TimedSample } from '../timeline/timing.ts'
import { advertisedPartTargetMs, PART_FILL_MIN } from './part-target.ts'
import { type PackagedPart, TrackPackager } from './track-packager.ts'

const BASE_SEC = 200_000_000 // some time in 2026, since the timeline's epoch

interface Result {
  readonly segments: {
    msn: number
    startDts: number
    isIndependent: boolean
    parts: PackagedPart[]
    isGap: boolean
    gapEnd?: number
    endDts?: number
  }[]
  readonly repairs: Repair[]
}

function packageTrack(
  samples: readonly TimedSample[],
  options: {
    timescale: number
    cell: { num: number; den: number }
    kind?: 'video' | 'audio'
    gop?: 'auto' | 'fixed'
    firstCell?: number
    partMs?: number
    /** Before this sample silence is filled with gaps through a cell. */
    gapsThroughAt?: { frame: number; msn: number }
  },
): Result {
  const grid = cellGrid(options.cell, options.timescale)
  const result: Result = { segments: [], repairs: [] }
  const packager = new TrackPackager(
    {
      trackId: options.kind === 'audio' ? 'a0' : 'v0',
      kind: options.kind ?? 'video',
      grid,
      partTargetTicks: Math.floor(((options.partMs ?? 214) / 1000) * options.timescale),
      firstCell: options.firstCell ?? grid.cellOf(samples[0]?.dts ?? 0),
      gop: options.gop ?? 'auto',
    },
    {
      onSegmentStart: ({ msn, startDts, isIndependent }) =>
        result.segments.push({ msn, startDts, isIndependent, parts: [], isGap: false }),
      onPart: (part) => result.segments.at(-1)!.parts.push(part),
      onSegmentEnd: ({ endDts }) => {
        result.segments.at(-1)!.endDts = endDts
      },
      onGap: ({ msn, startDts, endDts }) =>
        result.segments.push({ msn, startDts, isIndependent: false, parts: [], isGap: true, gapEnd: endDts }),
      onRepair: (repair) => result.repairs.push(repair),
    },
  )
  for (const [index, sample] of samples.entries()) {
    if (options.gapsThroughAt?.frame === index) packager.fillGapsThrough(options.gapsThroughAt.msn)
    packager.push(sample)
  }
  packager.close()
  return result
}

function video(
  count: number,
  {
    rate,
    gop,
    phase = 0,
    nominal = true,
  }: { rate: { num: number; den: number }; gop: number; phase?: number; nominal?: boolean },
): TimedSample[] {
  const timescale = 90_000
  const frame = (timescale * rate.den) / rate.num
  return Array.from({ length: count }, (_, n) => ({
    dts: BASE_SEC * timescale + phase + Math.round(n * frame),
    cto: 0,
    duration: nominal ? Math.round(frame) : null,
    isKeyframe: n % gop === 0,
    data: new Uint8Array([n & 255]),
    arrivedAtMs: 0,
  }))
}

function durationOf(parts: readonly PackagedPart[]): number {
  return parts.reduce((sum, part) => sum + part.endDts - part.startDts, 0)
}

function expectRisingByOne(segments: Result['segments']): void {
  for (const [index, segment] of segments.entries()) expect(segment.msn).toBe(segments[0]!.msn + index)
}

const NTSC = rational(30000, 1001)

test.each([
  ['29.97 fps with a keyframe every 2 s', NTSC, 60],
  ["29.97 fps with x264's default of 250 frames", NTSC, 250],
  ['60 fps with a keyframe every second', rational(60, 1), 60],
  ['25 fps with a keyframe every 10 s', rational(25, 1), 250],
  ['30 fps with a keyframe every frame', rational(30, 1), 1],
])('%s: every cell has one segment, numbers rise by 1, none is longer than two cells', (_, rate, gop) => {
  const cell = cellLength(2000, rate)
  const { segments } = packageTrack(video(60 * 60, { rate, gop, phase: 12_345 }), { timescale: 90_000, cell })
  expectRisingByOne(segments)
  for (const segment of segments.slice(1, -1)) {
    expect(segment.isGap).toBe(false)
    expect(durationOf(segment.parts) / 90_000).toBeLessThanOrEqual((2 * cell.num) / cell.den)
  }
})

test('a segment starts with the first keyframe of its cell', () => {
  const { segments } = packageTrack(video(300, { rate: rational(30, 1), gop: 30, phase: 45_000 }), {
    timescale: 90_000,
    cell: rational(2, 1),
  })
  for (const segment of segments) {
    expect(segment.isIndependent).toBe(true)
    expect(segment.parts[0]!.samples[0]!.isKeyframe).toBe(true)
  }
})

test('a cell without a keyframe starts with its last frame, and says so', () => {
  const { segments, repairs } = packageTrack(video(400, { rate: rational(25, 1), gop: 250 }), {
    timescale: 90_000,
    cell: rational(2, 1),
  })
  const forced = segments.filter((segment) => !segment.isIndependent)
  expect(forced.length).toBeGreaterThan(3)
  expect(repairs.filter((repair) => repair.cause === 'gop_too_long')).toHaveLength(forced.length)
  for (const segment of forced) {
    const [first] = segment.parts[0]!.samples
    expect(first!.isKeyframe).toBe(false)
    expect(first!.dts + first!.duration).toBeGreaterThanOrEqual((segment.msn + 1) * 2 * 90_000)
  }
})

test('with a fixed GOP no segment outlasts the cell, even when the encoder breaks the promise', () => {
  const samples = video(600, { rate: rational(30, 1), gop: 60, phase: 30_000 }).map((sample, n) => ({
    ...sample,
    isKeyframe: sample.isKeyframe && n !== 120,
  }))
  const { segments } = packageTrack(samples, { timescale: 90_000, cell: rational(2, 1), gop: 'fixed' })
  for (const segment of segments) expect(durationOf(segment.parts) / 90_000).toBeLessThanOrEqual(2)
  expectRisingByOne(segments)
})

test.each([
  ['23.976', rational(24000, 1001)],
  ['25', rational(25, 1)],
  ['29.97', NTSC],
  ['50', rational(50, 1)],
  ['59.94', rational(60000, 1001)],
  ['60', rational(60, 1)],
])('parts of %s fps never exceed PART-TARGET and fill 85 %% of it, but for the last of a segment', (_, rate) => {
  const targetMs = advertisedPartTargetMs(200, [])
  const { segments } = packageTrack(video(1000, { rate, gop: 60 }), {
    timescale: 90_000,
    cell: cellLength(2000, rate),
    partMs: targetMs,
  })
  const target = (targetMs / 1000) * 90_000
  for (const segment of segments.slice(0, -1)) {
    segment.parts.forEach((part, index) => {
      expect(part.index).toBe(index)
      expect(part.endDts - part.startDts).toBeLessThanOrEqual(target)
      if (index < segment.parts.length - 1)
        expect(part.endDts - part.startDts).toBeGreaterThanOrEqual(target * PART_FILL_MIN)
    })
  }
})

test('a part ends where the next one starts, so that its name is known beforehand', () => {
  const { segments } = packageTrack(video(500, { rate: NTSC, gop: 60 }), {
    timescale: 90_000,
    cell: cellLength(2000, NTSC),
  })
  const parts = segments.flatMap((segment) => segment.parts)
  for (let index = 1; index < parts.length; index++) expect(parts[index]!.startDts).toBe(parts[index - 1]!.endDts)
})

test('a hole of whole cells becomes gaps, and frames before the next keyframe are dropped and counted', () => {
  const all = video(900, { rate: rational(30, 1), gop: 60 })
  const { segments, repairs } = packageTrack([...all.slice(0, 130), ...all.slice(430)], {
    timescale: 90_000,
    cell: rational(2, 1),
  })
  expectRisingByOne(segments)
  const gaps = segments.filter((segment) => segment.isGap)
  expect(gaps.length).toBeGreaterThanOrEqual(4)
  for (const gap of gaps) expect(gap.gapEnd! - gap.startDts).toBeGreaterThan(0)
  expect(repairs.some((repair) => repair.cause === 'sample_dropped')).toBe(true)
})

test('media for a cell that was already filled with a gap is dropped and counted', () => {
  const samples = video(240, { rate: rational(30, 1), gop: 30 })
  const firstCell = cellGrid(rational(2, 1), 90_000).cellOf(samples[0]!.dts)
  const { segments, repairs } = packageTrack(
    samples.filter((_, index) => index < 60 || index >= 90),
    { timescale: 90_000, cell: rational(2, 1), gapsThroughAt: { frame: 60, msn: firstCell + 2 } },
  )
  expect(segments.map(({ isGap }) => isGap)).toEqual([false, true, true, false])
  expect(repairs.filter((repair) => repair.cause === 'late_media')).toHaveLength(90)
})

test('what comes before the first cell, or before the first keyframe in it, belongs to others and is no loss', () => {
  const samples = video(240, { rate: rational(30, 1), gop: 45 })
  const firstCell = cellGrid(rational(2, 1), 90_000).cellOf(samples[0]!.dts)
  const options = { timescale: 90_000, cell: rational(2, 1), firstCell: firstCell + 1 }
  const { segments, repairs } = packageTrack(samples, options)
  expect(segments[0]).toMatchObject({ msn: firstCell + 1, startDts: samples[90]!.dts, isGap: false })
  expect(repairs).toEqual([])
})

test('an origin that joins late cuts the same parts and segments', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.constantFrom(30, 48, 60, 250),
      fc.integer({ min: 0, max: 170_000 }),
      (joinAt, gop, phase) => {
        const samples = video(1500, { rate: NTSC, gop, phase })
        const cell = cellLength(2000, NTSC)
        const early = packageTrack(samples, { timescale: 90_000, cell })
        // A late joiner sees nothing before a keyframe and publishes from the first cell whose start it has seen.
        const fromKeyframe = Math.ceil(joinAt / gop) * gop
        const firstCell = cellGrid(cell, 90_000).cellOf(samples[fromKeyframe]!.dts) + 1
        const late = packageTrack(samples.slice(fromKeyframe), { timescale: 90_000, cell, firstCell })
        for (const segment of late.segments) {
          const twin = early.segments.find((candidate) => candidate.msn === segment.msn)
          expect(segment.parts).toEqual(twin!.parts)
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('audio starts each segment with its first frame in the cell', () => {
  const samples: TimedSample[] = Array.from({ length: 1000 }, (_, n) => ({
    dts: BASE_SEC * 48_000 + 100 + n * 1024,
    cto: 0,
    duration: 1024,
    isKeyframe: true,
    data: new Uint8Array(3),
    arrivedAtMs: 0,
  }))
  const { segments } = packageTrack(samples, { timescale: 48_000, cell: cellLength(2000, NTSC), kind: 'audio' })
  const grid = cellGrid(cellLength(2000, NTSC), 48_000)
  for (const segment of segments.slice(1)) {
    expect(segment.startDts - grid.startOf(segment.msn)).toBeGreaterThanOrEqual(0)
    expect(segment.startDts - grid.startOf(segment.msn)).toBeLessThan(1024)
  }
})

test('frames of unknown length wait for their successor', () => {
  const { segments } = packageTrack(video(200, { rate: rational(30, 1), gop: 60, nominal: false }), {
    timescale: 90_000,
    cell: rational(2, 1),
  })
  for (const part of segments.flatMap((segment) => segment.parts))
    for (const sample of part.samples) expect(sample.duration).toBe(3000)
})

test('PART-TARGET suits every frame rate, and a single frame always fits', () => {
  expect(advertisedPartTargetMs(200, [1 / 25])).toBe(214)
  expect(advertisedPartTargetMs(250, [1 / 25])).toBe(256)
  expect(advertisedPartTargetMs(500, [])).toBe(500)
  expect(advertisedPartTargetMs(200, [1])).toBe(1000)
  for (const frameSec of [1001 / 24000, 1 / 25, 1001 / 30000, 1 / 60, 1024 / 48000, 1024 / 44100]) {
    const targetSec = advertisedPartTargetMs(100, [frameSec]) / 1000
    expect(Math.floor(targetSec / frameSec + 1e-9) * frameSec).toBeGreaterThanOrEqual(targetSec * PART_FILL_MIN)
  }
})

test.each(['auto', 'fixed'] as const)('gop %s: a sample that claims minutes does not outgrow TARGETDURATION', (gop) => {
  const samples = video(300, { rate: rational(30, 1), gop: 60 }).map((sample, n) =>
    n % 50 === 49 ? { ...sample, duration: 300 * 90_000 } : sample,
  )
  // Without a declared length the hole after it is the sample's length.
  const { segments } = packageTrack([...samples.slice(0, 150), ...samples.slice(280)], {
    timescale: 90_000,
    cell: rational(2, 1),
    gop,
  })
  expectRisingByOne(segments)
  const targetSec = gop === 'auto' ? 4 : 2
  for (const { startDts, endDts = startDts } of segments) {
    expect((endDts - startDts) / 90_000).toBeLessThanOrEqual(targetSec)
  }
})

test('samples whose length only the next one tells are no longer than the cells they lie in', () => {
  const all = video(600, { rate: rational(30, 1), gop: 60, nominal: false })
  const { segments } = packageTrack([...all.slice(0, 100), ...all.slice(380)], {
    timescale: 90_000,
    cell: rational(2, 1),
  })
  expectRisingByOne(segments)
  for (const { startDts, endDts = startDts } of segments) expect((endDts - startDts) / 90_000).toBeLessThanOrEqual(4)
})

test('media that comes again, as after a reconnect, is published once', () => {
  const all = video(300, { rate: rational(30, 1), gop: 60 })
  const options = { timescale: 90_000, cell: rational(2, 1) }
  const { segments, repairs } = packageTrack([...all.slice(0, 110), ...all.slice(80)], options)
  expect(segments).toEqual(packageTrack(all, options).segments)
  expect(repairs.filter(({ cause }) => cause === 'late_media')).toHaveLength(30)
})

test('a hole within a segment is part of its length', () => {
  const all = video(240, { rate: rational(30, 1), gop: 60 })
  const { segments } = packageTrack([...all.slice(0, 75), ...all.slice(90)], {
    timescale: 90_000,
    cell: rational(2, 1),
  })
  expect(segments.map(({ startDts, endDts = 0 }) => (endDts - startDts) / 90_000)).toEqual([2, 2, 2, 2])
})

test('frames missing within a segment leave no short part: the last frame before them lasts longer', () => {
  const all = video(240, { rate: rational(30, 1), gop: 60 })
  const { segments } = packageTrack([...all.slice(0, 75), ...all.slice(90)], {
    timescale: 90_000,
    cell: rational(2, 1),
  })
  for (const { parts } of segments) {
    for (const { startDts, endDts } of parts.slice(0, -1)) {
      expect((endDts - startDts) / 90_000).toBeGreaterThanOrEqual(PART_FILL_MIN * 0.214)
      expect((endDts - startDts) / 90_000).toBeLessThanOrEqual(0.214)
    }
  }
})

test.each([1, 2, 3])(
  'with %i frames missing anywhere the hinted part comes, and parts add up to their segment',
  (missing) => {
    const all = video(120, { rate: NTSC, gop: 60 })
    for (let at = 1; at + missing < 60; at++) {
      const { segments } = packageTrack([...all.slice(0, at), ...all.slice(at + missing)], {
        timescale: 90_000,
        cell: cellLength(2000, NTSC),
      })
      for (const { parts, startDts, endDts } of segments) {
        expect(durationOf(parts)).toBe(endDts! - startDts)
        for (const [index, part] of parts.entries()) {
          expect(part.endDts - part.startDts).toBeLessThanOrEqual(0.214 * 90_000)
          if (index > 0) expect(part.startDts).toBe(parts[index - 1]?.endDts)
        }
        const samples = parts.flatMap((part) => part.samples)
        for (const [index, sample] of samples.entries())
          expect(sample.dts + sample.duration).toBeLessThanOrEqual(samples[index + 1]?.dts ?? endDts!)
      }
    }
  },
)

test('a hole that no part can bridge leaves the parts on both sides as they are', () => {
  const all = video(120, { rate: rational(30, 1), gop: 60 })
  const { segments } = packageTrack([...all.slice(0, 30), ...all.slice(45)], {
    timescale: 90_000,
    cell: rational(2, 1),
  })
  const parts = segments[0]!.parts
  expect(parts.map(({ startDts }) => startDts)).toContain(all[45]!.dts)
  for (const part of parts) expect(part.endDts - part.startDts).toBeLessThanOrEqual(0.214 * 90_000)
})

test('frames that come sooner than the last one promised are decoded after it and shown when they should be', () => {
  const all = video(120, { rate: rational(30, 1), gop: 60 })
  const sooner = all.map((sample, index) => ({ ...sample, dts: sample.dts - (index >= 30 ? 90 : 0) }))
  const { segments } = packageTrack(sooner, {
    timescale: 90_000,
    cell: rational(2, 1),
    firstCell: all[0]!.dts / 180_000,
  })
  const parts = segments[0]?.parts ?? []
  expect(parts.length).toBeGreaterThan(8)
  for (const [index, { endDts }] of parts.slice(0, -1).entries()) expect(parts[index + 1]?.startDts).toBe(endDts)
  const shown = parts.flatMap(({ samples }) => samples.map(({ dts, cto }) => dts + cto))
  expect(shown).toEqual(sooner.slice(0, shown.length).map(({ dts, cto }) => dts + cto))
})

test.each([
  ['of a tick', 1, 1024],
  ['of half a frame, whose lengths only the next ones tell', 500, null],
  ['of several frames', 2500, 1024],
  ['of several frames, whose lengths only the next ones tell', 2500, null],
])('where a loop of sound comes round with a step back %s, the hinted part comes', (_, back, duration) => {
  const cell = rational(2, 1)
  for (let seam = 1; seam < 250; seam++) {
    let last = Number.NEGATIVE_INFINITY
    const samples = Array.from({ length: 300 }, (_, n): TimedSample => {
      // As Timing places what goes back: a tick after the one before.
      last = Math.max(BASE_SEC * 48_000 + n * 1024 - (n >= seam ? back : 0), last + 1)
      // The last one before the seam came a little late.
      if (n === seam - 1) last += 1
      return { dts: last, cto: 0, duration, isKeyframe: true, data: new Uint8Array(3), arrivedAtMs: 0 }
    })
    const { segments } = packageTrack(samples, { timescale: 48_000, cell, kind: 'audio' })
    const parts = segments.flatMap((segment) => segment.parts)
    const unkept = parts.slice(1).filter(({ startDts }, at) => startDts !== parts[at]!.endDts)
    expect(unkept, `seam ${seam}`).toEqual([])
    const frames = parts.flatMap((part) => part.samples)
    // One look at all of them: many expectations take longer than what they look at.
    const overlapping = frames.filter(
      ({ dts, duration: lasts }, at) => dts + lasts > (frames[at + 1]?.dts ?? Number.POSITIVE_INFINITY),
    )
    expect(overlapping, `seam ${seam}`).toEqual([])
    expect(frames.every(({ cto }) => cto === 0)).toBe(true)
  }
})

test.each(['video', 'audio'] as const)('a small hole after a part of %s leaves no hole in decode times', (kind) => {
  const timescale = kind === 'video' ? 90_000 : 48_000
  const sound = Array.from({ length: 400 }, (_, n) => ({
    dts: BASE_SEC * 48_000 + n * 1024,
    cto: 0,
    duration: 1024,
    isKeyframe: true,
    data: new Uint8Array([n & 255]),
    arrivedAtMs: 0,
  }))
  const all = kind === 'video' ? video(240, { rate: rational(30, 1), gop: 60 }) : sound
  // Within a segment and, for the first frame of the third cell, between two.
  const border = cellGrid(rational(2, 1), timescale).startOf(
    cellGrid(rational(2, 1), timescale).cellOf(all[0]!.dts) + 2,
  )
  const hole = timescale / 100
  const late = all.map((sample, index) => ({
    ...sample,
    dts: sample.dts + (index >= 30 ? hole : 0) + (sample.dts >= border ? hole : 0),
  }))
  const { segments, repairs } = packageTrack(late, { timescale, cell: rational(2, 1), kind })
  const parts = segments.flatMap((segment) => segment.parts)
  for (const [index, part] of parts.entries()) if (index > 0) expect(part.startDts).toBe(parts[index - 1]!.endDts)
  for (const { startDts, endDts } of parts) expect((endDts - startDts) / timescale).toBeLessThanOrEqual(0.214)
  const shown = parts.flatMap(({ samples }) => samples.map(({ dts, cto }) => dts + cto))
  const wanted = late.map(({ dts, cto }) => dts + cto)
  if (kind === 'video') expect(shown).toEqual(wanted)
  else for (const [index, pts] of shown.entries()) expect(Math.abs(pts - wanted[index]!)).toBeLessThanOrEqual(hole)
  expect(repairs).toEqual([])
})

test.each([
  ['as their headers say', true],
  ['as the next frame tells', false],
])('frames that come unevenly, as long %s, still fill their parts and are shown when they should be', (_, nominal) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -900, max: 900 }), { minLength: 120, maxLength: 120 }),
      fc.constantFrom(rational(30, 1), rational(25, 1), NTSC, rational(60, 1)),
      (jitter, rate) => {
        const uneven = video(120, { rate, gop: 60, phase: 12_345, nominal }).map((sample, index) => {
          // Up to a third of a frame, so that none overtakes another.
          return { ...sample, dts: sample.dts + Math.round(((jitter[index] ?? 0) * 30 * rate.den) / rate.num) }
        })
        const { segments, repairs } = packageTrack(uneven, { timescale: 90_000, cell: cellLength(2000, rate) })
        const parts = segments.flatMap((segment) => segment.parts)
        for (const { parts: own } of segments) {
          for (const [index, { startDts, endDts }] of own.entries()) {
            const lasts = endDts - startDts
            expect(lasts).toBeLessThanOrEqual(0.214 * 90_000)
            if (index < own.length - 1) expect(lasts).toBeGreaterThanOrEqual(PART_FILL_MIN * 0.214 * 90_000)
            if (index > 0) expect(startDts).toBe(own[index - 1]?.endDts)
          }
        }
        const samples = parts.flatMap((part) => part.samples)
        for (const [index, { dts, duration }] of samples.slice(0, -1).entries())
          expect(samples[index + 1]!.dts).toBeGreaterThanOrEqual(dts + (nominal ? 1 : duration))
        expect(samples.map(({ dts, cto }) => dts + cto)).toEqual(
          uneven.slice(uneven.length - samples.length).map(({ dts, cto }) => dts + cto),
        )
        expect(repairs).toEqual([])
      },
    ),
    { numRuns: 200 },
  )
})

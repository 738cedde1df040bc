// Encoders whose clocks drift or jump a little, for hours: wall-clock times stay true, and every origin tells the same.
import { expect, test } from 'vitest'
import { NOON_MS, type TimedBytes } from '../../src/live/owner/live-stage.test-support.ts'
import { openTimelineStore } from '../../src/live/owner/timeline-store.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import { Broadcast, type ListedSegment } from './broadcast.ts'
import { flvTags, stamped } from './feeds.ts'

const FRAME_MS = 100
const START_MS = NOON_MS + 500
/** Wall-clock times against the moment that media leaves the encoder, beside what the networks differ in. */
const TRUE_WITHIN_MS = 150
const SETTINGS = { partMs: 1000, segmentMs: 10_000, windowMs: 30_000 }

interface Camera {
  readonly heads: readonly TimedBytes[]
  /** What the encoder sends at `index * FRAME_MS`. */
  frame(index: number): TimedBytes
}

/** Ten pictures a second under timestamps of its own clock: `clockMs` at a true time. */
async function camera(clockMs: (trueMs: number) => number): Promise<Camera> {
  const tags = await flvTags({ seconds: 2, rate: '10', gopFrames: 20, audio: null, size: '32x32' })
  const frames = tags.filter(({ bytes }) => bytes[0] === 9 && bytes[12] === 1)
  expect(frames).toHaveLength(20)
  return {
    heads: tags.filter(({ bytes }) => bytes[0] !== 9 || bytes[12] === 0),
    frame(index) {
      const atMs = index * FRAME_MS
      return stamped({ atMs, bytes: (frames[index % 20] as TimedBytes).bytes }, Math.round(clockMs(atMs)))
    },
  }
}

/** An origin at the end of a network that adds `delayMs`. */
class Origin {
  readonly broadcast: Broadcast
  readonly #camera: Camera
  readonly #delayMs: (index: number) => number
  readonly #input: string
  #isBegun = false

  constructor(source: Camera, store: ReturnType<typeof createMemoryStore>, fromMs = 0, delayMs = (_: number) => 0) {
    const startMs = START_MS + fromMs
    this.broadcast = new Broadcast({
      startMs,
      timeline: openTimelineStore(store),
      settings: SETTINGS,
      parseEvery: 100,
    })
    this.#camera = source
    this.#delayMs = delayMs
    this.#input = this.broadcast.stage.open('flv')
  }

  async receive(index: number): Promise<void> {
    const { stage } = this.broadcast
    await stage.waitUntil(Math.max(stage.nowMs, START_MS + index * FRAME_MS + this.#delayMs(index)))
    if (!this.#isBegun) await this.broadcast.feed(this.#input, this.#camera.heads)
    this.#isBegun = true
    await this.broadcast.feed(this.#input, [this.#camera.frame(index)])
  }

  get segments(): readonly ListedSegment[] {
    return this.broadcast.segments('v0')
  }
}

/** How far the times of segments are from when their first picture left the encoder; the encoder's clock must rise. */
function errorsMs(segments: readonly ListedSegment[], clockMs: (trueMs: number) => number, frames: number): number[] {
  const media = segments.filter(({ isGap }) => !isGap)
  const first = media[0]
  if (first === undefined) return []
  const byClock = Array.from({ length: frames }, (_, index) => clockMs(index * FRAME_MS))
  let mediaMs = 0
  return media.map(({ durationSec, startsAtMs }) => {
    const index = byClock.findIndex((ms) => ms >= mediaMs - FRAME_MS / 2)
    mediaMs += durationSec * 1000
    return startsAtMs - (START_MS + index * FRAME_MS)
  })
}

/** Up to 60 ms late, mostly less, the same in every run. */
function jitterMs(index: number): number {
  return ((index * 7919) % 61) * (((index * 104_729) % 97) / 97)
}

test.concurrent.each([200, -200])(
  'origins that see a clock %i ppm off, one joining late, one starting again, tell the same times, and true ones',
  async (ppm) => {
    // After 35 minutes the encoder warms up: the first origin, which told of its drift so far, is gone by then.
    const warmMs = 2_100_000
    const clockMs = (trueMs: number) =>
      trueMs + (Math.min(trueMs, warmMs) * ppm - (Math.max(0, trueMs - warmMs) * ppm) / 2) / 1e6
    const source = await camera(clockMs)
    const store = createMemoryStore({ nowMs: () => NOON_MS })
    const frames = 3600 * (1000 / FRAME_MS)
    const [joins, starts] = [frames / 4, frames / 2]
    const first = new Origin(source, store)
    let late: Origin | null = null
    let again: Origin | null = null
    for (let index = 0; index < frames; index++) {
      if (index === joins) late = new Origin(source, store, index * FRAME_MS, (at) => 120 + jitterMs(at))
      // The first one dies, and comes back with nothing but the store.
      if (index === starts) again = new Origin(source, store, index * FRAME_MS, jitterMs)
      for (const origin of index < starts ? [first, late] : [late, again]) await origin?.receive(index)
    }
    const told = new Map<number, ListedSegment>()
    let compared = 0
    for (const origin of [first, late, again]) {
      if (origin === null) throw new Error('an origin is missing')
      expect(origin.broadcast.problems).toEqual([])
      expect(origin.broadcast.discontinuities('v0') + origin.broadcast.gaps('v0')).toBe(0)
      expect(origin.broadcast.repairs()['clock_drift']).toBeGreaterThan(0)
      for (const segment of origin.segments) {
        const known = told.get(segment.msn)
        if (known !== undefined) {
          compared++
          expect({ ...segment, bytes: null }).toEqual({ ...known, bytes: null })
          expect(Buffer.compare(segment.bytes, known.bytes)).toBe(0)
        }
        told.set(segment.msn, segment)
      }
    }
    expect(compared).toBeGreaterThan(260)
    const segments = [...told.values()].toSorted((a, b) => a.msn - b.msn)
    const errors = errorsMs(segments, clockMs, frames)
    expect(errors.length).toBeGreaterThan(355)
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(TRUE_WITHIN_MS)
  },
)

test.concurrent.each([0.3, -0.3])(
  'a clock that jumps %d s every ten minutes stays true and is never begun anew',
  async (bySec) => {
    const clockMs = (trueMs: number) => trueMs + Math.floor(trueMs / 600_000 + 0.5) * bySec * 1000
    const source = await camera(clockMs)
    const origin = new Origin(source, createMemoryStore({ nowMs: () => NOON_MS }))
    const frames = 3600 * (1000 / FRAME_MS)
    for (let index = 0; index < frames; index++) await origin.receive(index)
    expect(origin.broadcast.problems).toEqual([])
    expect(origin.broadcast.discontinuities('v0') + origin.broadcast.gaps('v0')).toBe(0)
    const { min, max } = origin.broadcast.lagSec('v0')
    expect(origin.broadcast.repairs()['clock_drift']).toBeGreaterThan(3)
    // Six jumps would add up to 1.8 s. The newest part is at most one second old, and may last through the hole of a jump.
    expect(min).toBeGreaterThan(-0.8)
    expect(max).toBeLessThan(1.6)
  },
)

test.concurrent.each([0.3, -0.3])(
  'a clock that jumps %d s every half minute is begun anew before it is two seconds off',
  async (bySec) => {
    const clockMs = (trueMs: number) => trueMs + Math.floor(trueMs / 30_000 + 0.5) * bySec * 1000
    const source = await camera(clockMs)
    const origin = new Origin(source, createMemoryStore({ nowMs: () => NOON_MS }))
    const frames = 1800 * (1000 / FRAME_MS)
    for (let index = 0; index < frames; index++) await origin.receive(index)
    expect(origin.broadcast.problems).toEqual([])
    const { min, max } = origin.broadcast.lagSec('v0')
    expect(min).toBeGreaterThan(-2.5)
    expect(max).toBeLessThan(4)
    expect(origin.broadcast.discontinuities('v0')).toBeGreaterThan(0)
    expect(origin.broadcast.discontinuities('v0')).toBeLessThan(10)
  },
)

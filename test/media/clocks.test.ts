// Clocks of encoders: they wrap, jump, jitter and drift; the playlist goes on.
import { expect, test } from 'vitest'
import { NOON_MS, type TimedBytes } from '../../src/live/owner/live-stage.test-support.ts'
import { makeFixtureFile } from '../support/fixtures.ts'
import { type Broadcast, expectRising, expectSameMedia, play, sourceOf } from './broadcast.ts'
import { cutFlv, cutTs, encoding, type PictureOptions, retimed, stamped, TS_MODULUS } from './feeds.ts'

const TS_TICKS_PER_MS = 90
/** PROGRAM-DATE-TIME and the arrival of media in a network without delays. */
const DATES_TRUE_MS = 150
const WITH_B_FRAMES: PictureOptions = {
  video: ['-c:v', 'libx264', '-preset', 'ultrafast', '-sc_threshold', '0', '-bf', '2'],
}

async function feedOf(container: 'ts' | 'flv', options: PictureOptions) {
  const path = await makeFixtureFile(
    [...encoding(options), '-f', container === 'ts' ? 'mpegts' : 'flv'],
    `clock.${container}`,
  )
  const file = await sourceOf(path)
  return { path, media: container === 'ts' ? cutTs(file) : cutFlv(file) }
}

/** The same media with another clock; `move` in milliseconds since the first sample. */
function reclocked(container: 'ts' | 'flv', piece: TimedBytes, byMs: number): TimedBytes {
  if (container === 'flv') return stamped(piece, piece.atMs + byMs)
  return retimed(piece, (ticks) => ticks + Math.round(byMs * TS_TICKS_PER_MS))
}

function expectTrueClock(broadcast: Broadcast, toleranceSec = 0.9): void {
  for (const id of ['v0', 'a0']) {
    expect(broadcast.lagSec(id).min, `${id} ahead of the clock`).toBeGreaterThan(-toleranceSec)
    expect(broadcast.lagSec(id).max, `${id} behind the clock`).toBeLessThan(toleranceSec)
  }
}

test.concurrent.each(['ts', 'flv'] as const)(
  'a %s clock that wraps in mid-stream goes on without a seam',
  async (container) => {
    const { path, media } = await feedOf(container, WITH_B_FRAMES)
    const wrapMs = container === 'ts' ? TS_MODULUS / TS_TICKS_PER_MS - 1400 : 2 ** 32
    const broadcast = await play(
      container,
      media.map((piece) => reclocked(container, piece, wrapMs - 4010)),
    )
    broadcast.expectLegal()
    await expectSameMedia(broadcast, path, { jitterSec: container === 'flv' ? 0.001 : 0 })
    expect(await broadcast.decode()).toBe('')
    expect(broadcast.discontinuities('v0') + broadcast.discontinuities('a0')).toBe(0)
    expect(broadcast.gaps('v0') + broadcast.gaps('a0')).toBe(0)
    expect(broadcast.repairs()).toEqual({})
    expectTrueClock(broadcast)
  },
)

const JUMPS = (['ts', 'flv'] as const).flatMap((container) =>
  [0.3, -0.3, 5, -5, 3600, -3600].flatMap((bySec) =>
    // At a keyframe and in the middle of a GOP.
    [6000, 6500].map((atMs) => ({ container, bySec, atMs })),
  ),
)

test.concurrent.each(JUMPS)('$container jumps by $bySec s at $atMs ms', async ({ container, bySec, atMs }) => {
  const { media } = await feedOf(container, { seconds: 14 })
  const broadcast = await play(
    container,
    media.map((piece) => (piece.atMs < atMs - 1 ? piece : reclocked(container, piece, bySec * 1000))),
  )
  broadcast.expectLegal()
  const isNewClock = Math.abs(bySec) > 2
  for (const id of ['v0', 'a0']) {
    expect(broadcast.discontinuities(id), `discontinuities of ${id}`).toBe(isNewClock ? 1 : 0)
    expect(broadcast.gaps(id), `gaps of ${id}`).toBeLessThanOrEqual(isNewClock ? 1 : 0)
    for (const dsn of isNewClock ? [0, 1] : [0]) expectRising(await broadcast.packets(id, dsn))
  }
  for (const dsn of isNewClock ? [0, 1] : [0]) expect(await broadcast.decode(dsn)).toBe('')
  // Media starts again with the next keyframe: until then the clock of the playlist stands.
  expectTrueClock(broadcast, isNewClock ? 3 : 0.9)
  const { timestamp_jump: jumps = 0, timestamp_backward: backward = 0 } = broadcast.repairs()
  expect(jumps).toBe(isNewClock ? 1 : 0)
  expect(backward > 0).toBe(bySec === -0.3)
})

test('a jump far from any keyframe is one discontinuity: audio waits for video', async () => {
  const { media } = await feedOf('flv', { seconds: 20, gopFrames: 250 })
  const broadcast = await play(
    'flv',
    media.map((piece) => (piece.atMs < 5500 ? piece : reclocked('flv', piece, 3_600_000))),
  )
  broadcast.expectLegal()
  for (const id of ['v0', 'a0']) {
    expect(broadcast.discontinuities(id)).toBe(1)
    expect(broadcast.gaps(id)).toBe(1)
  }
  for (const dsn of [0, 1]) expect(await broadcast.decode(dsn)).toBe('')
})

test.concurrent.each([200, -200])(
  'an encoder whose clock is off by %i ppm for three hours never breaks the playlist',
  async (ppm) => {
    const seconds = 3 * 3600
    const options: PictureOptions = { seconds: 2, rate: '10', gopFrames: 20, audio: null, size: '32x32' }
    const { media } = await feedOf('flv', options)
    const heads = media.filter(({ bytes }) => bytes[0] !== 9 || bytes[12] === 0)
    const frames = media.filter(({ bytes }) => bytes[0] === 9 && bytes[12] === 1)
    expect(frames).toHaveLength(20)
    const drifting = Array.from({ length: seconds * 10 }, (_, index) => {
      const frame = frames[index % frames.length] as TimedBytes
      return stamped({ atMs: index * 100, bytes: frame.bytes }, Math.round(index * 100 * (1 + ppm / 1e6)))
    })
    const broadcast = await play('flv', [...heads, ...drifting], {
      settings: { partMs: 1000, segmentMs: 10_000, windowMs: 30_000 },
      parseEvery: 50,
    })
    broadcast.expectLegal()
    expect(broadcast.segments('v0').length).toBeGreaterThan(1078)
    expect(broadcast.discontinuities('v0')).toBe(0)
    expect(broadcast.gaps('v0')).toBe(0)
    // Media time follows the encoder, 2.16 s in three hours; wall-clock times do not.
    let mediaMs = 0
    const startMs = NOON_MS + 500
    const errorsMs = broadcast.segments('v0').map(({ durationSec, startsAtMs }) => {
      const arrivedAtMs = startMs + mediaMs / (1 + ppm / 1e6)
      mediaMs += durationSec * 1000
      return startsAtMs - arrivedAtMs
    })
    expect(Math.max(...errorsMs.map(Math.abs))).toBeLessThan(DATES_TRUE_MS)
    expect(
      errorsMs
        .slice(200)
        .map(Math.abs)
        .every((error) => error < DATES_TRUE_MS / 2),
    ).toBe(true)
    expect(broadcast.repairs()['clock_drift']).toBeLessThan(10)
  },
)

test.concurrent.each([200, -200])(
  'milliseconds that drift by %i ppm through the frame grid lose no frame',
  async (ppm) => {
    const seconds = 200
    const { media } = await feedOf('flv', { seconds: 4 })
    const heads = media.filter(isHead)
    const frames = media.filter(isFrame)
    const video = frames.filter(({ bytes }) => bytes[0] === 9).slice(0, 120)
    const audio = frames.filter(({ bytes }) => bytes[0] === 8).slice(0, 180)
    const at = (frame: readonly TimedBytes[], index: number, frameMs: number) => {
      const trueMs = index * frameMs * (1 + ppm / 1e6)
      const { bytes } = frame[index % frame.length] as TimedBytes
      return stamped({ atMs: index * frameMs, bytes }, Math.round(trueMs))
    }
    const drifting = [
      ...Array.from({ length: seconds * 30 }, (_, index) => at(video, index, 1000 / 30)),
      ...Array.from({ length: Math.floor((seconds * 48_000) / 1024) }, (_, index) => at(audio, index, 1024 / 48)),
    ].toSorted((a, b) => a.atMs - b.atMs)
    const broadcast = await play('flv', [...heads, ...drifting], { parseEvery: 10 })
    broadcast.expectLegal()
    for (const id of ['v0', 'a0']) {
      expect(broadcast.discontinuities(id)).toBe(0)
      expect(broadcast.gaps(id)).toBe(0)
      expectRising(await broadcast.packets(id))
    }
    expect(await broadcast.packets('v0')).toHaveLength(seconds * 30)
    expect(await broadcast.packets('a0')).toHaveLength(Math.floor((seconds * 48_000) / 1024))
    expect(await broadcast.decode()).toBe('')
    expect(broadcast.repairs()).toEqual({})
  },
)

test('timestamps that are off by a millisecond at random: every frame, as long as the others', async () => {
  const { path, media } = await feedOf('flv', { seconds: 12 })
  // The same in every run; the first of each track is true.
  const offMs = (index: number) => ((index * 7919) % 3) - 1
  const jittery = media.map((tag, index) => (isHead(tag) || index < 6 ? tag : stamped(tag, tag.atMs + offMs(index))))
  const broadcast = await play('flv', jittery)
  broadcast.expectLegal()
  // Each for itself: on average the jitter of one is not that of the other.
  for (const id of ['v0', 'a0']) await expectSameMedia(broadcast, path, { trackIds: [id], jitterSec: 0.002 })
  const packets = await broadcast.packets('v0')
  const first = packets[0]?.dtsSec ?? 0
  for (const [index, { dtsSec }] of packets.entries())
    expect(Math.abs(dtsSec - first - index / 30)).toBeLessThan(0.0011)
  expect(broadcast.discontinuities('v0') + broadcast.gaps('v0') + broadcast.gaps('a0')).toBe(0)
  expect(await broadcast.decode()).toBe('')
  expect(broadcast.repairs()).toEqual({})
})

/** A coded frame: not metadata, not a sequence header or end of sequence. */
function isFrame({ bytes }: TimedBytes): boolean {
  return (bytes[0] === 9 && bytes[12] === 1) || (bytes[0] === 8 && bytes[12] === 1)
}

/** Metadata or a sequence header. */
function isHead({ bytes }: TimedBytes): boolean {
  return bytes[0] === 18 || bytes[12] === 0
}

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { makeFixture } from '../../../test/support/fixtures.ts'
import { silentLog } from '../../core/log.ts'
import { createMemoryStore } from '../../storage/memory-store.ts'
import { SlateMaker } from '../slate/slate-maker.ts'
import { type SlateKind, type SlateSource, slateKindOf } from '../slate/slate-profile.ts'
import { flv, Stage, settled, shifted, type TimedBytes } from './live-stage.test-support.ts'

const STREAM = { tenantId: 'default', id: 'stage' }
const signal = AbortSignal.timeout(120_000)
const maker = new SlateMaker({
  store: createMemoryStore({ nowMs: () => 0 }),
  ffmpegPath: 'ffmpeg',
  spawn,
  log: silentLog,
})
let tags: readonly TimedBytes[]
let picture: Uint8Array
let clip: Uint8Array

beforeAll(async () => {
  tags = await flv({ seconds: 20, gopFrames: 30 })
  picture = await makeFixture(
    ['-f', 'lavfi', '-i', 'smptebars=s=320x180', '-frames:v', '1', '-f', 'image2'],
    'slate.png',
  )
  const inputs = ['-f', 'lavfi', '-i', 'mandelbrot=s=320x240:r=25', '-f', 'lavfi', '-i', 'sine=f=330', '-t', '5']
  clip = await makeFixture([...inputs, '-pix_fmt', 'yuv420p', '-movflags', '+faststart', '-f', 'mp4'], 'slate.mp4')
}, 60_000)

function sourceOf(bytes: Uint8Array): SlateSource {
  const hash = createHash('sha256').update(bytes).digest('hex')
  return { hash, kind: slateKindOf(bytes) as SlateKind, sizeBytes: bytes.length }
}

/** Answers what the stage asked for. */
async function prepare(stage: Stage): Promise<void> {
  const wish = stage.slateWishes.at(-1)
  if (wish === undefined) throw new Error('nothing was asked for')
  const bytes = await maker.prepare(STREAM, wish.source, wish.profile, signal)
  stage.stream.onSlate({ streamId: 'stage', key: wish.key, bytes, problem: null })
}

async function live(stage: Stage, media: readonly TimedBytes[], ms: number): Promise<string> {
  const input = stage.open('flv')
  await stage.feed(
    input,
    media.filter(({ atMs }) => atMs < ms),
  )
  return input
}

function expectUnbroken(stage: Stage): void {
  for (const track of ['v0', 'a0']) {
    const listed = stage.segments(track)
    for (const [index, { msn }] of listed.entries()) expect(msn, track).toBe(listed[0]!.msn + index)
    expect(
      listed.filter(({ isGap }) => isGap),
      track,
    ).toEqual([])
  }
  const cuts = (track: string) => stage.segments(track).map(({ msn, dsn }) => `${msn} ${dsn}`)
  expect(cuts('a0')).toEqual(cuts('v0'))
}

test.each([
  ['picture', () => picture],
  ['clip', () => clip],
] as const)(
  'a %s is shown while the encoder is silent, in whole cells without a gap, and leaves when it returns',
  async (_, upload) => {
    const source = sourceOf(upload())
    await maker.keep(STREAM, source, upload(), signal)
    const stage = new Stage({ settings: { slate: source, windowMs: 60_000 } })
    const input = await live(stage, tags, 7_000)
    await stage.wait(200)
    expect(stage.stream.status(stage.nowMs).slate).toMatchObject({ state: 'preparing' })
    await prepare(stage)
    expect(stage.stream.status(stage.nowMs).slate).toEqual({ state: 'ready', error: null })

    await stage.wait(13_000)
    expect(stage.stream.status(stage.nowMs)).toMatchObject({
      status: 'interrupted',
      slate: { state: 'on_air' },
      drops: {},
    })
    expectUnbroken(stage)
    const shown = stage.segments('v0').filter(({ dsn }) => dsn === 1)
    expect(shown.length).toBeGreaterThanOrEqual(5)
    const durations = stage.durations('v0').slice(-shown.length)
    for (const seconds of durations) expect(seconds).toBeCloseTo(2, 3)
    // Parts, so that players keep their latency, with the newest at the clock.
    const track = stage.shelf.track('v0')?.playlist?.position
    expect((track?.openMsn ?? 0) * 2000 + Date.UTC(2020, 0, 1) + (track?.openParts ?? 0) * 200).toBeGreaterThan(
      stage.nowMs - 600,
    )
    expect(new Set(stage.playlist('v0').segments.flatMap(({ map }) => map?.uri ?? [])).size).toBe(2)

    stage.stream.close(input, null)
    const back = stage.open('flv')
    expect(stage.stream.status(stage.nowMs).slate).toMatchObject({ state: 'on_air' })
    await stage.feed(
      back,
      tags.filter(({ atMs }) => atMs < 6_500),
    )
    await settled()
    expect(stage.stream.status(stage.nowMs)).toMatchObject({ status: 'live', slate: { state: 'ready' } })
    expect(stage.told('stream.resumed')).toHaveLength(1)
    expectUnbroken(stage)
    expect(new Set(stage.segments('v0').map(({ dsn }) => dsn))).toEqual(new Set([0, 1, 2]))
  },
)

test('two origins show the same bytes of a slate', async () => {
  const source = sourceOf(clip)
  await maker.keep(STREAM, source, clip, signal)
  const bytes: string[][] = []
  for (const silentMs of [9_000, 9_730]) {
    const stage = new Stage({ settings: { slate: source, windowMs: 60_000 } })
    await live(stage, tags, 5_000)
    await stage.wait(200)
    await prepare(stage)
    await stage.wait(silentMs)
    const shown = stage.segments('v0').filter(({ dsn }) => dsn === 1)
    bytes.push(shown.slice(0, 3).map(({ msn }) => Buffer.from(stage.media('v0', `${msn}.m4s`)!).toString('base64')))
  }
  expect(bytes[0]).toHaveLength(3)
  expect(bytes[0]).toEqual(bytes[1])
})

test('a slate outlives the grace time; without one that is ready there are gaps, and what is wrong is told', async () => {
  const source = sourceOf(picture)
  await maker.keep(STREAM, source, picture, signal)
  const settings = { slate: source, graceMs: 10_000 } as const
  const [kept, lost] = [new Stage({ settings }), new Stage({ settings })]
  for (const stage of [kept, lost]) {
    await live(stage, tags, 5_000)
    await stage.wait(200)
  }
  await prepare(kept)
  const key = lost.slateWishes[0]?.key ?? ''
  lost.stream.onSlate({ streamId: 'stage', key, bytes: null, problem: 'ffmpeg was not found' })
  for (const stage of [kept, lost]) await stage.wait(9_000)
  expect(lost.segments('v0').filter(({ isGap }) => isGap).length).toBeGreaterThan(1)
  expect(lost.told('stream.warning')).toContainEqual(expect.objectContaining({ code: 'slate_failed' }))
  for (const stage of [kept, lost]) await stage.wait(20_000)
  expect(kept.stream.status(kept.nowMs)).toMatchObject({ status: 'interrupted', slate: { state: 'on_air' } })
  expect(lost.stream.status(lost.nowMs).status).toBe('ended')

  kept.update({ ...settings, slate: null })
  await kept.wait(2_000)
  expect(kept.stream.status(kept.nowMs)).toMatchObject({ status: 'ended', slate: null })
})

test('an encoder that goes on after a pause is shown again, and so is one that stands by', async () => {
  const source = sourceOf(picture)
  await maker.keep(STREAM, source, picture, signal)
  const stage = new Stage({ settings: { slate: source, onBusy: 'standby', windowMs: 60_000 } })
  const input = await live(stage, tags, 5_000)
  await stage.wait(200)
  await prepare(stage)
  await stage.wait(8_000)
  // The same connection, with the clock of an encoder that was stopped.
  await stage.feed(
    input,
    tags.filter(({ atMs }) => atMs >= 5_000 && atMs < 9_000),
  )
  expect(stage.stream.status(stage.nowMs).status).toBe('live')
  await stage.wait(8_000)
  expect(stage.stream.status(stage.nowMs).slate?.state).toBe('on_air')
  const other = stage.open('flv')
  await stage.feed(
    other,
    tags.filter(({ atMs }) => atMs < 4_000).map((tag) => shifted(tag, 90_000)),
  )
  expect(stage.stream.status(stage.nowMs)).toMatchObject({
    status: 'live',
    inputs: [{}, { id: 'push-2', role: 'active' }],
  })
  expectUnbroken(stage)
})

test('what ffmpeg cannot read is refused when it is uploaded', async () => {
  const broken = picture.slice(0, 200)
  await expect(maker.keep(STREAM, sourceOf(broken), broken, signal)).rejects.toMatchObject({ code: 'slate_unreadable' })
  expect(slateKindOf(new TextEncoder().encode('#EXTM3U\n/etc/passwd'))).toBeNull()
})

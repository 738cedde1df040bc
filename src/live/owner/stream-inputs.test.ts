import { beforeAll, expect, test } from 'vitest'
import type { StreamInputConfig } from '../settings.ts'
import { cmaf, flv, NOON_MS, Stage, settled, type TimedBytes, ts } from './live-stage.test-support.ts'

let tags: readonly TimedBytes[]
let others: readonly TimedBytes[]
let packets: readonly TimedBytes[]

beforeAll(async () => {
  tags = await flv({ seconds: 20, gopFrames: 30 })
  // Another encoder: other pictures, another rhythm.
  others = await flv({ seconds: 20, gopFrames: 30, size: '192x108' })
  packets = await ts({ seconds: 20, gopFrames: 30 })
}, 60_000)

const LISTENERS: readonly StreamInputConfig[] = [
  { id: 'udp-1', kind: 'udp', port: 5004, address: null },
  { id: 'udp-2', kind: 'udp', port: 5006, address: null },
]

interface Feeding {
  readonly inputId: string
  readonly media: readonly TimedBytes[]
  /** When it begins, and when it falls silent. */
  readonly fromMs?: number
  readonly untilMs?: number
  /** How late everything of it comes. */
  readonly lagMs?: number
}

/** Several encoders at once, each sending its media at the same pace from now on. */
async function feedTogether(stage: Stage, feedings: readonly Feeding[], forMs: number): Promise<void> {
  const startMs = stage.nowMs
  const sends = feedings.flatMap(({ inputId, media, fromMs = 0, untilMs = forMs, lagMs = 0 }) =>
    media
      .filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
      .map(({ atMs, bytes }) => ({ inputId, atMs: atMs + lagMs, bytes })),
  )
  for (const { inputId, atMs, bytes } of sends.toSorted((a, b) => a.atMs - b.atMs)) {
    await stage.waitUntil(startMs + atMs)
    stage.stream.data(inputId, bytes.slice(), stage.nowMs)
  }
  await stage.waitUntil(startMs + forMs)
  await settled()
}

function activeOf(stage: Stage): string | undefined {
  return stage.stream.status(stage.nowMs).inputs.find(({ role }) => role === 'active')?.id
}

/** Every part of a track that is listed or was, under its name. */
function partsOf(stage: Stage, trackId: string): Record<string, string> {
  const parts: Record<string, string> = {}
  for (const publication of stage.publications) {
    if (publication.kind !== 'media' || publication.trackId !== trackId) continue
    const bytes = stage.media(trackId, publication.name)
    if (bytes !== null) parts[publication.name] = Buffer.from(bytes).toString('base64')
  }
  return parts
}

const standby = { onBusy: 'standby', windowMs: 60_000 } as const

test.each([
  ['transport stream', 'ts', () => packets, 0],
  ['transport stream that lags', 'ts', () => packets, 700],
  ['FLV', 'flv', () => tags, 0],
  ['FLV that lags', 'flv', () => tags, 400],
] as const)('when one of two equal feeds falls silent, not a byte differs: %s', async (_, container, media, lagMs) => {
  const reference = new Stage({ settings: standby })
  await feedTogether(reference, [{ inputId: reference.open(container), media: media() }], 14_000)

  const stage = new Stage({ settings: standby })
  const primary = stage.open(container)
  const backup = stage.open(container)
  expect(activeOf(stage)).toBe('push-1')
  const feedings = [
    { inputId: primary, media: media(), untilMs: 6_300 },
    { inputId: backup, media: media(), lagMs },
  ]
  await feedTogether(stage, feedings, 14_000)

  expect(stage.told('stream.input_switched')).toMatchObject([
    { code: 'input_silent', details: { from: 'push-1', to: 'push-2', seamless: true } },
  ])
  for (const track of ['v0', 'a0']) {
    const [expected, got] = [partsOf(reference, track), partsOf(stage, track)]
    const names = Object.keys(got)
    expect(names.length).toBeGreaterThan(30)
    for (const name of names)
      if (expected[name] !== undefined) expect(got[name], `${track}/${name}`).toBe(expected[name])
    expect(Object.keys(expected).filter((name) => got[name] === undefined).length).toBeLessThan(lagMs / 100 + 2)
    expect(stage.segments(track).every(({ dsn, isGap }) => dsn === 0 && !isGap)).toBe(true)
  }
  const { drops, repairs, status } = stage.stream.status(stage.nowMs)
  expect({ drops, repairs, status }).toEqual({ drops: {}, repairs: {}, status: 'live' })
})

test('equal CMAF feeds in fragments of a second are switched without a seam', async () => {
  const { header, fragments } = await cmaf({ seconds: 20, gopFrames: 30 })
  const media = [{ atMs: 0, bytes: header }, ...fragments]
  const stage = new Stage({ settings: { ...standby, switchAfterMs: 1500 } })
  const primary = stage.open('fmp4', 'cmaf')
  const backup = stage.open('fmp4', 'cmaf')
  await feedTogether(
    stage,
    [
      { inputId: primary, media, untilMs: 6_500 },
      { inputId: backup, media },
    ],
    14_000,
  )
  expect(stage.told('stream.input_switched')).toMatchObject([{ details: { seamless: true } }])
  for (const track of ['v0', 'a0']) {
    expect(stage.segments(track).every(({ dsn, isGap }) => dsn === 0 && !isGap)).toBe(true)
    expect(
      stage
        .durations(track)
        .slice(0, -1)
        .every((sec) => Math.abs(sec - 2) < 0.03),
    ).toBe(true)
  }
})

test('another encoder takes over a second after the first one falls silent, in a new timeline entry without a gap', async () => {
  const stage = new Stage({ settings: standby })
  const primary = stage.open('flv')
  const backup = stage.open('flv')
  const feedings = [
    { inputId: primary, media: tags, untilMs: 6_300 },
    { inputId: backup, media: others },
  ]
  await feedTogether(stage, feedings, 14_000)
  const [switched] = stage.told('stream.input_switched')
  expect(switched).toMatchObject({ code: 'input_silent', details: { from: 'push-1', to: 'push-2', seamless: false } })
  const silentMs = (switched?.atMs ?? 0) - (NOON_MS + 6_300)
  expect(silentMs).toBeGreaterThan(900)
  expect(silentMs).toBeLessThan(1_250)
  for (const track of ['v0', 'a0']) {
    const listed = stage.segments(track)
    expect(listed.filter(({ isGap }) => isGap)).toEqual([])
    expect(new Set(listed.map(({ dsn }) => dsn))).toEqual(new Set([0, 1]))
    for (const [index, { msn }] of listed.entries()) expect(msn).toBe(listed[0]!.msn + index)
  }
  expect(stage.stream.status(stage.nowMs)).toMatchObject({
    status: 'live',
    tracks: [{ widthPx: 192 }, {}],
    drops: {},
    switches: { silent: 1 },
    inputs: [
      { id: 'push-1', role: 'standby', health: 'silent' },
      { id: 'push-2', role: 'active', health: 'healthy' },
    ],
  })
})

test('an input that leaves is relieved at once', async () => {
  const stage = new Stage({ settings: standby })
  const primary = stage.open('flv')
  const backup = stage.open('flv')
  await feedTogether(
    stage,
    [
      { inputId: primary, media: tags },
      { inputId: backup, media: others },
    ],
    5_000,
  )
  stage.stream.close(primary, null)
  expect(activeOf(stage)).toBe('push-2')
  expect(stage.told('stream.input_switched')).toMatchObject([{ code: 'input_lost' }])
})

test('the earlier of two configured inputs is taken again after it was healthy for a while', async () => {
  const stage = new Stage({ settings: { inputs: LISTENERS, returnAfterMs: 4_000, windowMs: 60_000 } })
  const backup = stage.open('ts', 'udp', stage.nowMs, 'udp-2')
  expect(activeOf(stage)).toBe('udp-2')
  const primary = stage.open('ts', 'udp', stage.nowMs, 'udp-1')
  await feedTogether(
    stage,
    [
      { inputId: primary, media: packets },
      { inputId: backup, media: packets },
    ],
    3_000,
  )
  expect(activeOf(stage)).toBe('udp-2')
  const rest = [
    { inputId: primary, media: packets.filter(({ atMs }) => atMs >= 3_000) },
    { inputId: backup, media: packets.filter(({ atMs }) => atMs >= 3_000) },
  ]
  await feedTogether(
    stage,
    rest.map(({ inputId, media }) => ({ inputId, media: media.map(sooner(3_000)) })),
    3_000,
  )
  expect(activeOf(stage)).toBe('udp-1')
  expect(stage.told('stream.input_switched')).toMatchObject([
    { code: 'input_returned', details: { from: 'udp-2', to: 'udp-1', seamless: true } },
  ])
})

test('an input that somebody puts on air stays there while it works', async () => {
  const stage = new Stage({ settings: { inputs: LISTENERS, returnAfterMs: 1_000 } })
  const primary = stage.open('ts', 'udp', stage.nowMs, 'udp-1')
  const backup = stage.open('ts', 'udp', stage.nowMs, 'udp-2')
  const both = [primary, backup]
  await feedTogether(
    stage,
    both.map((inputId) => ({ inputId, media: packets })),
    3_000,
  )
  expect(() => stage.stream.activateInput('udp-9')).toThrow(expect.objectContaining({ code: 'input_not_ready' }))
  stage.stream.activateInput('udp-2')
  expect(activeOf(stage)).toBe('udp-2')
  const later = packets.filter(({ atMs }) => atMs >= 3_000).map(sooner(3_000))
  await feedTogether(
    stage,
    both.map((inputId) => ({ inputId, media: later })),
    5_000,
  )
  expect(activeOf(stage)).toBe('udp-2')
  expect(stage.stream.status(stage.nowMs).inputs).toContainEqual(
    expect.objectContaining({ id: 'udp-2', isPinned: true, isSameFeed: null }),
  )
  expect(stage.stream.status(stage.nowMs).inputs).toContainEqual(
    expect.objectContaining({ id: 'udp-1', isPinned: false, isSameFeed: true }),
  )
  const last = packets.filter(({ atMs }) => atMs >= 8_000).map(sooner(8_000))
  await feedTogether(stage, [{ inputId: primary, media: last }], 3_000)
  expect(activeOf(stage)).toBe('udp-1')
})

test('an encoder that connects is admitted beside a configured input, whatever is set for a second encoder', async () => {
  const stage = new Stage({ settings: { inputs: LISTENERS, onBusy: 'refuse', returnAfterMs: 2_000 } })
  const listener = stage.open('ts', 'udp', stage.nowMs, 'udp-1')
  await feedTogether(stage, [{ inputId: listener, media: packets }], 2_000)
  const encoder = stage.open('flv')
  expect(() => stage.open('flv')).toThrow(expect.objectContaining({ code: 'stream_busy' }))
  const later = packets.filter(({ atMs }) => atMs >= 2_000).map(sooner(2_000))
  await feedTogether(
    stage,
    [
      { inputId: listener, media: later },
      { inputId: encoder, media: tags },
    ],
    4_000,
  )
  expect(activeOf(stage)).toBe('push-1')
})

test('as many encoders may stand by as the limit says, and one that is silent makes room', async () => {
  const stage = new Stage({ settings: standby })
  const inputs = Array.from({ length: 4 }, () => stage.open('flv'))
  expect(() => stage.open('flv')).toThrow(expect.objectContaining({ code: 'stream_busy' }))
  await feedTogether(
    stage,
    inputs.slice(0, 3).map((inputId) => ({ inputId, media: tags })),
    3_000,
  )
  expect(() => stage.open('flv')).not.toThrow()
  expect(stage.endedInputs).toMatchObject([{ inputId: inputs[3] }])
})

test('garbage on an input that stands by ends that input alone', async () => {
  const stage = new Stage({ settings: standby })
  const primary = stage.open('flv')
  const backup = stage.open('flv')
  await feedTogether(stage, [{ inputId: primary, media: tags }], 3_000)
  stage.stream.data(backup, new Uint8Array(64).fill(0xff), stage.nowMs)
  expect(stage.endedInputs).toMatchObject([{ inputId: backup }])
  expect(stage.stream.status(stage.nowMs)).toMatchObject({ status: 'live', inputs: [{ id: 'push-1', role: 'active' }] })
})

function sooner(byMs: number) {
  return ({ atMs, bytes }: TimedBytes): TimedBytes => ({ atMs: atMs - byMs, bytes })
}

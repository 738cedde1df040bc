import { beforeAll, expect, test } from 'vitest'
import {
  cmaf,
  flv,
  isAudioTag,
  NOON_MS,
  Stage,
  settled,
  shifted,
  type TimedBytes,
  ts,
} from './live-stage.test-support.ts'

let tags: readonly TimedBytes[]
let packets: readonly TimedBytes[]

beforeAll(async () => {
  tags = await flv({ seconds: 20 })
  packets = await ts({ seconds: 20 })
}, 60_000)

const NOON_CELL = (NOON_MS - Date.UTC(2020, 0, 1)) / 2000

const NO_POINTS = { newestPoint: async () => null, appendPoint: async () => null }

function before(media: readonly TimedBytes[], ms: number) {
  return media.filter(({ atMs }) => atMs < ms)
}

function from(media: readonly TimedBytes[], ms: number) {
  return media.filter(({ atMs }) => atMs >= ms)
}

function expectRising(segments: readonly { readonly msn: number }[]) {
  for (const [index, { msn }] of segments.entries()) expect(msn).toBe(segments[0]!.msn + index)
}

async function live(stage: Stage, ms = 7000): Promise<string> {
  const input = stage.open('flv')
  await stage.feed(input, before(tags, ms))
  return input
}

test('an encoder starts: one segment per cell, named by the time of its media', async () => {
  const stage = new Stage()
  await live(stage)
  expect(stage.stream.status(stage.nowMs)).toMatchObject({ status: 'live', newestMsn: NOON_CELL + 3 })
  for (const track of ['v0', 'a0']) {
    const listed = stage.segments(track)
    expectRising(listed)
    expect(listed[0]).toEqual({ msn: NOON_CELL, dsn: 0, isGap: false })
    expect(listed).toHaveLength(3)
    const first = stage.playlist(track).segments[0]
    expect(Math.abs((first?.programDateTime?.getTime() ?? 0) - NOON_MS)).toBeLessThan(60)
  }
  expect(stage.multivariant().variants[0]).toMatchObject({ uri: 'v0/playlist.m3u8', resolution: { width: 160 } })
  expect(stage.told('stream.started')).toHaveLength(1)
})

test('a segment is its parts, byte by byte, and every listed name can be fetched', async () => {
  const stage = new Stage()
  await live(stage)
  for (const track of ['v0', 'a0']) {
    const whole = stage.playlist(track).segments.filter(({ duration }) => duration > 0)
    expect(whole).toHaveLength(3)
    for (const { uri, parts } of whole) {
      const bytes = stage.media(track, uri)
      expect(bytes).not.toBeNull()
      const pieces = parts.filter(({ hint }) => !hint).map((part) => stage.media(track, part.uri)!)
      if (pieces.length > 0) expect(Buffer.concat(pieces).equals(bytes!)).toBe(true)
    }
  }
})

test('the hinted part is the one that comes', async () => {
  const stage = new Stage()
  const input = stage.open('flv')
  const hints: string[] = []
  for (const tag of before(tags, 9000)) {
    await stage.feed(input, [tag])
    const hint = stage.shelf.track('v0')?.playlist?.preloadName
    if (hint != null && hints.at(-1) !== hint) hints.push(hint)
    await stage.waitUntil(NOON_MS + tag.atMs)
  }
  expect(hints.length).toBeGreaterThan(30)
  for (const hint of hints.slice(0, -1)) expect(stage.media('v0', hint)).not.toBeNull()
})

test('silence becomes one gap per cell in every track, and after the grace time the end', async () => {
  const stage = new Stage({ settings: { graceMs: 10_000 } })
  await live(stage)
  await stage.wait(3600)
  expect(stage.stream.status(stage.nowMs).status).toBe('live')
  await stage.wait(5000)
  expect(stage.stream.status(stage.nowMs).status).toBe('interrupted')
  expect(stage.told('stream.interrupted')).toHaveLength(1)
  for (const track of ['v0', 'a0']) {
    const listed = stage.segments(track)
    expectRising(listed)
    // Media until 7 s; at 15.6 s the cells 4, 5 and 6 (8 s to 14 s) are over.
    expect(listed.map(({ isGap }) => isGap)).toEqual([false, false, false, false, true, true, true])
  }
  expect(stage.playlist('v0').endlist).toBe(false)
  await stage.wait(5800)
  expect(stage.stream.status(stage.nowMs).status).toBe('ended')
  for (const track of ['v0', 'a0']) expect(stage.playlist(track).endlist).toBe(true)
  expect(stage.endedInputs).toHaveLength(1)
  expect(stage.told('stream.stopped')).toHaveLength(1)
  expect(stage.told('stream.input_disconnected')).toHaveLength(1)
})

test('the parts of a gap are gaps, and add up to it', async () => {
  const stage = new Stage({ settings: { graceMs: 60_000 } })
  await live(stage)
  await stage.wait(9000)
  for (const track of ['v0', 'a0']) {
    const gaps = stage.playlist(track).segments.filter(({ gap, parts }) => gap && parts.length > 0)
    expect(gaps.length).toBeGreaterThan(1)
    for (const { duration, parts } of gaps) {
      expect(parts.every((part) => part.gap)).toBe(true)
      expect(Math.abs(parts.reduce((sum, part) => sum + (part.duration ?? 0), 0) - duration)).toBeLessThan(0.0002)
      expect(Math.max(...parts.map((part) => part.duration ?? 0))).toBeLessThanOrEqual(0.214)
      for (const part of parts) expect(stage.media(track, part.uri)).toBeNull()
    }
    const { position } = stage.shelf.track(track)!.playlist!
    expect(position.lastMsnParts).toBe(gaps.at(-1)?.parts.length)
  }
})

test('media that comes back on the same clock resumes without a discontinuity; what was gapped stays a gap', async () => {
  const stage = new Stage()
  const input = await live(stage, 5000)
  await stage.wait(7000)
  await stage.feed(input, from(tags, 12_000))
  const listed = stage.segments('v0')
  expectRising(listed)
  expect(new Set(listed.map(({ dsn }) => dsn))).toEqual(new Set([0]))
  expect(listed.some(({ isGap }) => isGap)).toBe(true)
  expect(listed.at(-1)?.isGap).toBe(false)
  expect(stage.told('stream.resumed')).toHaveLength(1)
})

test('an RTMP encoder that reconnects starts its clock anew: the discontinuity is in the same cell of every track', async () => {
  const stage = new Stage()
  const first = await live(stage)
  stage.stream.close(first, null)
  await stage.wait(1500)
  await live(stage)
  const changes = ['v0', 'a0'].map((track) => {
    const listed = stage.segments(track)
    expectRising(listed)
    expect(listed.map(({ dsn }) => dsn)).toEqual(listed.map(({ dsn }) => dsn).toSorted())
    return listed.find(({ dsn }) => dsn === 1)?.msn
  })
  expect(changes[0]).toBeDefined()
  expect(changes[1]).toBe(changes[0])
  expect(stage.told('stream.stopped')).toHaveLength(0)
})

test('before a discontinuity all tracks end alike, wherever in a cell the encoder went away', async () => {
  const partMs = 220
  const subtitles = { id: 's0', name: 'English', language: 'en', role: null, isDefault: false }
  // Keyframes come 0.7 s into each cell: before that sound has begun the cell, and picture has not.
  for (let diedMs = 6000; diedMs < 8000; diedMs += 100) {
    const stage = new Stage({ startMs: NOON_MS + 700, settings: { tracks: [subtitles] } })
    stage.stream.close(await live(stage, diedMs), null)
    await stage.wait(1500)
    await live(stage)
    const [videoMs = 0, ...others] = ['v0', 'a0', 's0'].map((track) => {
      const [before = '', after] = stage.text(track).split('#EXT-X-DISCONTINUITY\n')
      expect(after, track).toContain('#EXTINF')
      const startsAtMs = Date.parse(/PROGRAM-DATE-TIME:(.*)/.exec(before)?.[1] ?? '')
      return [...before.matchAll(/#EXTINF:([\d.]+)/g)].reduce((ms, [, sec]) => ms + 1000 * Number(sec), startsAtMs)
    })
    expect(videoMs).toBeGreaterThan(NOON_MS + 5000)
    for (const endMs of others) expect(Math.abs(endMs - videoMs), `after ${diedMs} ms`).toBeLessThan(partMs)
  }
})

test('behind a discontinuity all tracks begin alike, wherever in a cell the next encoder comes', async () => {
  const subtitles = { id: 's0', name: 'English', language: 'en', role: null, isDefault: false }
  for (let silentMs = 500; silentMs < 2500; silentMs += 100) {
    const stage = new Stage({ settings: { tracks: [subtitles] } })
    stage.stream.close(await live(stage, 6500), null)
    await stage.wait(silentMs)
    await live(stage)
    const [videoMs = 0, ...others] = ['v0', 'a0', 's0'].map((track) => {
      const after = stage.text(track).split('#EXT-X-DISCONTINUITY\n')[1] ?? ''
      return Date.parse(/PROGRAM-DATE-TIME:(.*)/.exec(after)?.[1] ?? '')
    })
    expect(videoMs).toBeGreaterThan(NOON_MS + 7000)
    for (const startMs of others) expect(Math.abs(startMs - videoMs), `after ${silentMs} ms`).toBeLessThan(60)
    const sounds = stage.playlist('a0').segments.filter(({ discontinuitySequence }) => discontinuitySequence === 1)
    expect(sounds.length).toBeGreaterThan(1)
  }
})

test('an encoder of rare keyframes that reconnects is one discontinuity, wherever in a cell it comes', async () => {
  const rare = await flv({ seconds: 20, gopFrames: 250 })
  for (let silentMs = 100; silentMs < 2100; silentMs += 100) {
    const stage = new Stage()
    for (const pauseMs of [silentMs, 0]) {
      const input = stage.open('flv')
      await stage.feed(input, before(rare, 8100))
      stage.stream.close(input, null)
      await stage.wait(pauseMs)
    }
    for (const track of ['v0', 'a0']) {
      const listed = stage.segments(track)
      expectRising(listed)
      expect(new Set(listed.map(({ dsn }) => dsn)), `${track} after ${silentMs} ms`).toEqual(new Set([0, 1]))
    }
  }
}, 60_000)

test('an MPEG-TS encoder whose clock went on adopts its entry: no discontinuity', async () => {
  const stage = new Stage()
  const first = stage.open('ts')
  await stage.feed(first, before(packets, 7000))
  stage.stream.close(first, null)
  await stage.wait(1000)
  const second = stage.open('ts')
  await stage.feed(second, from(packets, 8000))
  for (const track of ['v0', 'a0']) {
    const listed = stage.segments(track)
    expectRising(listed)
    expect(new Set(listed.map(({ dsn }) => dsn))).toEqual(new Set([0]))
    expect(listed.length).toBeGreaterThan(6)
    expect(stage.text(track).match(/EXT-X-MAP/g)).toHaveLength(1)
  }
})

test('an overlap after a reconnect is published once', async () => {
  const stage = new Stage()
  const first = stage.open('ts')
  await stage.feed(first, before(packets, 7000))
  stage.stream.close(first, null)
  const second = stage.open('ts')
  // The encoder repeats its last GOP.
  await stage.feed(second, from(packets, 5500))
  const listed = stage.segments('v0')
  expectRising(listed)
  expect(listed.every(({ isGap, dsn }) => !isGap && dsn === 0)).toBe(true)
  for (const seconds of stage.durations('v0').slice(1)) expect(seconds).toBeCloseTo(2, 3)
  expect(stage.stream.status(stage.nowMs).drops['late_media']).toBeGreaterThan(0)
})

test('a configuration that changes in mid-stream begins a discontinuity with its own init segment in every track', async () => {
  const stage = new Stage()
  const input = await live(stage)
  const larger = (await flv({ seconds: 8, size: '320x180' })).map((tag) => shifted(tag, 7000))
  await stage.feed(input, larger)
  const changes = ['v0', 'a0'].map((track) => {
    const listed = stage.segments(track)
    expectRising(listed)
    return listed.find(({ dsn }) => dsn === 1)?.msn
  })
  expect(changes[0]).toBeDefined()
  expect(changes[1]).toBe(changes[0])
  expect(stage.text('v0').match(/EXT-X-MAP/g)).toHaveLength(2)
  expect(stage.multivariant().variants[0]?.resolution).toMatchObject({ width: 320 })
  expect(stage.endedInputs).toEqual([])
})

test('an origin that joins late has everything that is listed, with the init segments of every configuration', async () => {
  const stage = new Stage()
  const input = await live(stage)
  const larger = (await flv({ seconds: 8, size: '320x180' })).map((tag) => shifted(tag, 7000))
  await stage.feed(input, larger)
  const late = new Stage()
  for (const publication of stage.stream.snapshot()) late.shelf.apply(publication)
  expect(late.shelf.phase).toBe('live')
  for (const track of ['v0', 'a0']) {
    expect(late.text(track)).toBe(stage.text(track))
    for (const [, name = ''] of stage.text(track).matchAll(/MAP:URI="([^"]+)"/g)) {
      expect(late.shelf.track(track)?.inits.has(name)).toBe(true)
    }
    for (const [, name = ''] of stage.text(track).matchAll(/^(\d+\.m4s)$/gm)) {
      expect(late.media(track, name)).toEqual(stage.media(track, name))
    }
  }
})

test('init segments that nothing in the window needs any more are forgotten everywhere', async () => {
  const stage = new Stage({ settings: { windowMs: 2000 } })
  let input = await live(stage, 4000)
  const sizes = ['192x108', '224x126']
  let at = 4000
  for (const size of sizes) {
    const tagsOfSize = (await flv({ seconds: 20, size })).map((tag) => shifted(tag, at))
    await stage.feed(input, before(tagsOfSize, at + 19_000))
    at += 19_000
    input = stage.stream.isBusy ? input : stage.open('flv')
  }
  await stage.feed(
    input,
    (await flv({ seconds: 20, size: '256x144' })).map((tag) => shifted(tag, at)),
  )
  await stage.wait(2000)
  expect(stage.shelf.track('v0')?.inits.size).toBeLessThanOrEqual(2)
})

test('a track that comes later joins with a discontinuity', async () => {
  const stage = new Stage()
  const input = stage.open('flv')
  await stage.feed(
    input,
    before(tags, 6000).filter((tag) => !isAudioTag(tag)),
  )
  expect(stage.shelf.track('a0')).toBeNull()
  const [sequenceHeader] = tags.filter(isAudioTag)
  await stage.feed(input, [shifted(sequenceHeader!, 6000), ...from(before(tags, 16_000), 6000)])
  expect(stage.segments('a0').every(({ isGap }) => !isGap)).toBe(true)
  expect(stage.segments('a0')[0]).toMatchObject({ dsn: 1, msn: stage.segments('v0').find(({ dsn }) => dsn === 1)?.msn })
})

test('a track that falls silent while another goes on gets gaps, and the other is not disturbed', async () => {
  const stage = new Stage()
  const input = await live(stage)
  await stage.feed(
    input,
    from(tags, 7000).filter((tag) => !isAudioTag(tag)),
  )
  const video = stage.segments('v0')
  const audio = stage.segments('a0')
  expect(video.every(({ isGap }) => !isGap)).toBe(true)
  expect(audio.at(-1)?.isGap).toBe(true)
  expectRising(audio)
  expect(video.at(-1)!.msn - audio.at(-1)!.msn).toBeLessThanOrEqual(3)
  expect(stage.stream.status(stage.nowMs).status).toBe('live')
})

test('a second publisher is refused while the first is connected', async () => {
  const stage = new Stage()
  const first = await live(stage)
  expect(() => stage.open('flv')).toThrow(expect.objectContaining({ code: 'stream_busy' }))
  stage.stream.close(first, null)
  expect(() => stage.open('flv')).not.toThrow()
})

test('with takeover the second publisher goes on in the same playlist', async () => {
  const stage = new Stage({ settings: { onBusy: 'takeover' } })
  const first = await live(stage)
  await live(stage)
  expect(stage.endedInputs).toEqual([{ inputId: first, fault: expect.objectContaining({ code: 'input_ended' }) }])
  expectRising(stage.segments('v0'))
  expect(stage.segments('v0').at(-1)).toMatchObject({ dsn: 1, isGap: false })
})

test('an input that returns by itself takes no stream over: it stands by', async () => {
  const stage = new Stage({ settings: { onBusy: 'takeover' } })
  await live(stage)
  for (const protocol of ['udp', 'rtp', 'pull'] as const) stage.open('ts', protocol, stage.nowMs, `${protocol}-1`)
  expect(stage.endedInputs).toEqual([])
  expect(stage.stream.status(stage.nowMs).inputs.map(({ id, role }) => [id, role])).toEqual([
    ['push-1', 'active'],
    ['udp-1', 'standby'],
    ['rtp-1', 'standby'],
    ['pull-1', 'standby'],
  ])
})

test('a stream that ends and starts again in the same cell gives no name to other bytes', async () => {
  const stage = new Stage()
  await live(stage, 6500)
  const names = stage.segments('v0').map(({ msn }) => msn)
  stage.stream.end('asked')
  const last = Math.max(...names, ...stage.segments('v0').map(({ msn }) => msn))
  await live(stage, 6500)
  expect(stage.segments('v0')[0]!.msn).toBeGreaterThan(last)
})

test('settings that change in mid-stream leave what was advertised as it is', async () => {
  const stage = new Stage({ settings: { gop: 'fixed' } })
  await live(stage)
  const header = stage.text('v0').split('\n').slice(0, 5)
  stage.update({ gop: 'auto', partMs: 500 })
  const longGop = (await flv({ seconds: 12, gopFrames: 250, size: '192x108' })).map((tag) => shifted(tag, 7000))
  const input = stage.stream.isBusy ? 'input-0' : stage.open('flv')
  await stage.feed(input, longGop)
  expect(stage.text('v0').split('\n').slice(0, 5)).toEqual(header)
  for (const seconds of stage.durations('v0')) expect(Math.round(seconds)).toBeLessThanOrEqual(2)
})

test('a publisher that never sends a keyframe is ended by name', async () => {
  const stage = new Stage()
  const input = stage.open('flv')
  const isKeyframe = ({ bytes }: TimedBytes) => bytes[0] === 9 && bytes[11]! >> 4 === 1 && bytes[12] === 1
  await stage.feed(
    input,
    tags.filter((tag) => !isAudioTag(tag) && !isKeyframe(tag)),
  )
  expect(stage.endedInputs).toEqual([{ inputId: input, fault: expect.objectContaining({ code: 'ingest_no_media' }) }])
  expect(stage.stream.status(stage.nowMs).status).toBe('offline')
  expect(stage.budget.usedBytes).toBe(0)
})

test('an input that comes from a dead owner has as long to show a keyframe as a new one', async () => {
  const stage = new Stage()
  const input = stage.open('flv', 'rtmp', NOON_MS - 3_600_000)
  await stage.wait(5000)
  await stage.feed(input, before(tags, 7000))
  expect(stage.endedInputs).toEqual([])
  expect(stage.stream.status(stage.nowMs)).toMatchObject({
    status: 'live',
    input: { connectedAtMs: NOON_MS - 3_600_000 },
  })
})

test('media for cells that are over is no life sign: the playlist goes on with gaps until it starts anew', async () => {
  const stage = new Stage()
  const input = await live(stage)
  await stage.wait(8000)
  // The encoder's buffer drains as slowly as the clock runs: all of it is eight seconds late.
  await stage.feed(input, before(from(tags, 7000), 9000))
  expect(stage.stream.status(stage.nowMs).status).toBe('interrupted')
  expect(stage.segments('v0').at(-1)).toMatchObject({ msn: NOON_CELL + 7, isGap: true })
  await stage.feed(input, from(tags, 9000))
  const listed = stage.segments('v0')
  expectRising(listed)
  expect(listed.at(-1)).toMatchObject({ dsn: 1, isGap: false })
})

test('memory that runs out ends the input by name, and the silence after it is bridged all the same', async () => {
  const stage = new Stage({ slabs: 1, settings: { graceMs: 20_000 } })
  const input = stage.open('flv')
  await stage.feed(input, await flv({ seconds: 5, size: '640x360', gopFrames: 1, isNoise: true }))
  expect(stage.endedInputs).toEqual([
    { inputId: input, fault: expect.objectContaining({ code: 'window_memory_full' }) },
  ])
  await stage.wait(12_000)
  expect(stage.segments('v0').at(-1)).toMatchObject({ isGap: true })
  await stage.wait(12_000)
  expect(stage.playlist('v0').endlist).toBe(true)
})

test('a part that finds no room when the stream is ended does not keep it from ending', async () => {
  const stage = new Stage({ slabs: 1 })
  const input = stage.open('flv')
  const heavy = await flv({ seconds: 5, size: '640x360', gopFrames: 1, isNoise: true })
  for (const tag of heavy) {
    if (stage.endedInputs.length > 0) break
    await stage.feed(input, [tag])
    await stage.wait(30)
  }
  stage.stream.end('asked')
  expect(stage.stream.status(stage.nowMs).status).toBe('ended')
  expect(stage.playlist('v0').endlist).toBe(true)
  stage.stream.dispose()
  expect(stage.budget.usedBytes).toBe(0)
})

test('a new stream is refused when its first slab does not fit', () => {
  const stage = new Stage({ slabs: 0 })
  expect(() => stage.open('flv')).toThrow(expect.objectContaining({ code: 'window_memory_full' }))
})

test('everything is given back: by removal at once, by an end a minute later', async () => {
  const removed = new Stage()
  await live(removed)
  removed.stream.dispose()
  expect(removed.budget.usedBytes).toBe(0)
  expect(removed.shelf.phase).toBe('offline')
  // A player that is shown an end would ask for the media before it.
  const shown = removed.publications.filter((one) => one.kind === 'playlist')
  expect(shown.filter(({ playlist }) => playlist.position.isEnded)).toEqual([])

  const ended = new Stage()
  await live(ended)
  ended.stream.end('asked')
  expect(ended.media('v0', `${NOON_CELL}.m4s`)).not.toBeNull()
  await ended.wait(61_000)
  expect(ended.budget.usedBytes).toBe(0)
  expect(ended.stream.status(ended.nowMs).status).toBe('offline')
  expect(ended.shelf.track('v0')?.playlist).toBeNull()
})

test('a removal while the store is asked leaves nothing behind', async () => {
  const stage = new Stage({ timeline: { ...NO_POINTS, resolve: () => new Promise(() => {}) } })
  const input = stage.open('flv')
  await stage.feed(input, before(tags, 1000))
  stage.stream.dispose()
  await settled()
  expect(stage.stream.status(stage.nowMs).status).toBe('offline')
  expect(stage.endedInputs).toHaveLength(1)
  expect(stage.budget.usedBytes).toBe(0)
})

test('a timeline that fails ends the input once and is not asked again', async () => {
  let asked = 0
  const stage = new Stage({
    timeline: {
      ...NO_POINTS,
      async resolve() {
        asked++
        throw new Error('a bug')
      },
    },
  })
  const input = stage.open('flv')
  await stage.feed(input, before(tags, 1000))
  await stage.wait(5000)
  expect(asked).toBe(1)
  expect(stage.endedInputs).toEqual([{ inputId: input, fault: expect.objectContaining({ code: 'internal' }) }])
})

test('an input that closes while it is looked at is still published', async () => {
  const stage = new Stage()
  const input = stage.open('flv')
  await stage.feed(
    input,
    before(tags, 300).filter((tag) => !isAudioTag(tag)),
  )
  stage.stream.close(input, null)
  await stage.wait(3000)
  expect(stage.stream.status(stage.nowMs).status).toBe('live')
  expect(stage.told('stream.started')).toHaveLength(1)
})

test('an encoder that sends one request per fragment is one publisher on one timeline entry', async () => {
  const stage = new Stage()
  const { header, fragments } = await cmaf({ seconds: 12 })
  for (const [index, { atMs, bytes }] of fragments.entries()) {
    await stage.waitUntil(NOON_MS + atMs)
    const input = stage.open('fmp4', 'cmaf')
    if (index === 0) stage.stream.data(input, header.slice(), stage.nowMs)
    stage.stream.data(input, bytes.slice(), stage.nowMs)
    await settled()
    stage.stream.close(input, null)
  }
  expect(stage.told('stream.quality_change')).toEqual([])
  expect(stage.stream.status(stage.nowMs).repairs).toEqual({})
  for (const track of ['v0', 'a0']) {
    const listed = stage.segments(track)
    expectRising(listed)
    expect(new Set(listed.map(({ dsn }) => dsn))).toEqual(new Set([0]))
    expect(listed.every(({ isGap }) => !isGap)).toBe(true)
  }
})

test('a fragment that a CMAF encoder sends again after a reconnect is published once', async () => {
  const stage = new Stage()
  const { header, fragments } = await cmaf({ seconds: 12 })
  const first = stage.open('fmp4', 'cmaf')
  stage.stream.data(first, header.slice(), stage.nowMs)
  await stage.feed(first, before(fragments, 6000))
  stage.stream.close(first, null)
  const second = stage.open('fmp4', 'cmaf')
  stage.stream.data(second, header.slice(), stage.nowMs)
  stage.stream.data(second, fragments[5]!.bytes.slice(), stage.nowMs)
  await stage.wait(1000)
  await stage.feed(second, from(fragments, 6000))
  const listed = stage.segments('v0')
  expectRising(listed)
  expect(new Set(listed.map(({ dsn }) => dsn))).toEqual(new Set([0]))
  expect(stage.told('stream.quality_change')).toEqual([])
  for (const seconds of stage.durations('v0').slice(1)) expect(seconds).toBeCloseTo(2, 3)
})

test('a disconnect is told once, however often the stream is ended afterwards', async () => {
  const stage = new Stage()
  const input = await live(stage)
  stage.stream.close(input, null)
  stage.stream.restart()
  stage.stream.end('asked')
  stage.stream.end('asked again')
  expect(stage.told('stream.input_disconnected')).toHaveLength(1)
  expect(stage.told('stream.stopped')).toHaveLength(1)
})

test('a date range stands in every playlist of the stream while any of it is listed, and then is told as gone', async () => {
  const stage = new Stage()
  const input = await live(stage, 5000)
  const range = {
    ...{ id: 'ad-1', class: 'ads', startMs: NOON_MS + 1000, endMs: null, durationSec: 3, plannedDurationSec: null },
    ...{ isEndOnNext: false, attributes: [{ name: 'SCTE35-OUT', value: { kind: 'hex', hex: '0xFC' } as const }] },
  }
  stage.announce([range])
  const expected =
    '#EXT-X-DATERANGE:ID="ad-1",CLASS="ads",START-DATE="2026-11-21T12:00:01.000Z",DURATION=3.00000,SCTE35-OUT=0xFC'
  const texts = (name: 'full' | 'deltaV2') =>
    (['v0', 'a0'] as const).flatMap((id) => {
      const { playlist, iFrames } = stage.shelf.track(id)!
      return [playlist, ...(id === 'v0' ? [iFrames] : [])].map((one) => Buffer.from(one![name]?.plain ?? []).toString())
    })
  for (const text of texts('full')) expect(text.split('\n')).toContain(expected)
  for (const track of ['v0', 'a0']) expect(() => stage.playlist(track)).not.toThrow()
  await stage.feed(input, from(tags, 5000))
  for (const text of texts('full')) expect(text).toContain(expected)
})

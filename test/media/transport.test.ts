// Packets that are lost, doubled or cut oddly; parameter sets that change; tracks that pause.
import { expect, test } from 'vitest'
import type { TimedBytes } from '../../src/live/owner/live-stage.test-support.ts'
import { makeFixture, makeFixtureFile, writeFixture } from '../support/fixtures.ts'
import { type Broadcast, expectRising, expectSameMedia, packetsOfFile, play, sourceOf } from './broadcast.ts'
import { cutTs, encoding, flvTags, type PictureOptions, packetsOf, pidOf, retimed, tsFile } from './feeds.ts'

const VIDEO_PID = 0x100
const AUDIO_PID = 0x101

function expectWhole(broadcast: Broadcast, trackIds: readonly string[] = ['v0', 'a0']): void {
  for (const id of trackIds) {
    expect(broadcast.discontinuities(id), `discontinuities of ${id}`).toBe(0)
    expect(broadcast.gaps(id), `gaps of ${id}`).toBe(0)
  }
}

async function encodedTs(options: PictureOptions = {}): Promise<{ path: string; file: Uint8Array }> {
  const path = await makeFixtureFile([...encoding(options), '-f', 'mpegts'], 'odd.ts')
  return { path, file: await sourceOf(path) }
}

/** Cut as if nothing had happened, then changed packet by packet. */
function tampered(
  file: Uint8Array,
  change: (packet: Uint8Array, index: number) => readonly Uint8Array[],
): TimedBytes[] {
  let index = 0
  return cutTs(file).map(({ atMs, bytes }) => ({
    atMs,
    bytes: new Uint8Array(Buffer.concat(packetsOf(bytes).flatMap((packet) => change(packet, index++)))),
  }))
}

test('every packet twice: ISO 13818-1 allows it, and nothing shows', async () => {
  const { path, file } = await encodedTs()
  const broadcast = await play(
    'ts',
    tampered(file, (packet) => [packet, packet]),
  )
  broadcast.expectLegal()
  await expectSameMedia(broadcast, path)
  expect(await broadcast.decode()).toBe('')
  expectWhole(broadcast)
  expect(broadcast.repairs()).toEqual({})
})

test.concurrent.each([
  { what: 'video', pid: VIDEO_PID, trackId: 'v0', every: 150 },
  { what: 'audio', pid: AUDIO_PID, trackId: 'a0', every: 40 },
])('lost packets of $what are counted, the rest plays and never runs backward', async ({ pid, trackId, every }) => {
  const { path, file } = await encodedTs({ seconds: 12, size: '320x180' })
  let lost = 0
  let seen = 0
  const media = tampered(file, (packet) => {
    if (pidOf(packet) !== pid || ++seen % every !== 0) return [packet]
    lost++
    return []
  })
  expect(lost).toBeGreaterThan(3)
  const broadcast = await play('ts', media)
  broadcast.expectLegal()
  expectWhole(broadcast)
  expect(broadcast.repairs()).toMatchObject({ ts_packet_lost: lost })
  const played = await broadcast.packets(trackId)
  expectRising(played)
  const source = await packetsOfFile(path, trackId)
  expect(played.length).toBeLessThan(source.length)
  expect(played.length).toBeGreaterThan(source.length - 20 * lost)
  const other = trackId === 'v0' ? 'a0' : 'v0'
  expect((await broadcast.packets(other)).length).toBe((await packetsOfFile(path, other)).length)
})

test('a second of packets that never came leaves a hole, no discontinuity', async () => {
  const { file } = await encodedTs({ seconds: 12 })
  const media = cutTs(file).filter(({ atMs }) => atMs < 5200 || atMs >= 6200)
  const broadcast = await play('ts', media)
  broadcast.expectLegal()
  expectWhole(broadcast)
  for (const id of ['v0', 'a0']) expectRising(await broadcast.packets(id))
  expect(await broadcast.decode()).toBe('')
  expect(broadcast.lagSec('v0').max).toBeLessThan(1.9)
})

test('bytes that are no packets at all are skipped and counted', async () => {
  const { file } = await encodedTs()
  const media = cutTs(file).map((piece, index) =>
    index % 50 === 49 ? { ...piece, bytes: new Uint8Array(Buffer.concat([Buffer.alloc(100, 1), piece.bytes])) } : piece,
  )
  const broadcast = await play('ts', media)
  broadcast.expectLegal()
  expectWhole(broadcast)
  expect(broadcast.repairs()['ts_sync_lost']).toBeGreaterThan(3)
})

test('another resolution in mid-stream: one discontinuity and a new initialization in every track at the same cell', async () => {
  const first = await encodedTs({ seconds: 6 })
  const second = await encodedTs({ seconds: 6, size: '128x96' })
  const media = [
    ...cutTs(first.file),
    ...cutTs(second.file).map((piece) => {
      const { bytes } = retimed(piece, (ticks) => ticks + 6 * 90_000)
      return { atMs: piece.atMs + 6000, bytes }
    }),
  ]
  const broadcast = await play('ts', media)
  broadcast.expectLegal()
  const changes = ['v0', 'a0'].map((id) => {
    expect(broadcast.discontinuities(id)).toBe(1)
    // A new entry begins in a cell that no track has used: video may wait for its next keyframe.
    expect(broadcast.gaps(id)).toBeLessThanOrEqual(1)
    return broadcast.segments(id).find(({ dsn }) => dsn === 1)?.msn
  })
  expect(changes[0]).toBe(changes[1])
  expect(new Set(broadcast.segments('v0').map(({ initUri }) => initUri)).size).toBe(2)
  for (const dsn of [0, 1]) expect(await broadcast.decode(dsn)).toBe('')
  expect(broadcast.lagSec('v0').max).toBeLessThan(3)
})

/** SPS and PPS of every second keyframe change places; all of it lies in one packet. */
function swapParameterSets(packet: Uint8Array): Uint8Array {
  const bytes = Buffer.from(packet)
  const sps = bytes.indexOf(Buffer.from([0, 0, 0, 1, 0x67]))
  const pps = bytes.indexOf(Buffer.from([0, 0, 0, 1, 0x68]))
  if (sps < 0 || pps < sps) return packet
  const next = bytes.indexOf(Buffer.from([0, 0, 1]), pps + 4)
  if (next < 0) return packet
  const swapped = Buffer.concat([
    bytes.subarray(0, sps),
    bytes.subarray(pps, next),
    bytes.subarray(sps, pps),
    bytes.subarray(next),
  ])
  return new Uint8Array(swapped)
}

test('parameter sets that come again, in another order each time, change nothing', async () => {
  const { path, file } = await encodedTs({ gopFrames: 15 })
  let swapped = 0
  const media = tampered(file, (packet, index) => {
    const other = index % 2 === 0 ? swapParameterSets(packet) : packet
    if (other !== packet) swapped++
    return [other]
  })
  expect(swapped).toBeGreaterThan(3)
  const broadcast = await play('ts', media)
  broadcast.expectLegal()
  expectWhole(broadcast)
  await expectSameMedia(broadcast, path)
  expect(await broadcast.decode()).toBe('')
  expect(new Set(broadcast.segments('v0').map(({ initUri }) => initUri)).size).toBe(1)
  expect(broadcast.repairs()).toEqual({})
})

test('a resolution that flaps every two seconds: a discontinuity each time, few events, and the playlist stays legal', async () => {
  const first = await encodedTs({ seconds: 16, gopFrames: 30 })
  const second = await encodedTs({ seconds: 16, gopFrames: 30, size: '128x96' })
  const broadcast = await play('ts', inTurns(first.file, second.file, 2000))
  broadcast.expectLegal()
  // Each turn is counted. One that is over before its first picture has a cell to begin in is not shown.
  for (const id of ['v0', 'a0']) {
    expect(broadcast.discontinuities(id)).toBeGreaterThanOrEqual(3)
    const newest = Math.max(...broadcast.segments(id).map(({ dsn }) => dsn))
    expect(newest).toBeGreaterThanOrEqual(5)
    expect(newest).toBeLessThanOrEqual(7)
  }
  const dsns = new Set(broadcast.segments('v0').flatMap(({ dsn, isGap }) => (isGap ? [] : [dsn])))
  for (const dsn of dsns) expect(await broadcast.decode(dsn)).toBe('')
  expect(broadcast.stage.events.length).toBeLessThan(30)
})

/** Two encodings of the same clock, one after the other for so long each. */
function inTurns(first: Uint8Array, second: Uint8Array, turnMs: number): TimedBytes[] {
  const isFirst = ({ atMs }: TimedBytes) => Math.floor((atMs + 1) / turnMs) % 2 === 0
  return [...cutTs(first).filter(isFirst), ...cutTs(second).filter((piece) => !isFirst(piece))].toSorted(
    (a, b) => a.atMs - b.atMs,
  )
}

test('an RTMP encoder that repeats its sequence headers every second changes nothing', async () => {
  const tags = await flvTags()
  const headers = tags.filter(({ bytes }) => (bytes[0] === 9 || bytes[0] === 8) && bytes[12] === 0)
  expect(headers).toHaveLength(2)
  let nextAtMs = 1000
  const media = tags.flatMap((tag) => {
    if (tag.atMs < nextAtMs) return [tag]
    nextAtMs += 1000
    return [...headers.map(({ bytes }) => ({ atMs: tag.atMs, bytes })), tag]
  })
  const broadcast = await play('flv', media)
  broadcast.expectLegal()
  expectWhole(broadcast)
  expect(await broadcast.decode()).toBe('')
  expect((await broadcast.packets('v0')).length).toBe(240)
  expect(broadcast.repairs()).toEqual({})
})

test.concurrent.each([300, 1000, 5000])(
  'ADTS frames cut anywhere, %i bytes per PES packet, keep their times',
  async (pesBytes) => {
    const adts = await makeFixture([...encoding({ video: null }), '-f', 'adts'], 'odd.aac')
    const tables = packetsOf(await tsFile({ video: null })).slice(0, 3)
    const file = adtsInTs(adts, tables, pesBytes)
    const broadcast = await play('ts', cutTs(file))
    broadcast.expectLegal()
    expectWhole(broadcast, ['a0'])
    const played = await broadcast.packets('a0')
    const sent = await packetsOfFile(await writeFixture(adts, 'sent.aac'), 'a0')
    expect(played).toHaveLength(sent.length)
    const first = played[0]?.sec ?? 0
    for (const [index, { sec }] of played.entries()) expect(sec - first).toBeCloseTo((index * 1024) / 48_000, 5)
    expect(await broadcast.decode()).toBe('')
    expect(broadcast.repairs()).toEqual({})
  },
)

/** PES packets of equal length, whatever frames they cut; the PTS is that of the first frame that begins in one. */
function adtsInTs(adts: Uint8Array, tables: readonly Uint8Array[], pesBytes: number): Uint8Array {
  const starts: number[] = []
  for (let at = 0; at + 7 <= adts.length; ) {
    starts.push(at)
    at += (((adts[at + 3] ?? 0) & 3) << 11) | ((adts[at + 4] ?? 0) << 3) | ((adts[at + 5] ?? 0) >> 5)
  }
  const packets: Uint8Array[] = [...tables]
  let counter = 0
  for (let from = 0; from < adts.length; from += pesBytes) {
    const payload = adts.subarray(from, from + pesBytes)
    const frame = starts.findIndex((start) => start >= from && start < from + pesBytes)
    const header = Buffer.from([0, 0, 1, 0xc0, 0, 0, 0x80, 0, 0])
    const stamp = frame < 0 ? Buffer.alloc(0) : timestamp(90_000 + Math.round((frame * 1024 * 90_000) / 48_000))
    header.writeUInt16BE(3 + stamp.length + payload.length, 4)
    header[7] = frame < 0 ? 0 : 0x80
    header[8] = stamp.length
    const pes = Buffer.concat([header, stamp, payload])
    for (let at = 0; at < pes.length; at += 184) {
      packets.push(audioPacket(pes.subarray(at, at + 184), counter++ & 15, at === 0))
    }
  }
  return new Uint8Array(Buffer.concat(packets))
}

function audioPacket(payload: Uint8Array, counter: number, isStart: boolean): Uint8Array {
  const packet = new Uint8Array(188).fill(0xff)
  const stuffing = 184 - payload.length
  packet.set([0x47, isStart ? 0x41 : 0x01, 0, (stuffing > 0 ? 0x30 : 0x10) | counter])
  if (stuffing > 0) packet[4] = stuffing - 1
  if (stuffing > 1) packet[5] = 0
  packet.set(payload, 4 + stuffing)
  return packet
}

function timestamp(ticks: number): Buffer {
  return Buffer.from([
    0x21 | ((ticks >> 29) & 0xe),
    ticks >> 22,
    ((ticks >> 14) & 0xfe) | 1,
    (ticks >> 7) & 0xff,
    ((ticks << 1) & 0xfe) | 1,
  ])
}

test.concurrent.each(['ts', 'flv'] as const)(
  '%s audio that pauses for 10 s has gaps meanwhile and comes back in place',
  async (container) => {
    const options = { seconds: 22 }
    const all = container === 'flv' ? await flvTags(options) : cutTs(await tsFile(options))
    const isPaused = ({ atMs, bytes }: TimedBytes) => {
      if (atMs < 5000 || atMs >= 15_000) return false
      return container === 'flv' ? bytes[0] === 8 : pidOf(bytes) === AUDIO_PID
    }
    const media = all.filter((piece) => !isPaused(piece))
    expect(media.length).toBeLessThan(all.length - 20)
    const broadcast = await play(container, media)
    broadcast.expectLegal()
    for (const id of ['v0', 'a0']) expect(broadcast.discontinuities(id)).toBe(0)
    expect(broadcast.gaps('v0')).toBe(0)
    expect(broadcast.gaps('a0')).toBeGreaterThanOrEqual(4)
    expect(broadcast.gaps('a0')).toBeLessThanOrEqual(5)
    expect(broadcast.segments('a0').at(-1)?.isGap).toBe(false)
    expect(
      Math.abs((broadcast.segments('a0').at(-1)?.msn ?? 0) - (broadcast.segments('v0').at(-1)?.msn ?? 0)),
    ).toBeLessThanOrEqual(1)
    const [video, audio] = [await broadcast.packets('v0'), await broadcast.packets('a0')]
    expectRising(audio)
    const endsApartSec = (video.at(-1)?.sec ?? 0) - (audio.at(-1)?.sec ?? 0)
    expect(Math.abs(endsApartSec)).toBeLessThan(0.1)
    expect(await broadcast.decode()).toBe('')
  },
)

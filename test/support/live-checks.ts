// What must hold for a stream by every protocol alike.
import { expect } from 'vitest'
import type { StreamView } from '../../src/api/stream-contract.ts'
import type { Encoder } from './encoder.ts'
import { mediaPlaylist, multivariantPlaylist, probeHls } from './hls.ts'
import type { MirrorProcess } from './mirror-process.ts'
import { expectTold } from './told.ts'

/** A stream whose publisher sends video or audio alone is played as one rendition, which ffprobe reads. */
export async function expectSingleTrack(
  mirror: MirrorProcess,
  stream: StreamView,
  kind: 'video' | 'audio',
): Promise<void> {
  const { live } = await mirror.waitForStatus(stream.id, 'live')
  expect(live.tracks.map((track) => track.id)).toEqual([kind === 'video' ? 'v0' : 'a0'])
  const { variants: all } = await multivariantPlaylist(stream.playback.hls)
  const variants = all.filter(({ isIFrameOnly }) => isIFrameOnly !== true)
  expect(variants).toHaveLength(1)
  expect(variants.flatMap((variant) => [...variant.audio, ...variant.video])).toEqual([])
  expect(await probeHls(stream.playback.hls)).toEqual([kind === 'video' ? 'video h264' : 'audio aac'])
}

/** The publisher is killed: gaps bridge the silence, it is told, and the playlist goes on when the publisher returns. */
export async function expectBridgedOutage(
  mirror: MirrorProcess,
  stream: StreamView,
  publish: () => Encoder,
): Promise<void> {
  const { id } = stream
  const playlistUrl = `${mirror.mediaUrl}/stream/${id}/v0/playlist.m3u8`
  const segments = async () => (await mediaPlaylist(playlistUrl)).segments.filter((segment) => segment.uri !== '')

  await using encoder = publish()
  await mirror.waitForStatus(id, 'live')
  await expect.poll(async () => (await segments()).length, { timeout: 5000 }).toBeGreaterThan(1)
  const first = (await segments())[0]
  await encoder.stop('SIGKILL')
  const goneAtMs = Date.now()
  const event = await mirror.waitForEvent((each) => each.type === 'stream.interrupted' && each.streamId === id, 8000)
  expect(Date.parse(event.at) - goneAtMs).toBeGreaterThan(3500)
  expect(event).toMatchObject({ code: 'media_silent', message: expect.stringMatching(/gaps/) })
  await mirror.waitForStatus(id, 'interrupted', 2000)
  await expect
    .poll(async () => (await segments()).filter((each) => each.gap).length, { timeout: 3000 })
    .toBeGreaterThan(0)

  await using _again = publish()
  await mirror.waitForStatus(id, 'live', 8000)
  await expectTold(mirror, { type: 'stream.resumed', code: 'media_returned', streamId: id, message: /again/ })
  await expect.poll(async () => (await segments()).at(-1)?.gap, { timeout: 5000 }).not.toBe(true)
  // The same playlist: what was there before is still listed, and the numbers went on.
  const after = await segments()
  expect(after.map((segment) => segment.uri)).toContain(first?.uri)
  expect(after.some((segment) => segment.gap)).toBe(true)
  const numbers = after.map((segment) => segment.mediaSequenceNumber)
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index))
}

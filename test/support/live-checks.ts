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
  await expect.poll(async () => (await segments()).length).toBeGreaterThan(1)
  const first = (await segments())[0]
  await encoder.stop('SIGKILL')
  const event = await mirror.waitForEvent((each) => each.type === 'stream.interrupted' && each.streamId === id, 8000)
  expect(event).toMatchObject({ code: 'media_silent', message: expect.stringMatching(/No media for 4 s.*gaps/) })
  await mirror.waitForStatus(id, 'interrupted', 2000)
  await expect.poll(async () => (await segments()).filter((each) => each.gap).length).toBeGreaterThan(0)

  await using _again = publish()
  await mirror.waitForStatus(id, 'live', 8000)
  await expectTold(mirror, { type: 'stream.resumed', code: 'media_returned', streamId: id, message: /again/ })
  await expect.poll(async () => (await segments()).at(-1)?.gap).not.toBe(true)
  // The same playlist: what was there before is still listed, and the numbers went on.
  const after = await segments()
  expect(after.map((segment) => segment.uri)).toContain(first?.uri)
  expect(after.some((segment) => segment.gap)).toBe(true)
  const numbers = after.map((segment) => segment.mediaSequenceNumber)
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index))
}

/** For `expectPlayersToldOfDeletion`: a segment takes longer than any request is held (9 s). */
export const UNHURRIED = { segment: '10s', part: '100ms' } as const

/** Deletes a stream whose segments are UNHURRIED: a player that waits for one is answered, like those that come later. */
export async function expectPlayersToldOfDeletion(mirror: MirrorProcess, stream: StreamView): Promise<void> {
  const playlistUrl = `${mirror.mediaUrl}/stream/${stream.id}/v0/playlist.m3u8`
  const newest = (await mediaPlaylist(playlistUrl)).segments.at(-1)
  // The one after that which grows: however long the deletion takes, media cannot answer before.
  const waiting = fetch(`${playlistUrl}?_HLS_msn=${(newest?.mediaSequenceNumber ?? Number.NaN) + 1}`)
  // What is asked for later and answered: the request above is held by now.
  expect((await fetch(playlistUrl)).status).toBe(200)
  await mirror.api('DELETE', `/streams/${stream.id}`)
  expect((await waiting).status).toBe(404)
  for (const url of [playlistUrl, stream.playback.hls])
    await expect.poll(async () => (await fetch(url)).status).toBe(404)
}
